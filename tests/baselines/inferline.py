"""What the tests of InferLine's planner and tuner share: one variant that serves 10 a second one by one."""

from __future__ import annotations

from baselines.policy import Situation
from core.configuration import Configuration
from core.forecast import Forecast
from core.observation import Observation
from core.pipeline import Pipeline
from tests.core.toys import pipeline, stage, variant

ALONE = variant("only", 0.6, 1, (1, 0.1))
ONE = pipeline(stage("first", ALONE))


def situation(
    spec: Pipeline = ONE,
    *,
    planned_rps: float = 25.0,
    upper_rps: float = 25.0,
    observation: Observation | None = None,
    running: Configuration | None = None,
) -> Situation:
    forecast = Forecast(point_rps=0, upper_rps=upper_rps, quantile=0.9, horizon_s=30, method="told")
    return Situation(spec, forecast, observation, running, planned_rps=planned_rps)
