"""The load that is expected over the next horizon, and how far to trust it."""

from __future__ import annotations

from core.values import Frozen
from tools.toolkit._registry import kinds, register
from tools.toolkit.situation import Situation


class ForecastLoad(Frozen):
    """Nothing to say."""


class Expected(Frozen):
    """The forecast of the maximum load."""

    available: bool
    horizon_s: float
    point_rps: float | None = None
    upper_rps: float | None = None
    quantile: float | None = None
    coverage: float | None = None
    scored: int = 0
    missed: int = 0
    decided_rps: float
    """The load this turn decides for: the highest upper forecast of the stabilisation window."""
    announced: float
    """Times the load that the calendar lets a proposal ask for."""


@register("forecast_load", ForecastLoad, kinds("forecast bias", "load surge"))
def forecast_load(_: ForecastLoad, situation: Situation) -> Expected:
    """Read the forecast of the maximum load: point, upper quantile, and how often the upper was exceeded."""
    expected = situation.forecast
    if expected is None:
        return Expected(
            available=False,
            horizon_s=situation.horizon_s,
            decided_rps=situation.problem.load_rps,
            announced=situation.announced,
        )
    return Expected(
        available=True,
        horizon_s=expected.horizon_s,
        point_rps=expected.point_rps,
        upper_rps=expected.upper_rps,
        quantile=expected.quantile,
        coverage=expected.coverage,
        scored=expected.scored,
        missed=expected.missed,
        decided_rps=situation.problem.load_rps,
        announced=situation.announced,
    )
