"""What a policy is told, in as few words as a test has."""

from __future__ import annotations

from typing import Any

from baselines.policy import Situation
from core.configuration import Configuration
from core.forecast import Forecast
from core.observation import Observation
from core.pipeline import Pipeline
from tests.core.toys import configuration


def told(
    spec: Pipeline,
    point_rps: float,
    *,
    running: Configuration | None = None,
    planned_rps: float | None = None,
    observation: Observation | None = None,
    **fields: Any,  # noqa: ANN401 - the rest of a situation
) -> Situation:
    """Return a situation in which *point_rps* are expected, and planned for where nothing else is said.

    The forecast's upper quantile is far above its point: no published policy may use it.
    """
    return Situation(
        pipeline=spec,
        forecast=Forecast(
            point_rps=point_rps, upper_rps=9 * point_rps, quantile=0.9, horizon_s=30.0, method="told"
        ),
        observation=observation,
        running=running,
        planned_rps=point_rps if planned_rps is None else planned_rps,
        **fields,
    )


def seen(time_s: float, *loads_rps: float | None) -> Observation:
    """Return an observation of one sample a second that ended at *time_s*."""
    return Observation(
        time_s=time_s,
        interval_s=len(loads_rps),
        loads_rps=loads_rps,
        latency_s=None,
        in_time=None,
        dropped_rps=None,
        accuracy=None,
    )


def first(variant: str, batch: int, replicas: int) -> Configuration:
    """Return a configuration of the one stage of most toys."""
    return configuration(("first", variant, batch, replicas))
