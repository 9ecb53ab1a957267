"""SLO breach: fewer requests in time than the quantile asks, in one interval or over several.

One interval: Chernoff's bound on the chance of so few (`core.assessment.breach_chance`), at `FALSE_ALARM`.
Several: an e-detector on late requests against a share of 1 - quantile, for breaches too small to show
in one interval. Both take requests as independent; lateness comes in runs, so where it does a pipeline
that only just keeps its SLO is accused more often than stated.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from core.assessment import FALSE_ALARM, Finding, breach_chance
from core.observation import Observation
from core.pipeline import Pipeline
from tools.assess._evidence import RUN_LENGTH, Evidence, binomial_log_ratios
from tools.assess._moment import Moment

WORSE = (1.5, 3.0, 10.0)
"""Times the allowed share of late requests that the sequential test looks for."""
MOST_LATE = 0.9
"""No alternative claims more: at 1 a single request in time would refute it."""
REMEMBERED = 360
"""Intervals of which the counts are kept for the statement: an hour of ten seconds."""


@dataclass(slots=True)
class SloBreach:
    """Watches the share of requests served in time."""

    pipeline: Pipeline
    evidence: Evidence = field(default_factory=lambda: Evidence(len(WORSE)))
    counts: deque[tuple[float, int, int]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    """Begin of the interval, late requests, judged requests."""

    def learn(self, moment: Moment) -> None:
        """Take in one interval."""
        seen = moment.observation
        if seen is None or seen.in_time is None or not seen.judged:
            return
        late = int((1 - seen.in_time) * seen.judged + 1e-9)  # the share is interpolated: rounded in favour
        allowed = 1 - self.pipeline.slo.quantile
        worse = [min(MOST_LATE, allowed * times) for times in WORSE]
        self.evidence.add(binomial_log_ratios(late, seen.judged, allowed, worse), moment.began_s)
        self.counts.append((moment.began_s, late, seen.judged))

    def findings(self, moment: Moment) -> tuple[Finding, ...]:
        """Return the breach of this interval, else the one that lasts."""
        now = None if moment.observation is None else self._now(moment.observation)
        if now is not None:
            return (now,)
        return (self._lasting(),) if moment.observation is not None and self.evidence.alarmed else ()

    def _now(self, observation: Observation) -> Finding | None:
        if observation.in_time is None:
            return None
        slo = self.pipeline.slo
        chance = breach_chance(observation.in_time, observation.judged, slo.quantile)
        if chance > FALSE_ALARM:
            return None
        return Finding(
            kind="slo breach",
            subject=self.pipeline.name,
            statement=(
                f"{observation.in_time:.1%} of {observation.judged} requests were served within "
                f"{slo.latency_s:g} s, {slo.quantile:.4g} must be"
            ),
            false_alarm=chance,
            since_s=self.evidence.since_s if self.evidence.alarmed else None,
            figure=100 * observation.in_time,
        )

    def _lasting(self) -> Finding:
        slo, since_s = self.pipeline.slo, self.evidence.since_s
        late = sum(n for began_s, n, _ in self.counts if began_s >= since_s)
        judged = sum(n for began_s, _, n in self.counts if began_s >= since_s)
        return Finding(
            kind="slo breach",
            subject=self.pipeline.name,
            statement=(
                f"{1 - late / judged:.2%} of {judged} requests were served within {slo.latency_s:g} s "
                f"since {since_s:g} s, {slo.quantile:.4g} must be"
            ),
            false_alarm=1 / RUN_LENGTH,
            since_s=since_s,
            figure=100 * (1 - late / judged),
        )
