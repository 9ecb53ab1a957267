"""Kill the process with a language model in flight: the turn is settled, and what was said is on record."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path
from signal import SIGKILL
from tempfile import TemporaryDirectory

import pytest

from agent.folder import FLIGHT
from agent.llm.settings import ClientSettings
from tests.agent.crash import STEPS, run_with_model
from tests.agent.llm.server import ScriptedModel, calling, proposing, scripted
from tests.agent.toy import CHEAPER, INTERVAL_S, Scripted, toy_run
from tools.flight import FlightRecorder

FIRST = "toy-000001"
SCRIPT = (
    calling("frontier"),
    proposing(action="solve", evidence=["t1"], rationale="the optimum, as it is"),
)
"""A tool, then a proposal; what runs at first is well below the optimum at the first forecast."""
PLACES = ("planner", "flight", "store", "actuator", "requests", "asked")
"""Whose calls are steps to be killed at; `test_kill` does it at every statement of every file."""


@pytest.fixture
def fast(tmp_path: Path) -> Iterator[Path]:
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else tmp_path) as folder:
        yield Path(folder)


def sent(folder: Path, at: int, settings: ClientSettings) -> int | None:
    """Run a turn in a process of its own that dies at step *at*; return how it ended."""
    processes = get_context("forkserver")
    processes.set_forkserver_preload(["tests.agent.warm"])
    process = processes.Process(target=run_with_model, args=(folder, "tick", at, settings))
    process.start()
    process.join(60)
    return process.exitcode


def chosen(steps: list[str]) -> list[int]:
    """Return the steps to be killed at: the first and the last of every call of a part."""
    numbers: dict[str, list[int]] = {}
    for number, step in enumerate(steps, start=1):
        if any(place in step.split(".")[0] for place in PLACES) and "SQL" not in step:
            numbers.setdefault(step, []).append(number)
    return sorted({k for found in numbers.values() for k in (found[0], found[-1])})


def check(folder: Path, model: ScriptedModel, heard: int) -> None:
    """Start again on what is left: settled once, nothing half done, every question to the model on record."""
    if (folder / FLIGHT).exists():
        with closing(FlightRecorder(folder / FLIGHT, time.time)) as flight:
            asked = [e for e in flight.entries(FIRST) if e.kind == "prompt"]
            assert len(asked) >= heard, "the model heard what is not on record"
    with toy_run(folder, Scripted([CHEAPER])) as run:
        before = run.cluster.desired()
        recovered = run.loop.recover()
        store = run.loop.context.store

        assert {d.id for d in recovered} <= {FIRST}
        assert run.cluster.desired() == before
        assert store.open_intents() == ()
        if before.change == FIRST:
            assert store.decision(FIRST).outcome == "applied"
        run.cluster.pass_time(INTERVAL_S)
        later = run.loop.tick()
        assert later is not None
        assert later.outcome == "applied"


def test_a_turn_with_a_model_in_flight_is_settled_wherever_it_is_killed(fast: Path) -> None:
    with scripted(*SCRIPT) as whole:
        assert sent(fast / "whole", 0, whole.settings()) == 0
        steps: list[str] = json.loads((fast / "whole" / STEPS).read_text(encoding="utf-8"))
        assert len(whole.heard) == len(SCRIPT)
    places = chosen(steps)
    assert any("flight.record" in steps[k - 1] for k in places)

    for k in places:
        with scripted(*SCRIPT) as model:
            assert sent(fast / str(k), k, model.settings()) == -SIGKILL, steps[k - 1]
            check(fast / str(k), model, len(model.heard))
