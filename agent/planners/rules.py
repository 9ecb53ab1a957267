"""The `rules` planner: the exact optimum, and no change that is not worth it. No LLM.

What runs is kept while it is feasible and within `WORTH_A_CHANGE` of the optimum: a change that gains less
costs more in cold starts than it brings. For an announced event it asks for the optimum at the
announced load, with the calendar as its evidence. It goes through the same graph, tools and checks as
the LLM planner, whose stand-in it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from agent.planners.briefing import Briefing, Thought, ToolCall
from core.asked import asked
from core.problem import Problem
from core.proposal import Ask, Cause, Proposal
from core.ruling import EPSILON
from core.solution import Optimum
from core.solve import solve
from core.tooluse import ToolUse
from core.verify import feasible, verify

WORTH_A_CHANGE = EPSILON
"""Least gain, as a share of the optimum's objective, for which a feasible configuration is left."""
CALENDAR = "upcoming_events"
TELLING: tuple[Cause, ...] = (
    "capacity loss",
    "latency drift",
    "accuracy drift",
    "forecast bias",
    "load surge",
    "slo breach",
)
"""Causes, the first that was found is named: a breach is what the others lead to."""


@dataclass(frozen=True, slots=True)
class RulesPlanner:
    """Grows when it must, changes when it pays."""

    name: ClassVar[str] = "rules"
    worth_a_change: float = WORTH_A_CHANGE

    def plan(self, briefing: Briefing) -> Thought:
        """Return the optimum, or hold what is good enough; ask the calendar first where it matters."""
        situation = briefing.situation
        if briefing.rejected:
            return Thought(_optimum(situation.problem, "the exact optimum, after a rejection"))
        if situation.announced <= 1.0:
            return Thought(self._worthwhile(situation.problem, _cause(briefing)))
        shown = _shown(briefing.uses)
        if shown is None:
            return Thought(None, calls=(ToolCall("rules-1", CALENDAR, "{}"),))
        return Thought(self._announced(briefing, shown.id))

    def _worthwhile(self, problem: Problem, cause: Cause) -> Proposal:
        running = problem.running
        verdict = None if running is None else verify(problem, running, nearest=False)
        if verdict is None:
            reason = "nothing runs"
        elif verdict.accepted and verdict.regret is not None and verdict.optimum is not None:
            if verdict.regret <= self.worth_a_change * abs(verdict.optimum):
                return Proposal(
                    rationale=f"what runs carries {problem.load_rps:.4g} rps and loses {verdict.regret:.3g} "
                    f"of {verdict.optimum:.4g}: not worth a change",
                    cause=cause,
                )
            reason = f"a gain of {verdict.regret:.3g}"
        else:
            reason = f"what runs breaks {', '.join(c.constraint for c in verdict.violations)}"
        return _optimum(problem, f"{reason} at {problem.load_rps:.4g} rps", cause)

    def _announced(self, briefing: Briefing, cited: str) -> Proposal:
        """Return the ask for the announced load, or what is worthwhile if that has no answer."""
        situation = briefing.situation
        ask = Ask(load_factor=situation.announced)
        problem = asked(situation.problem, ask, announced=situation.announced)
        running = situation.running
        if feasible(problem, running):
            return Proposal(
                rationale=f"what runs carries the announced {problem.load_rps:.4g} rps",
                cause="announced event",
                evidence=(cited,),
            )
        if not isinstance(solve(problem), Optimum):
            return self._worthwhile(situation.problem, _cause(briefing))
        return Proposal(
            ask=ask,
            rationale=f"{situation.announced:.3g} times the load is announced, {problem.load_rps:.4g} rps",
            cause="announced event",
            evidence=(cited,),
        )


def _cause(briefing: Briefing) -> Cause:
    """Return the most telling kind of what was found: what explains comes before what it explains."""
    found = {finding.kind for finding in briefing.situation.assessment.findings}
    return next((kind for kind in TELLING if kind in found), "none")


def _shown(uses: tuple[ToolUse, ...]) -> ToolUse | None:
    return next((use for use in uses if use.tool == CALENDAR), None)


def _optimum(problem: Problem, reason: str, cause: Cause = "none") -> Proposal:
    match solve(problem):
        case Optimum(configuration=configuration):
            return Proposal(configuration=configuration, rationale=reason, cause=cause)
        case infeasible:
            return Proposal(
                rationale=f"{reason}; infeasible: {infeasible.bindings[0].statement}", cause=cause
            )
