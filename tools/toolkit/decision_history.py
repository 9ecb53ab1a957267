"""What was decided lately, and what came of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from core.decision import Decision
from core.values import Frozen
from tools.toolkit._registry import kinds, register
from tools.toolkit._shapes import harmless
from tools.toolkit.situation import Situation

MOST_DECISIONS = 30
MOST_REASON = 160


class DecisionHistory(Frozen):
    """How many of the last."""

    last: Annotated[int, Field(ge=1, le=MOST_DECISIONS)] = 6


class Decided(Frozen):
    """One decision."""

    id: str
    time_s: float
    outcome: str
    degraded: bool
    load_rps: float | None
    in_time: float | None
    """Share in time in the interval before it."""
    running: str | None
    reason: str


class History(Frozen):
    """Oldest first."""

    decisions: tuple[Decided, ...]


@register("decision_history", DecisionHistory, kinds("flapping"))
def decision_history(question: DecisionHistory, situation: Situation) -> History:
    """List the last decisions: when, what came of them, the load decided for, share in time, the reason."""
    return History(decisions=tuple(_decided(d) for d in situation.history[-question.last :]))


def _decided(decision: Decision) -> Decided:
    running = decision.running
    settings = () if running is None else running.stages
    reason = decision.note or (decision.proposals[-1].rationale if decision.proposals else "")
    return Decided(
        id=decision.id,
        time_s=decision.time_s,
        outcome=decision.outcome,
        degraded=decision.degraded,
        load_rps=decision.load_rps,
        in_time=None if decision.observation is None else decision.observation.in_time,
        running=", ".join(f"{s.stage}={s.variant}/{s.batch}x{s.replicas}" for s in settings) or None,
        reason=harmless(reason, MOST_REASON),
    )
