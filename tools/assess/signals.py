"""The state of every signal: fresh, stale, missing or idle. Unknown is never idle.

fresh     measured in this interval
stale     not measured now, but before; its age says how long ago
missing   never measured
idle      its counters were read, and truly did not move
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from core.assessment import Signal
from core.observation import Observation, StageObservation
from core.pipeline import Pipeline
from tools.assess._moment import Moment

Reading = Literal["fresh", "idle", "unknown"]


@dataclass(slots=True)
class Signals:
    """Remembers when each signal was last measured."""

    pipeline: Pipeline
    seen_s: dict[str, float] = field(default_factory=dict)

    def learn(self, moment: Moment) -> None:
        """Take in what was measured."""
        for name, reading, at_s in self._readings(moment):
            if reading != "unknown":
                self.seen_s[name] = at_s

    def states(self, moment: Moment) -> tuple[Signal, ...]:
        """Return every signal with its state, the pipeline's own first."""
        return tuple(self._state(name, reading, moment) for name, reading, _ in self._readings(moment))

    def _state(self, name: str, reading: Reading, moment: Moment) -> Signal:
        seen_s = self.seen_s.get(name)
        age_s = None if seen_s is None else max(0.0, moment.time_s - seen_s)
        if reading == "unknown":
            return Signal(name=name, state="missing" if age_s is None else "stale", age_s=age_s)
        return Signal(name=name, state=reading, age_s=age_s)

    def _readings(self, moment: Moment) -> Iterator[tuple[str, Reading, float]]:
        """Yield each signal's name, what this interval says of it, and when it was measured."""
        seen, at_s = moment.observation, moment.time_s
        yield "load", _load(seen), at_s - _unread_s(seen)
        yield "latency", _latency(seen), at_s
        yield "accuracy", _accuracy(seen), at_s
        for stage in self.pipeline.stages:
            of_stage = None if seen is None else next((s for s in seen.stages if s.stage == stage.name), None)
            yield f"arrivals[{stage.name}]", _arrivals(of_stage), at_s
            yield f"queue[{stage.name}]", _queue(of_stage), at_s
            yield f"ready[{stage.name}]", _ready(of_stage), at_s
            yield f"service[{stage.name}]", _service(of_stage), at_s


def _load(seen: Observation | None) -> Reading:
    rates = () if seen is None else seen.loads_rps
    known = [rate for rate in rates if rate is not None]
    if not known:
        return "unknown"
    return "idle" if len(known) == len(rates) and not any(known) else "fresh"


def _unread_s(seen: Observation | None) -> float:
    """Return how many seconds of the interval, at its end, have no sample of the load."""
    unread = 0
    for rate in reversed(() if seen is None else seen.loads_rps):
        if rate is not None:
            return float(unread)
        unread += 1
    return float(unread)


def _latency(seen: Observation | None) -> Reading:
    if seen is not None and seen.latency_s is not None:
        return "fresh"
    return "idle" if seen is not None and _load(seen) == "idle" and not seen.judged else "unknown"


def _accuracy(seen: Observation | None) -> Reading:
    if seen is not None and seen.accuracy is not None:
        return "fresh"
    return "idle" if seen is not None and seen.labelled_by is not None else "unknown"


def _arrivals(seen: StageObservation | None) -> Reading:
    if seen is None or seen.arrivals_rps is None:
        return "unknown"
    return "fresh" if seen.arrivals_rps > 0 else "idle"


def _queue(seen: StageObservation | None) -> Reading:
    if seen is None or seen.queue is None:
        return "unknown"
    return "idle" if seen.queue == 0 and _arrivals(seen) == "idle" else "fresh"


def _ready(seen: StageObservation | None) -> Reading:
    return "unknown" if seen is None or seen.ready is None else "fresh"


def _service(seen: StageObservation | None) -> Reading:
    if seen is not None and any(s.batches for s in seen.services):
        return "fresh"
    return "idle" if _queue(seen) == "idle" else "unknown"
