"""IPA's five pipelines and four traces, read from where their authors' figures are kept, never copied.

A folder of data holds `pipelines/NAME.json` and `traces/NAME.csv` (`../shared/data/ipa` beside a checkout, or
`--data`). What is read of a pipeline: for every variant the accuracy as measured, cores, and latency
(99th percentile) and throughput by batch as IPA's optimizer took them, its authors' margins included, so
that everybody, the twin included, believes and lives with the same profile; the SLO of the paper's Table 6.

The objective needs a scale. IPA scores a variant by its rank among the stage's, so that a request dropped
where the lightest variant serves costs nothing (rank 0), and serving nobody beats serving everybody under
high load. An episode is judged by effective accuracy, in which wrong counts 0; so accuracies here are
the measured ones, their product the pipeline's (PAS, as in IPA's revision), and

    alpha' = alpha * (number of stages that have a choice) / (PAS of the heaviest - PAS of the lightest),

so that going from the lightest to the heaviest variants everywhere is worth what it is worth in IPA's
objective; beta is IPA's. `ranked` gives the objective as IPA has it: ranks, their sum, its alpha.

No cold start is known of these models: IPA states about 8 s to adapt a configuration and under 2 s to decide.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import UsageError
from core.objective import Objective
from core.pipeline import Pipeline, ReplicaBounds, Stage, Variant
from pipelines.trace import read_trace

DATA = Path(__file__).parents[2] / "shared" / "data" / "ipa"
"""Beside a checkout of this project."""
NAMES = ("video", "audio-qa", "audio-sent", "sum-qa", "nlp")
TRACES = ("bursty", "steady-low", "steady-high", "fluctuating")
COLUMN = "rps_div8"
"""Requests per second as IPA replays them: the counts divided by 8, rounded down."""
LOAD_TIME_S = 8.0
"""Paper, section 5: "about 8 seconds" to adapt."""
MOST_REPLICAS = 100
"""IPA's scaling cap."""


class _Given(BaseModel):
    """A part of the authors' file; what is not read of it is ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class _Variant(_Given):
    name: str
    accuracy_pct: float = Field(alias="accuracy_positive_pct")
    rank: float = Field(alias="rank_normalised")
    cores: float = Field(alias="base_cpu")
    profile: Mapping[int, tuple[float, float]] = Field(
        alias="used_by_optimizer_batch_to_lat_thr_after_margins"
    )


class _Stage(_Given):
    task: str
    variants: Annotated[tuple[_Variant, ...], Field(min_length=1)]


class _Slo(_Given):
    e2e: float


class Settings(_Given):
    """What IPA ran a pipeline with."""

    alpha: float
    beta: float
    delta: float = Field(alias="gamma")
    batch_cap: int = Field(alias="batching_cap")
    margin_pct: float = Field(alias="predictor_margin")


class Setup(_Given):
    """One pipeline as its authors' file has it."""

    pipeline: str
    slo: _Slo = Field(alias="sla_paper_v1_table6_s")
    settings: Settings = Field(alias="optimizer_config_ms14_ipa")
    stages: Annotated[tuple[_Stage, ...], Field(min_length=1)]

    def measured(self) -> Pipeline:
        """Return the pipeline with measured accuracies, their product, and alpha on that scale."""
        lightest = heaviest = 1.0
        for stage in self.stages:
            lightest *= min(v.accuracy_pct for v in stage.variants) / 100
            heaviest *= max(v.accuracy_pct for v in stage.variants) / 100
        choices = sum(len(stage.variants) > 1 for stage in self.stages)
        if heaviest == lightest:
            raise ValueError("no stage has a choice: all accuracies are the same")
        alpha = self.settings.alpha * choices / (heaviest - lightest)
        return self._pipeline("product", alpha, {})

    def ranked(self) -> Pipeline:
        """Return the pipeline with ranks for accuracies, their sum, and IPA's own alpha."""
        ranks = {v.name: v.rank for stage in self.stages for v in stage.variants}
        return self._pipeline("sum", self.settings.alpha, ranks)

    def _pipeline(self, accuracy: str, alpha: float, ranks: Mapping[str, float]) -> Pipeline:
        stages: list[Stage] = []
        for given in self.stages:
            before = [{"stage": stages[-1].name}] if stages else []
            stages.append(
                Stage.model_validate(
                    {
                        "name": given.task,
                        "after": before,
                        "replicas": ReplicaBounds(max=MOST_REPLICAS),
                        "variants": [_variant(v, ranks) for v in given.variants],
                    }
                )
            )
        return Pipeline.model_validate(
            {
                "name": self.pipeline,
                "slo": {"latency": self.slo.e2e},
                "accuracy": accuracy,
                "objective": Objective(alpha=alpha, beta=self.settings.beta, delta=self.settings.delta),
                "stages": stages,
            }
        )


def setup(name: str, data: Path = DATA) -> Setup:
    """Return a pipeline of IPA's as its authors' file has it.

    Raises:
        UsageError: the file is not there or not of that kind.
    """
    path = data / "pipelines" / f"{name}.json"
    try:
        found = Setup.model_validate(json.loads(path.read_text(encoding="utf-8")))
        found.measured()  # whatever no pipeline can be is refused here
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; say where IPA's data are with --data FOLDER") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UsageError(f"{path}: not one of IPA's pipelines: {place}: {first['msg']}") from error
    except ValueError as error:
        raise UsageError(f"{path}: not one of IPA's pipelines: {error}") from error
    return found


def trace(name: str, data: Path = DATA) -> tuple[float, ...]:
    """Return one of the four traces, in requests per second, one figure a second.

    Raises:
        UsageError: the file is not there or has no such column.
    """
    path = data / "traces" / f"{name}.csv"
    if not path.is_file():
        raise UsageError(f"{path}: not there; say where IPA's data are with --data FOLDER")
    return tuple(read_trace(path, COLUMN))


def _variant(given: _Variant, ranks: Mapping[str, float]) -> Variant:
    return Variant.model_validate(
        {
            "name": given.name,
            "accuracy": ranks.get(given.name, given.accuracy_pct / 100),
            "cores": given.cores,
            "loadTime": LOAD_TIME_S,
            "profile": [
                {"batch": batch, "latency": latency_s, "throughput": rate_rps}
                for batch, (latency_s, rate_rps) in given.profile.items()
            ],
        }
    )
