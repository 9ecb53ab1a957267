"""What became of forecasts: each is held against the highest load of its own horizon, once that is over.

A forecast speaks of the maximum over a horizon that is longer than an interval, so it is judged only when
all of it was measured; one with a gap is never judged, as the gap may have held the maximum.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from core.forecast import Forecast
from core.observation import Observation

MOST_OPEN = 360
"""Forecasts that wait for the end of their horizon: an hour of ten seconds."""
SLACK = 0.5
"""Of one sample: how far the borders of intervals may be off."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """One forecast and what came."""

    error_rps: float
    """The highest load that came, less the point: positive where too little was expected."""
    covered: bool
    """Whether the highest load stayed at or below the upper quantile."""


@dataclass(slots=True)
class _Open:
    forecast: Forecast
    end_s: float
    seen_s: float
    """Up to where the horizon was measured, without a gap."""
    highest_rps: float = 0.0
    over: bool = False


@dataclass(slots=True)
class Foresight:
    """Of one pipeline. Times are those of the loop's clock."""

    _open: deque[_Open] = field(default_factory=lambda: deque(maxlen=MOST_OPEN))

    def made(self, forecast: Forecast | None, observation: Observation | None) -> None:
        """Take in a forecast, made at the end of the interval that was observed."""
        if forecast is not None and observation is not None:
            now_s = observation.time_s
            self._open.append(_Open(forecast, end_s=now_s + forecast.horizon_s, seen_s=now_s))

    def seen(self, observation: Observation | None) -> tuple[Judgement, ...]:
        """Take in an interval, and return what it settles."""
        still = [] if observation is None else [o for o in self._open if _followed(o, observation)]
        self._open = deque((o for o in still if not o.over), maxlen=MOST_OPEN)
        return tuple(
            Judgement(o.highest_rps - o.forecast.point_rps, covered=o.highest_rps <= o.forecast.upper_rps)
            for o in still
            if o.over
        )


def _followed(each: _Open, observation: Observation) -> bool:
    """Add what was measured of the horizon; False where there is a gap."""
    loads_rps = observation.loads_rps
    step_s = observation.interval_s / max(1, len(loads_rps))
    began_s = observation.time_s - observation.interval_s
    if not loads_rps or began_s > each.seen_s + SLACK * step_s:
        return False
    for number, load_rps in enumerate(loads_rps, start=1):
        at_s = began_s + number * step_s
        if each.seen_s + SLACK * step_s < at_s and not each.over:
            if load_rps is None:
                return False
            each.highest_rps = max(each.highest_rps, load_rps)
            each.seen_s = at_s
            each.over = at_s >= each.end_s - SLACK * step_s
    return True
