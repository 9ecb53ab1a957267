"""The autonomous loop: one turn of the state machine per interval, and what a crash left is cleared first.

A turn is one thread of the checkpointer, deleted once its decision is stored. So a thread that is still
there when the loop starts is a turn that was cut off. It is never continued on metrics that have aged:
if the cluster says that its change was taken, it is recorded as applied, else as abandoned.

The one exception waits for a person, in mode `approve`. Such a turn stays, at most one for a pipeline, also
across a restart, while the turns after it go on looking. It ends with an answer (and is then checked
against what is measured by then), when another change is due instead, or when nobody answers in time.

Before each turn, and once more before a change is made, it reads what people command (`agent.heeding`); after
each it says that it lives (`agent.beating`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Command

from agent.beating import Beating
from agent.context import REMEMBERED, Context, at_hand
from agent.graph import STEPS_LIMIT, build
from agent.state import TickState
from core.approval import Approval
from core.autonomy import Moved, standing
from core.decision import Decision
from core.errors import StoreError
from tools.requests import Request
from tools.store import Intent, cause

Approver = Callable[[Request], Approval | None]
"""Asked for every change in mode `approve`; None while there is no answer."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A turn that waits for a person."""

    name: str
    request: Request
    aged: bool = False
    """It was asked before the last start: what was measured then is old, whatever the clock says."""


class Loop:
    """Decides once an interval; when, is the caller's business. Use it as a context manager.

    Raises:
        StoreError: the checkpoints cannot be used.
    """

    def __init__(self, context: Context, checkpoints: Path, approver: Approver, beating: Beating) -> None:
        self.context = context
        self._beating = beating
        self._approver = approver
        self._path = checkpoints
        self._db = _opened(checkpoints)
        self._saver = SqliteSaver(self._db)
        self._machine = build(self._saver)
        self._pending: Pending | None = None

    def __enter__(self) -> Loop:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._beating.end()
        self._db.close()

    @property
    def waiting(self) -> Request | None:
        """What a person is asked at present."""
        return None if self._pending is None else self._pending.request

    def recover(self) -> tuple[Decision, ...]:
        """Record what a crash left unfinished, as applied or abandoned, and return it.

        What was decided before is remembered, and a turn that waits for a person goes on waiting.

        Raises:
            StoreError: a file cannot be used.
        """
        with self._beating.after():
            return self._recovered()

    def tick(self) -> Decision | None:
        """Take one turn and return its decision; None where it waits for a person.

        Raises:
            StoreError: it could not be stored; nothing was changed that is not on record.
            TrimtabError: whatever else a node reports.
        """
        with self._beating.after(), self._reporting():
            self.heed()
            return self._answered() or self._turn()

    def heed(self) -> Moved:
        """Read what people command; return the most the loop may do by itself now, and why.

        Raises:
            StoreError: the commands cannot be used.
        """
        self.context.heeding.look(self.context.settings.mode)
        return self.context.limit()

    def beat(self, problem: str) -> None:
        """Say that the loop lives, but could take no turn."""
        self._beating.beat(problem)

    def _recovered(self) -> tuple[Decision, ...]:
        self.heed()
        self.context.store.keep_pipeline(self.context.pipeline)
        with self._reporting():
            threads = sorted({c.config["configurable"]["thread_id"] for c in self._saver.list(None)})
        found = [decision for thread in threads for decision in self._settled(thread)]
        found += [self._settled_intent(intent) for intent in self.context.store.open_intents()]
        self._remember()
        return tuple(found)

    def _turn(self) -> Decision | None:
        name = self._next_name()
        found = self._run(name, {"id": name})
        if not isinstance(found, Request):
            return found
        waiting = self._pending
        if waiting is not None and waiting.request.proposal == found.proposal:
            note = f"waits for the answer to {waiting.name}, which is the same change"
            return self._ended(name, {"outcome": "recommended", "note": note})
        if waiting is not None:
            self._close(waiting, f"superseded by {name}")
        self.context.requests.open(found)
        self._pending = Pending(name, found)
        return self._answered()

    def _answered(self) -> Decision | None:
        """Bring the turn that waits to its end, if there is an answer or it has waited too long."""
        waiting = self._pending
        if waiting is None:
            return None
        mode = self.context.mode().mode
        if mode != "approve":
            self._close(waiting, f"the mode is {mode} now")
            return None
        word = self._approver(waiting.request)
        if word is None:
            if self.context.unix() < waiting.request.expires_at:
                return None
            self._close(waiting, "nobody answered in time")
            return None
        self._pending = None
        self.context.requests.settle(waiting.request.proposal, "answered", at=self.context.unix())
        answer: Command[Any] = Command(resume=word.model_dump(mode="json"), update={"aged": waiting.aged})
        found = self._run(waiting.name, answer)
        if isinstance(found, Request):
            raise StoreError(f"{self._path}: turn {waiting.name!r} asks again after an answer")
        return found

    def _run(self, name: str, given: TickState | Command[Any] | None) -> Decision | Request:
        """Run a turn to its record, or to the question it has for a person."""
        out = self._machine.invoke(given, _thread(name), context=self.context, durability="sync")
        questions = out.get("__interrupt__")
        if questions:
            return Request.model_validate(questions[0].value)
        self._saver.delete_thread(name)
        return self.context.store.decision(name)

    def _ended(self, name: str, end: TickState) -> Decision:
        """Record a turn that is not to go on."""
        self._machine.update_state(_thread(name), {"id": name, **end}, as_node="confirm")
        found = self._run(name, None)
        if isinstance(found, Request):
            raise StoreError(f"{self._path}: turn {name!r} asks a person where it is to be recorded")
        return found

    def _close(self, waiting: Pending, reason: str) -> None:
        self._pending = None
        self.context.requests.settle(waiting.request.proposal, reason, at=self.context.unix())
        self._ended(waiting.name, {"outcome": "refused", "note": reason})

    def _next_name(self) -> str:
        """Return an id that no decision has; a turn that waits for a person has one without a record."""
        number = self.context.store.count() + 1
        while True:
            name = f"{self.context.pipeline.name}-{number:06d}"
            taken = self._pending is not None and self._pending.name == name
            if not taken and not self.context.store.has(name):
                return name
            number += 1

    def _settled(self, thread: str) -> Iterator[Decision]:
        """Bring a cut-off turn to its record; nothing if it has one already, or goes on waiting."""
        with self._reporting():
            if self.context.store.has(thread):
                self._saver.delete_thread(thread)
                return
            if self._waits_on(thread):
                return
            self._close_request(thread)
            yield self._ended(thread, self._fate(thread))

    def _close_request(self, thread: str) -> None:
        """Let nobody answer for a turn that is not gone on with."""
        mode = self.context.mode().mode
        reason = "its turn was cut off" if mode == "approve" else f"the mode is {mode} now"
        for request in self.context.requests.open_requests():
            if request.decision == thread:
                self.context.requests.settle(request.proposal, reason, at=self.context.unix())

    def _waits_on(self, thread: str) -> bool:
        """Take up a turn that waits for a person, if the loop still asks and the request is open."""
        if self.context.mode().mode != "approve" or self._machine.get_state(_thread(thread)).next != (
            "approve",
        ):
            return False
        found = self._run(thread, None)
        kept = next((r for r in self.context.requests.open_requests() if r.decision == thread), None)
        if not isinstance(found, Request) or kept is None or self._pending is not None:
            return False
        self._pending = Pending(thread, kept, aged=True)
        return True

    def _fate(self, change: str) -> TickState:
        desired = self.context.actuator.desired()
        if desired.change == change:
            return {"outcome": "applied", "note": "the turn was cut off after its change was taken"}
        if change in desired.taken_by_some:
            note = "the turn was cut off in the middle of its change: some stages took it, others did not"
            return {"outcome": "failed", "note": note}
        return {"outcome": "abandoned", "note": "the turn was cut off before it changed anything"}

    def _settled_intent(self, intent: Intent) -> Decision:
        """Record an intent whose checkpoint is gone."""
        fate = self._fate(intent.decision)
        decision = Decision(
            id=intent.decision,
            pipeline=intent.pipeline,
            time_s=intent.time_s,
            mode=self.context.mode().mode,
            planner=self.context.planner.name,
            observation=None,
            forecast=None,
            certificate=intent.certificate,
            outcome=fate["outcome"],
            note=f"{fate['note']}; its checkpoint is lost",
        )
        self.context.store.record(decision)
        return decision

    def _remember(self) -> None:
        """Take up what was decided before, but for what lies in the clock's future."""
        now_s, ours = self.context.clock(), self.context.pipeline.name
        known = [d for d in self.context.store.latest(REMEMBERED)[::-1] if d.pipeline == ours]
        self.context.history.clear()
        earlier = tuple(d for d in known if d.time_s <= now_s)
        self.context.assessor.replay(earlier)
        self.context.earlier = tuple(at_hand(d, self.context.pipeline) for d in earlier)
        if self.context.settings.autonomy is not None:
            self.context.standing = standing(self.context.store.of_pipeline(ours))

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(f"{self._path}: the checkpoints cannot be used: {cause(error)}") from error


def _opened(path: Path) -> sqlite3.Connection:
    """Open the checkpoints. They need to survive a killed process, not a power cut: the store does that."""
    with ExitStack() as undo:
        try:
            connection = undo.enter_context(closing(sqlite3.connect(path, check_same_thread=False)))
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            SqliteSaver(connection).setup()
        except sqlite3.Error as error:
            raise StoreError(f"{path}: the checkpoints cannot be used: {cause(error)}") from error
        undo.pop_all()
    return connection


def _thread(name: str) -> RunnableConfig:
    return {"configurable": {"thread_id": name}, "recursion_limit": STEPS_LIMIT}
