"""Who hears what came of a turn: the status of the object, the cluster's events, our own metrics.

All three are for people. None of them may hold up or break a turn: what cannot be written is logged, counted,
and written with the next turn.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agent.controller.member import Turn
from agent.controller.states import State, state_of
from agent.controller.status import status_of, waiting_for, worth_writing
from agent.controller.telemetry import Telemetry
from agent.lines import reason_of
from tools.kubernetes.declared import Declarations, Declared, Key
from tools.kubernetes.errors import KubernetesError
from tools.kubernetes.events import About, Reason, Recorder, Said, said_of
from tools.kubernetes.hindrance import HindranceKind

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Reporter:
    """Implements `Listener`. Called from several threads, for each pipeline by one at a time."""

    declarations: Declarations
    recorder: Recorder
    telemetry: Telemetry
    unix: Callable[[], float] = time.time

    def turned(self, declared: Declared, turn: Turn) -> None:
        """Report one turn."""
        namespace, name = declared.key
        where = {"namespace": namespace, "pipeline": name}
        if turn.decision is not None and declared.pipeline is not None:
            self.telemetry.decided(namespace, declared.pipeline, turn.decision, turn.seconds)
            logger.info(
                "%s: %s",
                turn.decision.outcome,
                reason_of(turn.decision),
                extra={**where, "decision": turn.decision.id, "seconds": round(turn.seconds, 3)},
            )
        self.telemetry.state(namespace, name, _state(declared, turn))
        said = _said(turn)
        if said is not None:
            self.recorder.say(About.of(declared), said)
        self._status(declared, turn)

    def gone(self, key: Key) -> None:
        """Forget a pipeline's series."""
        self.telemetry.forget(*key)

    def _status(self, declared: Declared, turn: Turn) -> None:
        now = self.unix()
        status = status_of(declared, turn, now=now)
        if not worth_writing(declared.status, status, now=now):
            return
        try:
            self.declarations.report(declared, status)
        except KubernetesError as error:
            self.telemetry.api_error(type(error).__name__)
            logger.warning("status not written: %s", error, extra={"pipeline": declared.name})


def _state(declared: Declared, turn: Turn) -> State:
    if turn.paused:
        return "paused"
    if turn.decision is None or declared.pipeline is None:
        return "blind"
    return state_of(turn.decision, declared.pipeline.slo)


def _said(turn: Turn) -> Said | None:
    """Return the event of a turn: what keeps us from acting before what would be done."""
    if turn.hindrance is not None:
        return Said(REASONS[turn.hindrance.kind], turn.hindrance.statement)
    if turn.waiting is not None and turn.decision is None:
        return Said("Recommended", waiting_for(turn.waiting))
    if turn.invalid:
        return Said("InvalidSpec", turn.problem)
    if turn.decision is not None:
        return said_of(turn.decision, reason_of(turn.decision))
    return Said("NotApplied", turn.problem) if turn.problem else None


REASONS: Mapping[HindranceKind, Reason] = {
    "Paused": "Paused",
    "EditedByHand": "EditedByHand",
    "OwnedByAutoscaler": "OwnedByAutoscaler",
    "NotLabelled": "NotLabelled",
    "Forbidden": "NotApplied",
}
"""Of events, by what stands in the way."""
