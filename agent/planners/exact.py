"""The `ilp` planner: always the exact optimum at the load to decide for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from agent.planners.briefing import Briefing, Thought
from core.proposal import Proposal
from core.solution import Infeasible, Optimum
from core.solve import solve


@dataclass(frozen=True, slots=True)
class ExactPlanner:
    """Takes the optimum, every interval."""

    name: ClassVar[str] = "ilp"

    def plan(self, briefing: Briefing) -> Thought:
        """Return the exact optimum, or hold where nothing is feasible."""
        match solve(briefing.situation.problem):
            case Optimum(configuration=configuration):
                wanted = Proposal(
                    configuration=configuration, rationale="exact optimum at the upper forecast"
                )
            case Infeasible(bindings=bindings):
                wanted = Proposal(rationale=f"nothing is feasible: {bindings[0].statement}")
        return Thought(wanted)
