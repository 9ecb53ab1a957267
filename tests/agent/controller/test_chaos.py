"""Hundreds of random faults on four pipelines: no record lost, nothing applied twice, nobody fought over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from agent.folder import DECISIONS
from core.decision import Decision, check_certificate
from tests.agent.controller.judge import Judge, Told, intents_of
from tests.agent.controller.mischief import START, Killed, Mischief
from tests.agent.controller.world import World
from tests.kube.plane import Plane
from tests.kube.player import playing
from tests.kube.proxy import fault_proxy
from tests.kube.watcher import Recorder, recording
from tests.tools.kubernetes.stages import toy
from tools.kubernetes.api import Timeouts
from tools.kubernetes.errors import KubernetesError
from tools.store import DecisionStore

PIPELINES = ("amber", "blue", "coral", "denim")
SHORT = Timeouts(connect_s=0.7, read_s=0.7)
WAVE_S = 40
LOW_RPS, HIGH_RPS = 6.0, 20.0
TRACE_RPS = [LOW_RPS if second // WAVE_S % 2 else HIGH_RPS for second in range(6000)]
CALM = 4
"""Sweeps at the end, in which nothing happens."""
MOST_SWEEPS = 250
CORES = 14


@contextmanager
def chaos(plane: Plane, namespace: str, data: Path, seed: int) -> Iterator[tuple[Mischief, Recorder]]:
    """Give a world with four pipelines in which things go wrong."""
    with (
        fault_proxy(plane, plane.admin_kubeconfig) as proxy,
        playing(plane, namespace, cores=(200, 200)),
        recording(plane, namespace) as recorder,
    ):
        world = World(
            plane,
            namespace,
            data,
            TRACE_RPS,
            kubeconfig=proxy.kubeconfig,
            timeouts=SHORT,
        )
        mischief = Mischief(Random(seed), world, PIPELINES)
        world.may_write = mischief.may_write
        world.starts_anew()
        for name in PIPELINES:
            world.declares(toy(max_cores=CORES).model_copy(update={"name": name}), start=START)
        proxy.script = mischief
        yield mischief, recorder
        world.fleet.close()


def sweeps(mischief: Mischief) -> None:
    try:
        mischief.world.fleet.sweep()
    except KubernetesError:
        mischief.done["sweep lost"] += 1
    except Killed:
        mischief.died()


def befalls(mischief: Mischief, least: int, restarts: set[int]) -> None:
    """Let so many things go wrong, then none."""
    for number in range(MOST_SWEEPS):
        if mischief.done.total() - mischief.done["sweep lost"] >= least:
            break
        if number in restarts:
            mischief.world.plane.restart_apiserver()
            mischief.done["API server restarted"] += 1
        mischief.before_sweep()
        sweeps(mischief)
        mischief.after_sweep()
    mischief.ends()
    for _ in range(CALM):
        mischief.world.fleet.sweep()


def judged(mischief: Mischief, recorder: Recorder, data: Path) -> list[str]:
    """Return what is wrong with what was seen and with what is on record."""
    recorder.catch_up()
    events = recorder.versions()
    found = []
    for name in PIPELINES:
        path = data / mischief.world.namespace / name / DECISIONS
        pipeline = toy(max_cores=CORES).model_copy(update={"name": name})
        quiet = mischief.quiet.get(name, [])
        judge = Judge(pipeline, START, intents_of(path), mischief.hands, quiet)
        found += judge.complaints(events)
        seen = {t.change for t in map(Told.of, events) if t.name.startswith(f"{name}-")}
        found += on_record(path, seen - {"initial"})
    return found


def decided(data: Path) -> list[Decision]:
    """Return the decisions of all pipelines."""
    found: list[Decision] = []
    for path in data.glob(f"*/*/{DECISIONS}"):
        store = DecisionStore(path, read_only=True)
        found += store.latest(store.count())
        store.close()
    return found


def told(mischief: Mischief, data: Path) -> None:
    """Print what befell it, and make sure that it was no quiet day."""
    outcomes = Counter(decision.outcome for decision in decided(data))
    print(f"{dict(mischief.done)}; {dict(outcomes)}")  # noqa: T201 - pytest shows it
    assert mischief.done["write"] >= 10
    assert outcomes["applied"] >= 10
    assert any("was cut off" in decision.note for decision in decided(data)), "a kill leaves its record"


def on_record(path: Path, seen: set[str]) -> list[str]:
    """Return what a store lacks of the changes that were seen, and what it cannot prove."""
    store = DecisionStore(path, read_only=True)
    found = [f"{intent.decision} has no decision" for intent in store.open_intents()]
    found += [f"{change} was seen and is not on record" for change in sorted(seen) if not store.has(change)]
    for decision in store.latest(store.count()):
        if decision.outcome == "applied":
            assert decision.certificate is not None
            found += [f"{decision.id}: {text}" for text in check_certificate(decision.certificate)]
    store.close()
    return found


def test_a_hundred_faults(plane: Plane, namespace: str, tmp_path: Path) -> None:
    with chaos(plane, namespace, tmp_path, seed=1) as (mischief, recorder):
        befalls(mischief, 100, restarts=set())

        told(mischief, tmp_path)
        assert judged(mischief, recorder, tmp_path) == []


@pytest.mark.slow  # minutes, and the API server restarts
@pytest.mark.timeout(900)
# A connection of the test plane's own client may be left open where the API server ended under it.
@pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize("seed", [2, 3])
def test_five_hundred_faults(plane: Plane, namespace: str, tmp_path: Path, seed: int) -> None:
    with chaos(plane, namespace, tmp_path, seed) as (mischief, recorder):
        befalls(mischief, 500, restarts={20, 60})

        told(mischief, tmp_path)
        assert judged(mischief, recorder, tmp_path) == []
