"""The `ours` suite: the four pipelines of this project, on generated and Twitter traces, at three SLOs.

Their accuracy is the measured joint table. The SLO of the pipeline file is `normal`; `tight` and `loose` are
half and twice of it. Loads are scaled to each pipeline, so that the quiet load needs a core or two and the
peak a good part of the budget: the trace's shape is kept. Where votes are on record
(`pipelines.profiling.votes`) Cocktail finds a stage's ensembles among its variants; nobody else can run one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pipelines
from core.ensemble import with_ensembles
from core.pipeline import Pipeline
from evals.ipa import DATA, TRACES, trace
from evals.scenario import Entrant, Scenario
from evals.suites.paper import BY_THE_SECOND, LIMITS, OURS, others
from pipelines.profiling.votes import read_votes
from pipelines.reader import read_pipeline
from simulator.workload import bursty

SUITE = "ours"
NAMES = ("id_card", "video", "audio", "qa")
TIGHTNESS: Mapping[str, float] = {"tight": 0.5, "normal": 1.0, "loose": 2.0}
"""Times the SLO of the pipeline file."""
PEAK_RPS: Mapping[str, float] = {"id_card": 60.0, "video": 60.0, "audio": 24.0, "qa": 40.0}
"""Highest load of every trace."""
QUIET_SHARE = 1 / 6
"""Of the peak, for generated traces."""
SECONDS = 1200
VOTES = "votes.json"
GENERATED = "generated"
GENERATED_SEED = 2026


def scenarios(data: Path = DATA) -> Iterator[Scenario]:
    """Yield every pipeline, trace and SLO; without IPA's data the generated trace alone."""
    twitter = [name for name in TRACES if (data / "traces" / f"{name}.csv").is_file()]
    for name in NAMES:
        folder = Path(pipelines.__file__).parent / name
        declared = read_pipeline(folder / "pipeline.yaml")
        for word, times in TIGHTNESS.items():
            pipeline = declared.with_slo(times * declared.slo.latency_s)
            peak_rps = PEAK_RPS[name]
            generated = bursty(
                SECONDS, base_rps=QUIET_SHARE * peak_rps, peak_rps=peak_rps, seed=GENERATED_SEED
            )
            loads = {GENERATED: generated} | {t: scaled(trace(t, data), peak_rps) for t in twitter}
            for pattern, trace_rps in loads.items():
                yield Scenario(
                    SUITE,
                    f"{declared.name}/{pattern}/{word}",
                    pattern,
                    pipeline,
                    trace_rps,
                    ensembles=with_votes(pipeline, folder / VOTES),
                )


def entrants() -> tuple[Entrant, ...]:
    """Return everyone, ours first."""
    ipa = (
        Entrant("ipa", "ipa"),
        Entrant("ipa-own", "ipa-own"),
        Entrant("rim", "rim", settings=BY_THE_SECOND),
    )
    return (*OURS, *ipa, *others(), *LIMITS)


def with_votes(pipeline: Pipeline, path: Path) -> Pipeline | None:
    """Return the pipeline with ensembles among its variants; None where no votes are on record.

    Raises:
        InvalidDocument: the file holds no votes.
    """
    return with_ensembles(pipeline, read_votes(path)) if path.is_file() else None


def scaled(trace_rps: Sequence[float], peak_rps: float) -> tuple[float, ...]:
    """Return the trace with its shape kept and another peak."""
    factor = peak_rps / max(trace_rps)
    return tuple(rps * factor for rps in trace_rps)
