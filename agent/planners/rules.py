"""The `rules` planner: the exact optimum, with patience on the way down. No LLM.

It decides at the highest of the upper forecasts of the last `STABILISATION_S`, so that it grows at
once and shrinks only when the load has stayed down (the stabilisation window of Kubernetes'
HorizontalPodAutoscaler). What runs is kept while it carries that load and is within `WORTH_A_CHANGE` of
the optimum: a change that gains less than that costs more in cold starts than it brings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from agent.planners.briefing import Briefing
from core.proposal import Proposal
from core.problem import Problem
from core.solution import Optimum
from core.solve import solve
from core.verify import verify

STABILISATION_S = 15.0
"""How long a forecast keeps capacity up; see docs/benchmarks.md for what other windows gave."""
WORTH_A_CHANGE = 0.01
"""Least gain, as a share of the optimum's objective, for which a feasible configuration is left."""


@dataclass(frozen=True, slots=True)
class RulesPlanner:
    """Up at once, down with patience."""

    name: ClassVar[str] = "rules"
    stabilisation_s: float = STABILISATION_S
    worth_a_change: float = WORTH_A_CHANGE

    def plan(self, briefing: Briefing) -> Proposal:
        """Return the optimum at the stabilised load, or hold what is good enough."""
        if briefing.rejected:
            return _optimum(briefing.problem, "the exact optimum, after a rejection")
        problem = briefing.problem.replaced(load_rps=self._stable_load_rps(briefing))
        verdict = verify(problem, briefing.running)
        if verdict.accepted and verdict.regret is not None and verdict.optimum is not None:
            enough = self.worth_a_change * abs(verdict.optimum)
            if verdict.regret <= enough:
                return Proposal(
                    configuration=None,
                    rationale=f"what runs carries {problem.load_rps:.4g} rps and loses {verdict.regret:.3g} "
                    f"of {verdict.optimum:.4g}: not worth a change",
                )
            reason = f"a gain of {verdict.regret:.3g}"
        else:
            broken = ", ".join(c.constraint for c in verdict.violations)
            reason = f"what runs breaks {broken}"
        return _optimum(problem, f"{reason} at {problem.load_rps:.4g} rps")

    def _stable_load_rps(self, briefing: Briefing) -> float:
        since_s = briefing.time_s - self.stabilisation_s
        earlier = [d.forecast.upper_rps for d in briefing.history if d.forecast and since_s < d.time_s]
        return max([briefing.forecast.upper_rps, *earlier])


def _optimum(problem: Problem, reason: str) -> Proposal:
    match solve(problem):
        case Optimum(configuration=configuration):
            return Proposal(configuration=configuration, rationale=reason)
        case infeasible:
            return Proposal(
                configuration=None, rationale=f"{reason}; infeasible: {infeasible.bindings[0].statement}"
            )
