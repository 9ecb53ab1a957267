"""Perfect foresight: the exact optimum at the true maximum load of the horizon. No policy can know it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from baselines.policy import Situation, optimum_or_hold, register
from core.configuration import Configuration


@register("oracle")
@dataclass(frozen=True, slots=True)
class Oracle:
    """As `ilp`, but whoever runs it must hand it the truth as its forecast."""

    foresight: ClassVar[bool] = True

    def decide(self, situation: Situation) -> Configuration:
        """Return the optimum at the true load, or hold what runs where nothing is feasible."""
        return optimum_or_hold(situation)
