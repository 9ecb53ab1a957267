"""What a question is about: a recorded decision, the problem it was made for, and what surrounds it."""

from __future__ import annotations

from dataclasses import dataclass

from core.configuration import Configuration
from core.decision import Decision
from core.pipeline import Pipeline
from core.problem import Problem, VariantName
from core.quarantine import active
from core.solution import Infeasible
from core.solve import solve


@dataclass(frozen=True, slots=True)
class Subject:
    """One decision of one pipeline."""

    decision: Decision
    pipeline: Pipeline
    earlier: tuple[Decision, ...] = ()
    """Before it, oldest first."""
    later: tuple[Decision, ...] = ()
    """After it, oldest first."""

    @property
    def chosen(self) -> Configuration | None:
        """What ran once it was made, or would have: what was proposed, where that was only recommended."""
        decision = self.decision
        if decision.certificate is not None and decision.outcome == "applied":
            return decision.certificate.configuration
        if decision.outcome == "recommended" and decision.rulings and decision.rulings[-1].candidate:
            return decision.rulings[-1].candidate
        return decision.running

    def problem(self) -> Problem | None:
        """Return the problem that was decided; None where no load was known to decide for."""
        decision = self.decision
        if decision.certificate is not None:
            return decision.certificate.problem
        if decision.load_rps is None:
            return None
        plain = Problem.of(
            self.pipeline,
            decision.load_rps,
            objective=decision.objective,
            margins=decision.margins,
            belief=decision.belief,
            running=decision.running,
        )
        return _without_quarantined(plain, decision)


def _without_quarantined(problem: Problem, decision: Decision) -> Problem:
    """Return the problem without what is in quarantine, as the loop has it: unless nothing is left then."""
    names = tuple(
        dict.fromkeys(
            VariantName(stage=n.stage, variant=n.variant)
            for q in active(decision.quarantine, decision.time_s)
            for n in q.variants
        )
    )
    if not names:
        return problem
    without = problem.replaced(excluded=names)
    return problem if isinstance(solve(without), Infeasible) else without
