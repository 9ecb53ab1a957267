"""The autonomous loop: one turn of the state machine per interval, and what a crash left is cleared first.

A turn is one thread of the checkpointer, deleted once its decision is stored. So a thread that is still
there when the loop starts is a turn that was cut off. It is never continued on metrics that have aged:
if the cluster says that its change was taken, it is recorded as applied, else as abandoned.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Command

from agent.context import Context
from agent.graph import STEPS_LIMIT, build
from agent.state import Json, TickState
from core.decision import Decision
from core.errors import StoreError
from tools.store import Intent, cause

Approver = Callable[[Json], bool]
"""Asked for every change in mode `approve`: the interrupt's payload in, yes or no out."""


class Loop:
    """Decides once an interval; when, is the caller's business. Use it as a context manager.

    Raises:
        StoreError: the checkpoints cannot be used.
    """

    def __init__(self, context: Context, checkpoints: Path, approver: Approver) -> None:
        self.context = context
        self._approver = approver
        self._path = checkpoints
        self._db = _opened(checkpoints)
        self._saver = SqliteSaver(self._db)
        self._machine = build(self._saver)

    def __enter__(self) -> Loop:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    def recover(self) -> tuple[Decision, ...]:
        """Record what a crash left unfinished, as applied or abandoned, and return it.

        Raises:
            StoreError: a file cannot be used.
        """
        with self._reporting():
            threads = sorted({c.config["configurable"]["thread_id"] for c in self._saver.list(None)})
        found = [decision for thread in threads for decision in self._settled(thread)]
        found += [self._settled_intent(intent) for intent in self.context.store.open_intents()]
        return tuple(found)

    def tick(self) -> Decision:
        """Take one turn and return its decision.

        Raises:
            StoreError: it could not be stored; nothing was changed that is not on record.
            TrimtabError: whatever else a node reports.
        """
        name = f"{self.context.pipeline.name}-{self.context.store.count() + 1:06d}"
        given: TickState | Command[Any] = {"id": name}
        with self._reporting():
            while True:
                out = self._machine.invoke(given, _thread(name), context=self.context, durability="sync")
                questions = out.get("__interrupt__")
                if not questions:
                    break
                given = Command(resume=self._approver(questions[0].value))
            self._saver.delete_thread(name)
        return self.context.store.decision(name)

    def _settled(self, thread: str) -> Iterator[Decision]:
        """Bring a cut-off turn to its record; nothing if it has one already."""
        with self._reporting():
            if not self.context.store.has(thread):
                self._machine.update_state(_thread(thread), self._fate(thread), as_node="confirm")
                self._machine.invoke(None, _thread(thread), context=self.context, durability="sync")
                yield self.context.store.decision(thread)
            self._saver.delete_thread(thread)

    def _fate(self, change: str) -> TickState:
        if self.context.actuator.desired().change == change:
            return {
                "id": change,
                "outcome": "applied",
                "note": "the turn was cut off after its change was taken",
            }
        return {
            "id": change,
            "outcome": "abandoned",
            "note": "the turn was cut off before it changed anything",
        }

    def _settled_intent(self, intent: Intent) -> Decision:
        """Record an intent whose checkpoint is gone."""
        fate = self._fate(intent.decision)
        decision = Decision(
            id=intent.decision,
            pipeline=intent.pipeline,
            time_s=intent.time_s,
            mode=self.context.settings.mode,
            planner=self.context.planner.name,
            observation=None,
            forecast=None,
            certificate=intent.certificate,
            outcome=fate["outcome"],
            note=f"{fate['note']}; its checkpoint is lost",
        )
        self.context.store.record(decision)
        return decision

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
