"""When a model is worth asking: something is out of the ordinary, or there is something to gain.

On a quiet interval no model is called.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.assessment import FindingKind
from core.decision import Decision
from core.problem import Problem
from core.ruling import EPSILON
from core.trial import Quarantine
from core.values import Frozen, NonNegative
from core.verify import verify
from tools.toolkit.situation import Situation

TELLING: tuple[FindingKind, ...] = (
    "slo breach",
    "load surge",
    "latency drift",
    "accuracy drift",
    "capacity loss",
    "forecast bias",
    "flapping",
)
"""Findings that leave something to think about. Missing metrics and starting replicas do not."""


class Triggers(Frozen):
    """What has a model asked."""

    findings: tuple[FindingKind, ...] = TELLING
    infeasible: bool = True
    """What runs breaks a limit, or nothing is feasible."""
    worth: NonNegative | None = EPSILON
    """The optimum is better than what runs by more than this share of it; None to leave that to the rules."""
    events: bool = True
    """An event announced inside the horizon asks for more load."""
    quarantine: bool = True
    """A change on trial has failed since the last decision."""

    def of(self, situation: Situation) -> tuple[str, ...]:
        """Return why a model is to be asked, in a few words each; empty on a quiet interval.

        Raises:
            SolverError: the optimum could not be proven.
        """
        kinds = dict.fromkeys(
            f"{f.kind} of {f.subject}" for f in situation.assessment.findings if f.kind in self.findings
        )
        found = list(kinds)
        if self.events and situation.announced > 1.0:
            found.append(f"an announced event, {situation.announced:.3g} times the load")
        if self.quarantine:
            found += [f"the change of {q.decision} failed" for q in _new(situation)]
        return (*found, *self._standing(situation.problem, situation))

    def _standing(self, problem: Problem, situation: Situation) -> tuple[str, ...]:
        """Say how what runs stands to the optimum."""
        if not self.infeasible and self.worth is None:
            return ()
        verdict = verify(problem, situation.running, nearest=False)
        if verdict.optimum is None:
            return ("nothing is feasible",) if self.infeasible else ()
        if not verdict.accepted:
            broken = ", ".join(c.constraint for c in verdict.violations)
            return (f"what runs breaks {broken}",) if self.infeasible else ()
        if self.worth is None or verdict.regret is None:
            return ()
        if verdict.regret <= self.worth * abs(verdict.optimum):
            return ()
        return (f"the optimum is better than what runs by {verdict.regret:.3g}",)


def _new(situation: Situation) -> Sequence[Quarantine]:
    last: Decision | None = situation.history[-1] if situation.history else None
    known = set() if last is None else {q.decision for q in last.quarantine}
    return [q for q in situation.quarantine if q.decision not in known]
