"""The load a policy has seen itself, a sample a second, for those that bring their own predictor."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from baselines.policy import Situation
from core.pipeline import Stage, Variant

Predictor = Literal["shared", "observed"]
"""Whose load is decided on: the forecast that every policy gets, or what was just seen."""

MOST_SAMPLES = 600
"""Seconds of history kept: longer than any of the policies looks back."""


@dataclass(slots=True)
class Loads:
    """Samples of the pipeline's load. A missing one is what was seen before it, and never zero."""

    samples: deque[float] = field(default_factory=lambda: deque(maxlen=MOST_SAMPLES))

    def observe(self, situation: Situation) -> None:
        """Take in the last interval."""
        if situation.observation is None:
            return
        for sample in situation.observation.loads_rps:
            if sample is not None:
                self.samples.append(sample)
            elif self.samples:
                self.samples.append(self.samples[-1])

    def last(self, seconds: int) -> list[float]:
        """Return the samples of the last *seconds*, oldest first; fewer where there are fewer."""
        return list(self.samples)[-seconds:]

    def peak_rps(self, situation: Situation, seconds: int) -> float:
        """Return the largest load of the last *seconds*; before any was seen, the forecast's point."""
        return max(self.last(seconds), default=situation.forecast.point_rps)


def arriving_rps(
    stage: Stage, entering_rps: float, loads: Mapping[str, float], chosen: Mapping[str, Variant]
) -> float:
    """Return the items per second that reach *stage*, given the loads and variants of the stages above."""
    if not stage.after:
        return entering_rps
    return max(loads[e.stage] * chosen[e.stage].fan_out * e.fan_out for e in stage.after)
