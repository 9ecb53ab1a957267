"""Readers that vote, in figures that fit in the head.

The stage `read` has three readers of a core each, measured at batch 1 only: `big` (0.9, 5 rps a replica),
`mid` (0.8, 10 rps), `low` (0.6, 10 rps), and their vote (3 cores, 5 rps). By the votes recorded below it is
right on 10 examples of 10 and `big` on 9, so its accuracy is 0.9 + 0.1 = 1. The SLO is met by all.
"""

from __future__ import annotations

from typing import Any

from baselines.policy import Situation
from core.configuration import Configuration
from core.ensemble import VoteTable, with_ensembles
from core.forecast import Forecast
from core.observation import ExaminedObservation, LabelledObservation, Observation, StageObservation
from core.pipeline import Pipeline
from tests.core.toys import pipeline, stage, variant

BIG = variant("big", 0.9, 1, (1, 0.2))
MID = variant("mid", 0.8, 1, (1, 0.1))
LOW = variant("low", 0.6, 1, (1, 0.1))
TRIO = "big+mid+low"


def votes(big: str = "aaaaaaaaab", mid: str = "aaaaaaaaaa", low: str = "aaaaaaaaaa") -> VoteTable:
    """Return what three readers answered to ten examples whose truth is `a`."""
    alone = {"big": tuple(big), "mid": tuple(mid), "low": tuple(low)}
    return VoteTable(labels={"a": "right"}, case_truth=("a",) * 10, alone=alone, truth=("a",) * 10)


def reading(table: VoteTable | None = None, **spec: Any) -> Pipeline:  # noqa: ANN401 - parts of a file
    """Return the pipeline of the one stage, with its ensemble."""
    bounds = spec.pop("replicas", {"min": 1, "max": 10})
    return with_ensembles(
        pipeline(stage("read", BIG, MID, LOW, replicas=bounds), **spec), {"read": table or votes()}
    )


def seen(
    loads_rps: tuple[float | None, ...] = (4.0,) * 10,
    *,
    right: float | None = None,
    labelled: int = 200,
    served: str = TRIO,
    examined: dict[str, int] | None = None,
) -> Observation:
    """Return what an interval of ten seconds showed: labelled answers of *served*, cases answered alone."""
    correct = None if right is None else round(right * labelled)
    by = (
        None
        if correct is None
        else (LabelledObservation(variants=(served,), labelled=labelled, correct=correct),)
    )
    cases = tuple(
        ExaminedObservation(variant=name, labelled=100, correct=n) for name, n in (examined or {}).items()
    )
    return Observation(
        time_s=10.0,
        interval_s=10.0,
        loads_rps=loads_rps,
        latency_s=0.2,
        in_time=1.0,
        dropped_rps=0.0,
        accuracy=right,
        labelled=0 if right is None else labelled,
        labelled_by=by,
        stages=(StageObservation(stage="read", arrivals_rps=4.0, queue=0.0, ready=1, examined=cases),),
    )


def situation(
    spec: Pipeline,
    observation: Observation | None = None,
    *,
    rps: float = 4.0,
    **fields: Any,  # noqa: ANN401
) -> Situation:
    """Return what is known where *rps* is forecast and, if nothing else is said, planned for."""
    return Situation(
        pipeline=spec,
        forecast=Forecast(point_rps=rps, upper_rps=rps, quantile=0.9, horizon_s=30.0, method="told"),
        observation=observation,
        running=fields.pop("running", None),
        planned_rps=fields.pop("planned_rps", rps),
        **fields,
    )


def variants_of(found: Configuration) -> list[str]:
    """Return what every stage serves."""
    return [s.variant for s in found.stages]
