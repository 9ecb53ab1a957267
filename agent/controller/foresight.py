"""What became of forecasts: each is held against the highest load of its own horizon, once that is over.

The load is averaged as the forecast's is (`core.patience`), with the samples before it that this takes.

A forecast speaks of the maximum over a horizon that is longer than an interval, so it is judged only when
all of it was measured; one with a gap is never judged, as the gap may have held the maximum.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from core.forecast import Forecast
from core.observation import Observation
from core.patience import AVERAGED_S, averaged_rps

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
    last: list[float | None] = field(default_factory=list)
    """The samples before *seen_s* that an average takes beside the next."""


@dataclass(slots=True)
class Foresight:
    """Of one pipeline. Times are those of the loop's clock."""

    _open: deque[_Open] = field(default_factory=lambda: deque(maxlen=MOST_OPEN))
    _last: list[float | None] = field(default_factory=list)
    """The last samples before *_until_s*, without a gap."""
    _until_s: float = 0.0

    def made(self, forecast: Forecast | None, observation: Observation | None) -> None:
        """Take in a forecast, made at the end of the interval that was observed."""
        if forecast is not None and observation is not None:
            self._remember(observation)
            now_s = observation.time_s
            end_s = now_s + forecast.horizon_s
            self._open.append(_Open(forecast, end_s=end_s, seen_s=now_s, last=self._last))

    def seen(self, observation: Observation | None) -> tuple[Judgement, ...]:
        """Take in an interval, and return what it settles."""
        still = [] if observation is None else [o for o in self._open if _followed(o, observation)]
        self._open = deque((o for o in still if not o.over), maxlen=MOST_OPEN)
        if observation is not None:
            self._remember(observation)
        return tuple(
            Judgement(o.highest_rps - o.forecast.point_rps, covered=o.highest_rps <= o.forecast.upper_rps)
            for o in still
            if o.over
        )

    def _remember(self, observation: Observation) -> None:
        """Keep the last samples of what was measured; once, however often it is told."""
        if observation.time_s == self._until_s:
            return
        began_s = observation.time_s - observation.interval_s
        if abs(began_s - self._until_s) > SLACK * _step_s(observation):
            self._last = []
        self._last = [*self._last, *observation.loads_rps][1 - AVERAGED_S :]
        self._until_s = observation.time_s


def _followed(each: _Open, observation: Observation) -> bool:
    """Add what was measured of the horizon; False where there is a gap."""
    loads_rps = observation.loads_rps
    step_s = _step_s(observation)
    together = max(1, round(each.forecast.averaged_s / step_s)) if step_s > 0 else 1
    began_s = observation.time_s - observation.interval_s
    if not loads_rps or began_s > each.seen_s + SLACK * step_s:
        return False
    for number, load_rps in enumerate(loads_rps, start=1):
        at_s = began_s + number * step_s
        if each.seen_s + SLACK * step_s < at_s and not each.over:
            if load_rps is None:
                return False
            each.last = [*each.last, load_rps][-together:]
            mean_rps = averaged_rps(each.last, together)[-1]
            if mean_rps is not None:
                each.highest_rps = max(each.highest_rps, mean_rps)
            each.seen_s = at_s
            each.over = at_s >= each.end_s - SLACK * step_s
    return True


def _step_s(observation: Observation) -> float:
    """Return the time between two samples, in seconds."""
    return observation.interval_s / max(1, len(observation.loads_rps))
