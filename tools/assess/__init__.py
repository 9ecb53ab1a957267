"""Assessing an interval: plain statistics with stated false-alarm rates, and what they say to believe.

    assessor = Assessor(pipeline, interval_s=10)
    assessor.replay(decisions)                 # after a restart
    assessment = assessor.assess(moment)       # a `core.assessment.Assessment`

One file for each detector: SLO breach, load surge, latency drift, accuracy drift, capacity loss, forecast
bias, flapping; `signals` says what of it all can be trusted. They remember, so an `Assessor` has state.
What an assessment says is evidence for a planner and the bound of what it may believe; nothing here decides.

river's detectors were measured and left out: they look for a change against their own past, so a variant
that has drifted from the start is never found; ADWIN (delta 0.002, one value an interval) takes 75 intervals
to find a drift of 31 % where these tests take two (tests/tools/assess/test_latency.py measures both); and
importing `river.drift` costs 0.7 s and 85 MB.
"""

from __future__ import annotations

from collections.abc import Iterable

from core.assessment import Assessment, Finding
from core.belief import Belief
from core.decision import Decision
from core.pipeline import Pipeline
from tools.assess._moment import Moment
from tools.assess._replayed import moments
from tools.assess.accuracy import AccuracyDrift
from tools.assess.bias import ForecastBias
from tools.assess.capacity import CapacityLoss
from tools.assess.flapping import Flapping
from tools.assess.latency import LatencyDrift
from tools.assess.signals import Signals
from tools.assess.slo import SloBreach
from tools.assess.surge import LoadSurge

__all__ = ["Assessor", "Moment"]


class Assessor:
    """All detectors of one pipeline, with what they remember."""

    def __init__(self, pipeline: Pipeline, *, interval_s: float = 10, start: float | None = None) -> None:
        """Remember nothing yet.

        Args:
            pipeline: What serves.
            interval_s: Seconds between turns.
            start: The loop's clock now, in seconds: `replay` ignores what is later; None for all.
        """
        self.pipeline, self.interval_s, self.start_s = pipeline, interval_s, start
        self.slo = SloBreach(pipeline)
        self.surge = LoadSurge(pipeline)
        self.latency = LatencyDrift(pipeline)
        self.accuracy = AccuracyDrift(pipeline)
        self.capacity = CapacityLoss(pipeline, interval_s)
        self.bias = ForecastBias(pipeline)
        self.flapping = Flapping(pipeline, interval_s)
        self.signals = Signals(pipeline)
        self.last_s = -1.0
        """The last turn that was learned from, in seconds of the loop's clock."""

    def assess(self, moment: Moment) -> Assessment:
        """Take in one turn and return what it says; the same turn again is not learned from twice."""
        self._learn(moment)
        findings: list[Finding] = []
        for detector in self._detectors():
            findings.extend(detector.findings(moment))
        return Assessment(
            findings=tuple(findings),
            belief=Belief(
                latency=self.latency.belief(),
                accuracy=self.accuracy.belief(),
                capacity=self.capacity.belief(moment),
            ),
            signals=self.signals.states(moment),
        )

    def replay(self, decisions: Iterable[Decision]) -> None:
        """Learn from recorded decisions, oldest first; what is later than the start is ignored."""
        for moment in moments(self.pipeline, decisions, self.interval_s):
            if self.start_s is None or moment.time_s <= self.start_s:
                self._learn(moment)

    def _learn(self, moment: Moment) -> None:
        if moment.time_s <= self.last_s:
            return
        self.last_s = moment.time_s
        self.signals.learn(moment)
        for detector in self._detectors():
            detector.learn(moment)

    def _detectors(
        self,
    ) -> tuple[
        SloBreach | LoadSurge | CapacityLoss | LatencyDrift | AccuracyDrift | ForecastBias | Flapping, ...
    ]:
        return (
            self.slo,
            self.surge,
            self.capacity,
            self.latency,
            self.accuracy,
            self.bias,
            self.flapping,
        )
