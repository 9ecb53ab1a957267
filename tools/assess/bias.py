"""Forecast bias: the load exceeds the upper quantile more often than the quantile says.

A forecast made at t is scored once the load of all seconds of (t, t + horizon] is known. Only forecasts whose
horizons do not overlap are scored, so that the misses of a forecaster that is right are independent; then an
e-detector on misses against 1 - quantile. The run length counts scored forecasts, one a horizon.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from core.assessment import Finding
from core.pipeline import Pipeline
from tools.assess._evidence import RUN_LENGTH, Evidence, binomial_log_ratios
from tools.assess._moment import Moment

WORSE = (2.0, 4.0)
"""Times the stated share of misses that the test looks for."""
MOST_MISSED = 0.9
"""No alternative claims more, so that one hit refutes none."""
REMEMBERED = 360
"""Scored forecasts kept for the statement."""


@dataclass(slots=True)
class ForecastBias:
    """Scores forecasts against what came."""

    pipeline: Pipeline
    evidence: Evidence = field(default_factory=lambda: Evidence(len(WORSE)))
    pending: tuple[float, float, float, float] | None = None
    """Time, horizon, upper quantile in rps and its level, of the forecast that waits for its target."""
    loads: list[float | None] = field(default_factory=list)
    """Samples since then, one a second."""
    scored: list[tuple[float, bool]] = field(default_factory=list)
    """When a forecast was made, and whether it was missed."""

    def learn(self, moment: Moment) -> None:
        """Take in the samples of one interval, and the forecast made after it."""
        if self.pending is not None:
            self._pass(moment)
        if self.pending is None and moment.forecast is not None:
            told = moment.forecast
            self.pending = (moment.time_s, told.horizon_s, told.upper_rps, told.quantile)
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

    def _pass(self, moment: Moment) -> None:
        assert self.pending is not None
        made_s, horizon_s, upper_rps, quantile = self.pending
        seen = moment.observation
        if seen is None or seen.time_s - seen.interval_s < made_s + len(self.loads) - 1:
            self.pending = None  # an interval is missing: its target cannot be known
            return
        self.loads.extend(seen.loads_rps)
        if len(self.loads) < horizon_s:
            return
        self.pending = None
        known = [rate for rate in self.loads[: int(horizon_s)] if rate is not None]
        if len(known) < int(horizon_s):
            return  # scoring only what shows would favour misses
        missed, stated = max(known) > upper_rps, 1 - quantile
        worse = [min(MOST_MISSED, times * stated) for times in WORSE]
        self.evidence.add(binomial_log_ratios(float(missed), 1, stated, worse), made_s)
        self.scored = [*self.scored, (made_s, missed)][-REMEMBERED:]
