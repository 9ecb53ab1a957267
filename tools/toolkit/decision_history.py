"""What was decided lately, and what came of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from core.decision import Decision
from core.values import Frozen
from tools.toolkit._registry import Result, register
from tools.toolkit._shapes import MOST_LABEL, Found, causes, harmless, line, of_kinds
from tools.toolkit.situation import Situation

MOST_DECISIONS = 30
MOST_REASON = 160
MOST_KINDS = 6


class DecisionHistory(Frozen):
    """How many of the last."""

    last: Annotated[int, Field(ge=1, le=MOST_DECISIONS)] = 6


class Decided(Frozen):
    """One decision. What it changed, if it did; `in_time` and `accuracy` are of the interval before it."""

    id: str
    time_s: float
    outcome: str
    degraded: bool = False
    load_rps: float | None
    in_time: float | None
    accuracy: float | None = None
    found: tuple[str, ...] = ()
    changed_to: str | None = None
    reason: str


class History(Result):
    """Oldest first."""

    findings: tuple[Found, ...] = ()
    decisions: tuple[Decided, ...]
    earlier: int = 0
    """Decisions at hand before these."""

    def shows(self) -> tuple[str, ...]:
        """Return `flapping` where it was found."""
        return causes(self.findings)


@register("decision_history", DecisionHistory)
def decision_history(question: DecisionHistory, situation: Situation) -> History:
    """List the last decisions: when, what was found, the load, what was changed and why, what came of it."""
    last = situation.history[-question.last :]
    return History(
        findings=of_kinds(situation, "flapping"),
        decisions=tuple(_decided(d) for d in last),
        earlier=len(situation.history) - len(last),
    )


def _decided(decision: Decision) -> Decided:
    seen = decision.observation
    reason = decision.note or (decision.proposals[-1].rationale if decision.proposals else "")
    return Decided(
        id=harmless(decision.id, MOST_LABEL),
        time_s=decision.time_s,
        outcome=decision.outcome,
        degraded=decision.degraded,
        load_rps=decision.load_rps,
        in_time=None if seen is None else seen.in_time,
        accuracy=None if seen is None else seen.accuracy,
        found=tuple(dict.fromkeys(f.kind for f in decision.findings))[:MOST_KINDS],
        changed_to=_changed_to(decision),
        reason=harmless(reason, MOST_REASON),
    )


def _changed_to(decision: Decision) -> str | None:
    if decision.outcome != "applied" or decision.certificate is None:
        return None
    return line(decision.certificate.configuration)
