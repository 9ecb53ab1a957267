"""Take the exact optimum at the forecast's upper load, every interval.

The problem is DESIGN section 2 with the margins, the belief and the running configuration of the
situation. Where nothing is feasible the running configuration is held.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from baselines.policy import Situation, optimum_or_hold, register
from core.configuration import Configuration


@register("ilp")
@dataclass(frozen=True, slots=True)
class ExactOptimum:
    """The optimum of core/ilp.py, without further judgement."""

    foresight: ClassVar[bool] = False

    def decide(self, situation: Situation) -> Configuration:
        """Return the optimum at the upper forecast, or hold what runs where nothing is feasible."""
        return optimum_or_hold(situation)
