"""The load that is expected over the next horizon, and how far to trust it."""

from __future__ import annotations

from core.decision import Decision
from core.errors import UsageError
from core.values import Frozen
from tools.toolkit._registry import Result, register
from tools.toolkit._shapes import Found, causes, of_kinds
from tools.toolkit.situation import Situation

MOST_RECENT = 5
"""Earlier forecasts that are shown."""


class ForecastLoad(Frozen):
    """Nothing to say."""


class Earlier(Frozen):
    """An earlier forecast, and the highest load measured in the interval before it."""

    time_s: float
    measured_max_rps: float | None
    upper_rps: float | None


class Expected(Result):
    """The forecast of the maximum load within the horizon."""

    findings: tuple[Found, ...] = ()
    point_rps: float
    upper_rps: float
    quantile: float
    horizon_s: float
    coverage: float | None
    """Share of recent maxima at or below the upper quantile."""
    scored: int
    missed: int
    decided_rps: float
    """What the turn decides for: the highest upper forecast of the stabilisation window."""
    announced: float
    """Times that load which the calendar lets a proposal ask for."""
    recent: tuple[Earlier, ...] = ()

    def shows(self) -> tuple[str, ...]:
        """Return what was found of the load and its forecast."""
        return causes(self.findings)


@register("forecast_load", ForecastLoad)
def forecast_load(_: ForecastLoad, situation: Situation) -> Expected:
    """Read the forecast of the maximum load: point, upper quantile, how often exceeded, recent ones."""
    expected = situation.forecast
    if expected is None:
        raise UsageError("there is no forecast now: too little load was measured; read_metrics says what was")
    return Expected(
        findings=of_kinds(situation, "forecast bias", "load surge"),
        point_rps=expected.point_rps,
        upper_rps=expected.upper_rps,
        quantile=expected.quantile,
        horizon_s=expected.horizon_s,
        coverage=expected.coverage,
        scored=expected.scored,
        missed=expected.missed,
        decided_rps=situation.problem.load_rps,
        announced=situation.announced,
        recent=tuple(_earlier(d) for d in situation.history[-MOST_RECENT:]),
    )


def _earlier(decision: Decision) -> Earlier:
    seen = () if decision.observation is None else decision.observation.loads_rps
    return Earlier(
        time_s=decision.time_s,
        measured_max_rps=max((rate for rate in seen if rate is not None), default=None),
        upper_rps=None if decision.forecast is None else decision.forecast.upper_rps,
    )
