"""Take the exact optimum at the forecast's upper load, every interval.

The problem is DESIGN section 2 with the margins, the belief and the running configuration of the
situation. Where nothing is feasible the running configuration is held.
"""

from __future__ import annotations

from dataclasses import dataclass

from baselines.policy import Situation, register
from core.configuration import Configuration
from core.errors import UsageError
from core.problem import Problem
from core.solution import Infeasible, Optimum
from core.solve import solve


@register("ilp")
@dataclass(frozen=True, slots=True)
class ExactOptimum:
    """The optimum of core/ilp.py, without further judgement."""

    def decide(self, situation: Situation) -> Configuration:
        """Return the optimum at the upper forecast, or hold what runs where nothing is feasible."""
        problem = Problem.of(
            situation.pipeline,
            situation.forecast.upper_rps,
            margins=situation.margins,
            belief=situation.belief,
            running=situation.running,
        )
        match solve(problem):
            case Optimum(configuration=configuration):
                return configuration
            case Infeasible(bindings=bindings):
                if situation.running is None:
                    raise UsageError(f"nothing is feasible: {bindings[0].statement}")
                return situation.running
