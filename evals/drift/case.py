"""One case of the drift suite: what arrives, what goes wrong, and what is true of it and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.calendar import Event
from core.pipeline import Pipeline
from simulator.faults import Fault

What = Literal[
    "latency drift",
    "accuracy drift",
    "lost capacity",
    "crash loop",
    "flash crowd",
    "announced crowd",
    "metrics outage",
    "forecast bias",
]


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that was wrong, or out of the ordinary. Times are seconds of the loop's clock."""

    what: What
    subject: str
    """The stage it befell; the pipeline, where it is of the load or of what is measured."""
    start_s: float
    end_s: float
    variant: str | None = None
    """The one variant it befell; None for all, or for none in particular."""

    def holds(self, time_s: float, *, grace_s: float = 0.0) -> bool:
        """Say whether it is so at *time_s*, or was until at most *grace_s* ago."""
        return self.start_s <= time_s < self.end_s + grace_s


@dataclass(frozen=True, slots=True)
class DriftCase:
    """An episode to come. The same family and seed give the same case."""

    family: str
    seed: int
    """Of the case, and of everything random in the episode: all entrants meet the same requests."""
    pipeline: Pipeline
    """The truth: what the twin serves, before the faults."""
    trace_rps: tuple[float, ...]
    """One figure a second."""
    faults: tuple[Fault, ...] = ()
    events: tuple[Event, ...] = ()
    """What people announced."""
    truth: tuple[Happening, ...] = ()
    profile: Pipeline | None = None
    """What is believed of the pipeline from the start; None where the profile is right."""
    forecast_factor: float = 1.0
    """Multiplies what every forecaster says; 1 where it is honest."""

    @property
    def believed(self) -> Pipeline:
        """What the entrants are told of the pipeline."""
        return self.pipeline if self.profile is None else self.profile

    @property
    def seconds(self) -> int:
        """Length of the episode."""
        return len(self.trace_rps)
