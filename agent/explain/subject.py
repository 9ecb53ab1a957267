"""What a question is about: a recorded decision, the problem it was made for, and what surrounds it."""

from __future__ import annotations

from dataclasses import dataclass

from agent.situations import remembered_by, situation_of
from core.configuration import Configuration
from core.decision import Decision
from core.errors import UsageError
from core.pipeline import Pipeline
from core.problem import Problem
from tools.toolkit.situation import Situation


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
        if self.decision.certificate is not None:
            return self.decision.certificate.problem
        situation = self.situation()
        return None if situation is None else situation.problem

    def situation(self) -> Situation | None:
        """Return the situation it was made in; None where it rests on no metrics."""
        try:
            return situation_of(self.decision, self.pipeline, remembered_by(self.decision, self.earlier))
        except UsageError:
            return None  # the answer says so: nothing was decided on metrics
