"""No tool reaches what writes: not by its imports, not by what it is given, not by what it does."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from pydantic import BaseModel

from core.values import Frozen
from tools.toolkit import names
from tools.toolkit._registry import tool
from tools.toolkit.situation import Situation

ROOT = Path(__file__).parents[3]
MAY_BE_IMPORTED = ("core", "tools", "tools.toolkit")
"""Packages of ours. Of `tools`, the toolkit alone: beside it lie the store, the actuators, the calendar."""
WRITERS = (
    "sqlite3",
    "kubernetes",
    "prometheus_api_client",
    "langchain_openai",
    "mcp",
    "filelock",
    "requests",
)
"""Libraries by which anything could be reached from here."""

IMPORTED = """
import sys, tools.toolkit
print(*sorted(sys.modules))
"""


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_toolkit_imports_nothing_that_writes() -> None:
    ended = run(IMPORTED)
    modules = ended.stdout.split()
    ours = [m for m in modules if (ROOT / m.split(".")[0]).is_dir() and m.split(".")[0] != "tests"]

    assert ended.returncode == 0, ended.stderr
    assert "tools.toolkit.solve" in ours
    assert [m for m in ours if not allowed(m)] == []
    assert [m for m in modules if m.split(".")[0] in WRITERS] == []


def allowed(module: str) -> bool:
    return module in MAY_BE_IMPORTED or module.startswith(("core.", "tools.toolkit."))


def test_everything_a_tool_is_given_is_a_value() -> None:
    found = list(reachable(Situation, set()))

    assert Frozen in {base for kind in found for base in kind.__mro__}
    assert {kind.__name__ for kind in found} >= {"Problem", "Decision", "Event", "Trial", "Pipeline"}
    for kind in found:
        assert is_value(kind), f"{kind} is no value: something in a situation could be written through"


def is_value(kind: type) -> bool:
    """Say whether instances of a type can only be read."""
    if issubclass(kind, BaseModel):
        return bool(kind.model_config.get("frozen"))
    if dataclasses.is_dataclass(kind):
        return bool(kind.__dataclass_params__.frozen)  # type: ignore[attr-defined] # typeshed leaves it out
    return issubclass(kind, bool | int | float | str | type(None) | Enum | tuple)


def reachable(kind: Any, seen: set[object]) -> Iterator[type]:  # noqa: ANN401 - a type hint
    """Yield every type that an instance of *kind* may hold."""
    if isinstance(kind, type) and kind not in seen:
        seen.add(kind)
        yield kind
        if issubclass(kind, BaseModel):
            for field in kind.model_fields.values():
                yield from reachable(field.annotation, seen)
        elif dataclasses.is_dataclass(kind):
            for hint in get_type_hints(kind).values():
                yield from reachable(hint, seen)
    for argument in get_args(kind):
        yield from reachable(argument, seen)


@pytest.mark.parametrize("name", names())
def test_what_a_tool_takes_and_gives_are_values(name: str) -> None:
    found = tool(name)
    assert found is not None
    hints = get_type_hints(found.run)

    kinds = [kind for hint in hints.values() for kind in reachable(hint, set())]

    assert all(is_value(kind) for kind in kinds)


GUARDED = """
import json, os, sys
from tests.tools.toolkit.moments import asked, barred, decided, finding, launch, moment, slower, trial
from tools.toolkit import names

situation = moment(12.0, finding("load surge"), belief=slower(), events=(launch(),), trial=trial(),
                   history=(decided(1),), quarantine=(barred(),))
questions = [(name, {}) for name in names()]
questions += [("solve", {"load_factor": 3}), ("solve", {"load_rps": 500}), ("frontier", {"headroom": 2}),
              ("verify_configuration", {"load_rps": 500})]
armed, seen = False, []
MODULES = ("socket", "subprocess", "shutil", "sqlite3", "urllib")
CALLS = ("system", "exec", "fork", "posix_spawn", "spawn", "remove", "rename", "mkdir", "rmdir", "link",
         "symlink", "truncate", "chmod", "kill")

def watch(event, arguments):
    if not armed:
        return
    if event == "open":
        path, mode, flags = arguments
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
        if writes and path != os.devnull:
            seen.append(f"{event} {path}")
    elif event.split(".")[0] in MODULES or event in [f"os.{call}" for call in CALLS]:
        seen.append(event)

sys.addaudithook(watch)
asked("solve", moment(3.0))  # what a solver needs once in a process
before = situation
armed = True
for name, arguments in questions:
    done = asked(name, situation, **arguments)
    assert done.ok, done.result
assert situation == before
for path in sys.argv[1:]:
    open(path, "a").close()
armed = False
print(json.dumps(seen))
"""


def test_no_tool_opens_a_file_for_writing_a_socket_or_a_process(tmp_path: Path) -> None:
    ended = run(GUARDED, str(tmp_path / "control"))

    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == [f"open {tmp_path / 'control'}"], "but for what the test itself writes"
