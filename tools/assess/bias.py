"""Forecast bias: the load exceeds the upper quantile more often than the quantile says.

A forecast made at t is scored once the load of all seconds of (t, t + horizon] is known, averaged as the
forecast's is (`core.patience`), with the seconds before t that this takes. Only forecasts whose
horizons do not overlap are scored, so that the misses of a forecaster that is right are independent; then an
e-detector on misses against 1 - quantile. The run length counts scored forecasts, one a horizon.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from core.assessment import Finding
from core.forecast import Forecast
from core.observation import Observation
from core.patience import AVERAGED_S, averaged_rps
from core.pipeline import Pipeline
from tools.assess._evidence import RUN_LENGTH, Evidence, binomial_log_ratios
from tools.assess._moment import Moment

WORSE = (2.0, 4.0)
"""Times the stated share of misses that the test looks for."""
MOST_MISSED = 0.9
"""No alternative claims more, so that one hit refutes none."""
REMEMBERED = 360
"""Scored forecasts kept for the statement."""
SLACK_S = 1.0
"""How far the borders of intervals may be off."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A forecast whose target is not known yet."""

    made_s: float
    forecast: Forecast
    before: tuple[float | None, ...]
    """The last samples before it was made."""


@dataclass(slots=True)
class ForecastBias:
    """Scores forecasts against what came."""

    pipeline: Pipeline
    evidence: Evidence = field(default_factory=lambda: Evidence(len(WORSE)))
    pending: _Waiting | None = None
    loads: list[float | None] = field(default_factory=list)
    """Samples since that was made, one a second."""
    recent: tuple[float | None, ...] = ()
    """The last samples, as many as an average takes beside the newest."""
    measured_s: float = 0.0
    """Up to where they go."""
    scored: list[tuple[float, bool]] = field(default_factory=list)
    """When a forecast was made, and whether it was missed."""

    def learn(self, moment: Moment) -> None:
        """Take in the samples of one interval, and the forecast made after it."""
        if self.pending is not None:
            self._pass(moment)
        self._remember(moment.observation)
        if self.pending is None and moment.forecast is not None:
            self.pending = _Waiting(moment.time_s, moment.forecast, self.recent)
            self.loads = []

    def findings(self, moment: Moment) -> tuple[Finding, ...]:
        """Return the bias, if there is one."""
        if not self.evidence.alarmed or moment.forecast is None:
            return ()
        since_s = self.evidence.since_s
        misses = [missed for at_s, missed in self.scored if at_s >= since_s]
        share = sum(misses) / len(misses)
        return (
            Finding(
                kind="forecast bias",
                subject=self.pipeline.name,
                statement=(
                    f"{sum(misses)} of {len(misses)} forecasts since {since_s:g} s were exceeded, "
                    f"{1 - moment.forecast.quantile:.0%} should be"
                ),
                false_alarm=1 / RUN_LENGTH,
                since_s=since_s,
                figure=100 * share,
            ),
        )

    def _remember(self, seen: Observation | None) -> None:
        """Keep the last samples; what lies before a gap says nothing of what comes after it."""
        if seen is None:
            return
        if abs(seen.time_s - seen.interval_s - self.measured_s) > SLACK_S:
            self.recent = ()
        self.recent = (*self.recent, *seen.loads_rps)[1 - AVERAGED_S :]
        self.measured_s = seen.time_s

    def _pass(self, moment: Moment) -> None:
        assert self.pending is not None
        made_s, told, before = self.pending.made_s, self.pending.forecast, self.pending.before
        seen = moment.observation
        if seen is None or seen.time_s - seen.interval_s < made_s + len(self.loads) - SLACK_S:
            self.pending = None  # an interval is missing: its target cannot be known
            return
        self.loads.extend(seen.loads_rps)
        if len(self.loads) < told.horizon_s:
            return
        self.pending = None
        target = self.loads[: int(told.horizon_s)]
        means = averaged_rps([*before, *target], told.averaged_s)[len(before) :]
        known = [rps for rps in means if rps is not None]
        if None in target or not known:
            return  # scoring only what shows would favour misses
        missed, stated = max(known) > told.upper_rps, 1 - told.quantile
        worse = [min(MOST_MISSED, times * stated) for times in WORSE]
        self.evidence.add(binomial_log_ratios(float(missed), 1, stated, worse), made_s)
        self.scored = [*self.scored, (made_s, missed)][-REMEMBERED:]
