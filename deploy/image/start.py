"""Starts what was built, sealed, and looks whether it does what it is for."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.image.engine import Engine
from deploy.image.processes import ProgramFailed

PROBES = Path(__file__).with_name("probes")
AT_WORK_S = 120.0
"""The twin is compiled before the first decision, maybe on a machine with other things to do."""

STOP_S = 30
"""What Kubernetes gives a pod to end, unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Check:
    """One container run to its end. It passes with status 0."""

    what: str
    arguments: tuple[str, ...]
    probe: str = ""
    """A Python program of the folder `probes` for the image's interpreter, which then gets the arguments."""

    environment: tuple[str, ...] = ()
    timeout_s: float = 180.0


@dataclass(frozen=True, slots=True)
class Ending:
    """A long command that must end by itself, in time and with status 0, when it is told to stop."""

    what: str
    arguments: tuple[str, ...]
    begun: str
    """What it prints once it is at work."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a check."""

    what: str
    passed: bool
    took_s: float
    said: str


def tried(checks: Sequence[Check | Ending], *, tag: str, engine: Engine, data: str | None) -> Iterator[Tried]:
    """Run one check after the other, all with the same volume at *data*, which is deleted in the end."""
    with _volume(engine, data) as options:
        for check in checks:
            began = time.monotonic()
            try:
                said, passed = _outcome(check, tag=tag, engine=engine, options=options), True
            except ProgramFailed as error:
                said, passed = str(error), False
            yield Tried(check.what, passed, time.monotonic() - began, said)


def _outcome(check: Check | Ending, *, tag: str, engine: Engine, options: Sequence[str]) -> str:
    match check:
        case Ending():
            return _ended(check, tag=tag, engine=engine, options=options)
        case Check(probe=""):
            given, arguments = "", check.arguments
        case Check():
            given, arguments = (PROBES / check.probe).read_text(encoding="utf-8"), ("-", *check.arguments)
            options = [*options, "--entrypoint=python"]
    variables = [f"--env={variable}" for variable in check.environment]
    printed = engine.run(
        tag, *arguments, options=[*options, *variables], given=given, timeout_s=check.timeout_s
    )
    return _last_words(printed)


def _last_words(printed: str) -> str:
    """Return the last line that says something; tables end with a rule."""
    lines = [line.strip(" │") for line in printed.splitlines() if any(map(str.isalnum, line))]
    return " ".join(lines[-1].split()) if lines else "nothing"


def _ended(check: Ending, *, tag: str, engine: Engine, options: Sequence[str]) -> str:
    name = f"trimtab-check-{uuid.uuid4().hex[:8]}"
    engine.start(tag, *check.arguments, name=name, options=options)
    try:
        _wait_for(check.begun, name=name, engine=engine)
        began = time.monotonic()
        engine.ask("stop", "--time", str(STOP_S), name)
        took_s = time.monotonic() - began
        status = engine.ask("wait", name).strip()
        if status != "0":
            raise ProgramFailed(f"told to stop, it ended with status {status} after {took_s:.1f} s")
        return f"status 0, {took_s:.1f} s after SIGTERM"
    finally:
        engine.ask("rm", "--force", name)


def _wait_for(text: str, *, name: str, engine: Engine) -> None:
    until = time.monotonic() + AT_WORK_S
    while text not in (printed := engine.ask("logs", name)):
        if time.monotonic() > until:
            raise ProgramFailed(f"no {text!r} within {AT_WORK_S:g} s; it printed {printed[-200:]!r}")
        time.sleep(0.2)


@contextmanager
def _volume(engine: Engine, data: str | None) -> Iterator[list[str]]:
    if data is None:
        yield []
        return
    name = f"trimtab-check-{uuid.uuid4().hex[:8]}"
    engine.ask("volume", "create", name)
    try:
        yield [f"--volume={name}:{data}"]
    finally:
        engine.ask("volume", "rm", "--force", name)
