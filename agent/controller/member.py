"""One pipeline of the controller: its loop, opened when it is declared, closed when it is gone or changed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from agent.controller.clock import Clock, birth_of
from agent.controller.cluster import PipelineOnKubernetes, Reading
from agent.controller.settings import ControllerSettings
from agent.episode import loop_on
from agent.folder import held
from agent.loop import Loop
from agent.planners import Planner
from core.autonomy import LADDER, Moved
from core.decision import Decision, Mode
from core.errors import ActuationFailed, TrimtabError
from core.pipeline import Pipeline
from tools.kubernetes.actuator import KubernetesActuator
from tools.kubernetes.declared import Declared
from tools.kubernetes.hindrance import Hindrance
from tools.kubernetes.names import PAUSED
from tools.kubernetes.view import View
from tools.requests import Request

logger = logging.getLogger(__name__)

Planners = Callable[[Path], AbstractContextManager[Planner]]
"""Gives the planner of one pipeline, which keeps what a model says in the pipeline's folder."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What came of one turn."""

    mode: Mode
    """What could be done by itself in it."""
    decision: Decision | None = None
    """None where it waits for a person, or could not be taken."""
    hindrance: Hindrance | None = None
    paused: bool = False
    """Whether somebody wants nothing to be applied: by the annotation, or by a command."""
    pause: str = ""
    """Who commanded it and since when; empty where nobody did."""
    problem: str = ""
    """Why there was no turn."""
    invalid: bool = False
    """Whether that is because what is declared is no pipeline."""
    waiting: Request | None = None
    """What a person is asked."""
    stuck: str = ""
    """Why a roll-out does not get on, in the cluster's words."""
    note: str = ""
    """What was odd about the metrics, which were used all the same."""
    seconds: float = 0.0


@dataclass(slots=True)
class Member:
    """One pipeline. One turn at a time."""

    declared: Declared
    pipeline: Pipeline
    loop: Loop
    cluster: PipelineOnKubernetes
    clock: Clock
    most: Mode
    """The controller's own limit on what is done by itself."""
    _open: ExitStack
    _unsettled: bool = field(default=True)
    """Whether a turn may have been cut off: before the first one, and after an error."""

    def close(self) -> None:
        """Close its files and give its folder free."""
        self._open.close()

    def turn(self, reading: Reading) -> Turn:
        """Take one turn on what was read; whatever is reported on the way is a `Turn` too."""
        began = time.perf_counter()
        unsettled, self._unsettled = self._unsettled, True
        try:
            found = self._turn(reading, unsettled=unsettled)
        except TrimtabError as error:
            self.loop.beat(str(error))
            return self._told(Turn(self._declared(None).mode, problem=str(error)), began)
        self._unsettled = False
        return self._told(found, began)

    def _told(self, turn: Turn, began: float) -> Turn:
        """Return a turn with what people want of the loop, and the seconds it took."""
        orders = self.loop.context.heeding.orders
        return replace(
            turn,
            mode=orders.capped(turn.mode).mode,
            paused=self.declared.paused or orders.paused is not None,
            pause=orders.pause,
            seconds=time.perf_counter() - began,
        )

    def _turn(self, reading: Reading, *, unsettled: bool) -> Turn:
        actuator, context = self.cluster.actuator, self.loop.context
        hindrance = actuator.hindrance()
        declared = self._declared(hindrance)
        paused = self.declared.paused or (hindrance is not None and hindrance.kind == "Paused")
        context.settings = replace(
            context.settings, mode=declared.mode, mode_reason=declared.reason, paused=paused
        )
        if unsettled:
            for late in self.loop.recover():
                logger.warning("a turn was cut off: %s", late.note, extra={"decision": late.id})
        allowed = self.loop.heed()
        if hindrance is not None and hindrance.kind == "NotLabelled":
            self.loop.beat(hindrance.statement)
            return Turn(declared.mode, hindrance=hindrance, problem=hindrance.statement)
        if allowed.mode != "observe":
            self._settle()
        self.cluster.reading = reading
        decision = self.loop.tick()
        stuck = next((p.stuck for p in actuator.progress().values() if p.stuck), "")
        return Turn(declared.mode, decision, hindrance, waiting=self.loop.waiting, stuck=stuck)

    def _settle(self) -> None:
        """Take away what a roll-out kept until the new replicas were ready."""
        try:
            self.cluster.actuator.settle()
        except ActuationFailed as error:
            logger.warning("surplus replicas stay for another interval: %s", error)

    def _declared(self, hindrance: Hindrance | None) -> Moved:
        """Return the most that may be done by itself before people are heard, and why not more."""
        if self.declared.paused:
            return Moved("observe", f"paused by the annotation {PAUSED}")
        if hindrance is not None:
            return Moved("observe", hindrance.statement)
        return Moved(min(self.most, self.declared.operation.mode, key=LADDER.index), "")


def open_member(
    declared: Declared,
    pipeline: Pipeline,
    view: View,
    settings: ControllerSettings,
    planners: Planners,
    *,
    unix: Callable[[], float],
    may_write: Callable[[], bool],
) -> Member:
    """Return a member with its loop on its own folder.

    Raises:
        StoreError: the folder cannot be used, or another process uses it.
    """
    folder = settings.folder(declared.namespace, pipeline.name)
    with ExitStack() as undo:
        undo.enter_context(held(folder))
        birth = birth_of(folder, unix)
        clock = Clock(birth, unix)
        actuator = KubernetesActuator(pipeline, view, birth.life, may_write)
        cluster = PipelineOnKubernetes(actuator)
        planner = undo.enter_context(planners(folder))
        loop = undo.enter_context(
            loop_on(
                cluster,
                pipeline,
                folder,
                planner=planner,
                settings=settings.loop,
                clock=clock,
                real_time=True,
                unix=unix,
            )
        )
        return Member(declared, pipeline, loop, cluster, clock, settings.mode, undo.pop_all())
