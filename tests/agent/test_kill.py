"""Kill the process at any point: nothing applied is unrecorded, nothing recorded as applied was not.

A turn through every node is run once to list its steps, then once for each step, killed there with
SIGKILL. After each the loop is started again on what is left. The same is done to the recovery.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from signal import SIGKILL
from tempfile import TemporaryDirectory

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver

from agent.folder import CHECKPOINTS, CLUSTER
from agent.graph import build
from core.decision import check_certificate
from tests.agent.crash import STEPS, Errand, run_errand
from tests.agent.toy import CHEAPER, INTERVAL_S, Scripted, toy_run
from tools.ports import Desired
from tools.store import DecisionStore

NODES = {
    "observe", "forecast", "assess", "plan", "verify", "revise", "approve", "apply", "confirm", "record"
}  # fmt: skip
FIRST = "toy-000001"
"""Id of the turn that is killed."""

Sent = Callable[[Path, Errand, int], int]


@pytest.fixture(scope="module")
def sent() -> Sent:
    """Return what runs an errand in a process of its own and returns its exit status."""
    processes = get_context("forkserver")
    processes.set_forkserver_preload(["tests.agent.warm"])

    def send(folder: Path, errand: Errand, at: int) -> int:
        process = processes.Process(target=run_errand, args=(folder, errand, at))
        process.start()
        process.join(60)
        assert process.exitcode is not None, "the process hangs"
        return process.exitcode

    return send


@pytest.fixture
def fast(tmp_path: Path) -> Iterator[Path]:
    """Yield a folder in memory where there is one: a killed process loses nothing that it wrote there."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else tmp_path) as folder:
        yield Path(folder)


def steps_of(sent: Sent, errand: Errand, folder: Path) -> list[str]:
    """Return the steps of an errand that is not killed."""
    assert sent(folder, errand, 0) == 0
    found: list[str] = json.loads((folder / STEPS).read_text(encoding="utf-8"))
    return found


@dataclass(frozen=True, slots=True)
class Left:
    """What a kill left behind."""

    asked_for: Desired | None
    """What the cluster was told, None where it never came up."""
    due: set[str]
    """The nodes that were to run next."""


def left_in(folder: Path) -> Left:
    """Look without touching anything but copies."""
    memory, checkpoints = folder / "data" / CLUSTER, folder / "data" / CHECKPOINTS
    asked_for = Desired.model_validate_json(memory.read_bytes()) if memory.exists() else None
    if not checkpoints.exists():
        return Left(asked_for, set())
    copy = folder / "copy"
    shutil.copytree(folder / "data", copy)
    with closing(sqlite3.connect(copy / CHECKPOINTS, check_same_thread=False)) as db:
        state = build(SqliteSaver(db)).get_state({"configurable": {"thread_id": FIRST}})
        return Left(asked_for, set(state.next))


def check_restart(folder: Path, left: Left) -> None:
    """Start the loop on what is left, recover, take another turn, and compare records with the cluster."""
    changed = {FIRST} if left.asked_for is not None and left.asked_for.change == FIRST else set()
    with toy_run(folder, Scripted([CHEAPER])) as run:
        store = run.loop.context.store
        assert not changed or store.intent(FIRST) is not None, "applied with nothing on record"

        recovered = run.loop.recover()
        known = {d.id for d in store.latest(9)}

        assert {d.id for d in recovered} <= {FIRST}
        assert applied(store) == changed
        assert store.open_intents() == ()
        assert left.asked_for in (None, run.cluster.desired()), "recovering changed the cluster"
        assert run.loop.recover() == (), "recovered twice"

        run.cluster.pass_time(INTERVAL_S)
        decision = run.loop.tick()

        assert decision is not None
        assert decision.id not in known
        assert run.cluster.desired().change == decision.id
        assert applied(store) == changed | {decision.id}
    assert checkpoints_in(folder) == 0, "a finished turn keeps its checkpoints"


def checkpoints_in(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "data" / CHECKPOINTS)) as db:
        return int(db.execute("SELECT count(*) FROM checkpoints").fetchone()[0])


def applied(store: DecisionStore) -> set[str]:
    """Return what is recorded as applied, each with a proof that holds."""
    found = [d for d in store.latest(9) if d.outcome == "applied"]
    for decision in found:
        assert decision.certificate is not None
        assert check_certificate(decision.certificate) == ()
    return {d.id for d in found}


def test_a_turn_killed_at_any_step_is_settled_on_restart(sent: Sent, fast: Path) -> None:
    steps = steps_of(sent, "tick", made(fast / "whole"))
    seen: set[str] = set()

    for k, step in enumerate(steps, start=1):
        folder = made(fast / str(k))
        assert sent(folder, "tick", k) == -SIGKILL
        left = left_in(folder)
        seen |= left.due
        with explained(f"killed at step {k}, {step}"):
            check_restart(folder, left)

    assert seen >= NODES


@pytest.mark.parametrize(
    "step",
    [
        pytest.param("before planner.plan", id="before anything was intended"),
        pytest.param("before actuator.apply", id="intended, not applied"),
        pytest.param("after actuator.apply", id="applied, not recorded"),
        pytest.param("after store.record", id="recorded, checkpoint not deleted"),
    ],
)
def test_a_recovery_killed_at_any_step_is_settled_by_the_next(sent: Sent, fast: Path, step: str) -> None:
    at = 1 + steps_of(sent, "tick", made(fast / "whole")).index(step)
    start = made(fast / "start")
    assert sent(start, "tick", at) == -SIGKILL
    left = left_in(start)
    steps = steps_of(sent, "recover", copied(start, fast / "recovered"))

    opened = max(k for k, found in enumerate(steps) if "CREATE" in found)
    for k, recovering in list(enumerate(steps, start=1))[opened:]:
        folder = copied(start, fast / str(k))
        assert sent(folder, "recover", k) == -SIGKILL
        with explained(f"recovery killed at step {k}, {recovering}"):
            check_restart(folder, left)


def test_an_intent_whose_checkpoint_is_lost_is_settled_by_the_cluster(sent: Sent, fast: Path) -> None:
    steps = steps_of(sent, "tick", made(fast / "whole"))

    for step in ("before actuator.apply", "after actuator.apply"):
        folder = made(fast / step)
        assert sent(folder, "tick", 1 + steps.index(step)) == -SIGKILL
        left = left_in(folder)
        for file in (folder / "data").glob(f"{CHECKPOINTS}*"):
            file.unlink()
        with explained(step):
            check_restart(folder, left)


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def copied(folder: Path, target: Path) -> Path:
    return Path(shutil.copytree(folder, target))


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Say where it was if anything fails."""
    try:
        yield
    except Exception as error:  # whatever it was: it is raised again, with the step that was killed
        raise AssertionError(what) from error
