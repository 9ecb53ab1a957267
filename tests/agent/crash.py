"""One turn of the loop in a process of its own that is killed at a chosen step, for `test_kill`.

A step is whatever another process could notice: a call of a port (one step before, one after), an SQL
statement that writes decisions or checkpoints, a file opened for writing or renamed. Nothing is
replaced: the parts are the product's own, and Python's audit events say when they touch a file.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from agent.folder import FLIGHT
from agent.llm.settings import ClientSettings
from agent.planners import Planner
from agent.planners.llm import LlmPlanner
from core.approval import Approval
from tests.agent.llm.server import KEY
from tests.agent.toy import ENOUGH, TOO_SMALL, Scripted, agreeing, toy_run
from tools.flight import FlightRecorder
from tools.requests import Request

Errand = Literal["tick", "recover"]
Part = TypeVar("Part")

STEPS = "steps.json"
"""Where a run that was not killed leaves the steps it took."""


class Fuse:
    """Counts the steps of this process and kills it at one of them; at none where *at* is 0."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.steps: list[str] = []
        self._lock = threading.Lock()

    def step(self, what: str) -> None:
        """Take one step."""
        with self._lock:
            self.steps.append(what)
            if len(self.steps) == self.at:
                os.kill(os.getpid(), signal.SIGKILL)


def run_errand(folder: Path, errand: Errand, at: int) -> None:
    """Set the loop up in *folder*, take a turn through every node or recover, and die at step *at*.

    The first proposal is too small, so that it is revised; a person agrees to the second.
    """
    fuse = Fuse(at)
    _watch_files(fuse)
    _run(folder, errand, Scripted([TOO_SMALL, ENOUGH]), fuse)


def run_with_model(folder: Path, errand: Errand, at: int, settings: ClientSettings) -> None:
    """Do the same with a language model planning, whose every word is recorded."""
    fuse = Fuse(at)
    _watch_files(fuse)
    folder.mkdir(exist_ok=True)
    with closing(FlightRecorder(folder / FLIGHT, time.time, secrets=[KEY])) as flight:
        _run(folder, errand, LlmPlanner(settings, _watched(flight, "flight", fuse)), fuse)


def _run(folder: Path, errand: Errand, planner: Planner, fuse: Fuse) -> None:
    with toy_run(folder, planner, mode="approve", approver=_agreeing(fuse)) as run:
        context = run.loop.context
        context.metrics = _watched(context.metrics, "metrics", fuse)
        context.actuator = _watched(context.actuator, "actuator", fuse)
        context.store = _watched(context.store, "store", fuse)
        context.planner = _watched(context.planner, "planner", fuse)
        context.requests = _watched(context.requests, "requests", fuse)
        if errand == "tick":
            run.cluster.pass_time(10)
            run.loop.tick()
        else:
            run.loop.recover()
    (folder / STEPS).write_text(json.dumps(fuse.steps), encoding="utf-8")


def _agreeing(fuse: Fuse) -> Callable[[Request], Approval]:
    def agree(request: Request) -> Approval:
        fuse.step("asked a person")
        return agreeing(request)

    return agree


class _Watched:
    """A part with a step before and after each call."""

    def __init__(self, part: object, name: str, fuse: Fuse) -> None:
        self._part, self._name, self._fuse = part, name, fuse

    def __getattr__(self, called: str) -> Any:  # noqa: ANN401 - whatever the part has
        found = getattr(self._part, called)
        if not callable(found):
            return found

        def call(*given: Any, **named: Any) -> Any:  # noqa: ANN401 - as above
            self._fuse.step(f"before {self._name}.{called}")
            answer = found(*given, **named)
            self._fuse.step(f"after {self._name}.{called}")
            return answer

        return call


def _watched(part: Part, name: str, fuse: Fuse) -> Part:
    return cast(Part, _Watched(part, name, fuse))


def _watch_files(fuse: Fuse) -> None:
    """Make steps of what is done to files. The hook stays until the process ends."""

    def hook(event: str, given: tuple[Any, ...]) -> None:
        if event == "sqlite3.connect/handle":
            _watch_statements(given[0], fuse)
        elif event == "os.rename":
            fuse.step(f"rename to {Path(given[1]).name}")
        elif event == "open" and isinstance(given[1], str) and given[1][0] in "wax":
            name = Path(given[0]).name
            fuse.step(f"open {name} for writing")
            _next(lambda: fuse.step(f"{name} is open and empty"))

    sys.addaudithook(hook)


def _watch_statements(connection: sqlite3.Connection, fuse: Fuse) -> None:
    """Make a step of every statement. The handle is not ready before its call has returned."""
    _next(lambda: connection.set_trace_callback(lambda sql: _watch_statement(sql, fuse)))


def _next(act: Callable[[], None]) -> None:
    """Act once the call in progress, which an audit event tells of, has returned."""

    def returned(*_: object) -> None:
        sys.setprofile(None)
        act()

    sys.setprofile(returned)


def _watch_statement(sql: str, fuse: Fuse) -> None:
    words = sql.split()
    if words[0] not in ("BEGIN", "SELECT"):  # they leave everything as it is
        fuse.step(f"SQL {' '.join(words)[:70]}")
