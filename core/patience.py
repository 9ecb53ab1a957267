"""How long a request may wait, and so what load a configuration must carry.

The requests of single seconds scatter by chance around the rate at which they come. The margins of a problem
hold what that costs (`core.queueing`: a quantile of the wait under Poisson arrivals), so what capacity has to
carry is the rate. Where the SLO leaves seconds to wait, it is told from chance by averaging over
`AVERAGED_S`, and a queue that a moment above capacity leaves behind is worked off within an SLO: what
waits counts as load (fluid bound: with capacity C, n waiting requests add n / t for all to be served in t).

A pipeline whose SLO is below `PATIENT_S` cannot wait for seconds: the highest second counts, and
what waits is late before capacity that is asked for now can serve it.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.configuration import Configuration
from core.observation import Observation
from core.pipeline import Pipeline
from core.prediction import stage_loads

PATIENT_S = 3.0
"""Least SLO, in seconds, that leaves two to wait beside one of service: loads are measured by the second."""
AVERAGED_S = 10
"""As long as an interval between decisions, and a block of the forecasters; a surge within is seen apart."""
USUAL_SHARE = 0.25
"""Of the SLO: what arrives within it may wait without being a backlog."""
LEAST_WORKED_OFF_S = 5.0
"""A backlog is not to be gone sooner: capacity for it would be cold still."""


def is_patient(pipeline: Pipeline) -> bool:
    """Say whether requests may wait for a second or more."""
    return pipeline.slo.latency_s >= PATIENT_S


def averaged_s(pipeline: Pipeline) -> int:
    """Return over how many seconds the load that must be carried is averaged; 1 for the highest second."""
    return AVERAGED_S if is_patient(pipeline) else 1


def averaged_rps(samples: Sequence[float | None], seconds: int) -> list[float | None]:
    """Return, for each sample, the mean of it and those before it, *seconds* in all.

    Missing ones are left out; None where less than half of them are known. The first means are of fewer.
    """
    if seconds == 1:
        return list(samples)
    found: list[float | None] = []
    for end in range(1, len(samples) + 1):
        window = samples[max(0, end - seconds) : end]
        known = [rps for rps in window if rps is not None]
        found.append(sum(known) / len(known) if 2 * len(known) >= len(window) else None)
    return found


def backlog_rps(pipeline: Pipeline, observation: Observation | None, running: Configuration | None) -> float:
    """Return the load that working off a backlog within an SLO adds, in requests per second.

    A backlog is what waits beyond what chance lets wait in a queue that is busy, by the stage where most
    requests wait. 0 where the pipeline is not patient or nothing is known.
    """
    if observation is None or running is None or not is_patient(pipeline):
        return 0.0
    items = stage_loads(pipeline, running, 1.0)
    waiting = [
        stage.queue / items[stage.stage]
        for stage in observation.stages
        if stage.queue is not None and items.get(stage.stage, 0.0) > 0
    ]
    known = [rps for rps in observation.loads_rps if rps is not None]
    usual = USUAL_SHARE * pipeline.slo.latency_s * sum(known) / len(known) if known else 0.0
    return max(0.0, max(waiting, default=0.0) - usual) / max(pipeline.slo.latency_s, LEAST_WORKED_OFF_S)
