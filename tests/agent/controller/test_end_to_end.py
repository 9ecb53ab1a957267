"""Ten minutes of bursts on a real API server that fails: what was ever visible, and what is on record."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agent.folder import DECISIONS
from core.configuration import Configuration
from core.decision import Decision, check_certificate
from simulator.workload import bursty
from tests.agent.controller.judge import Judge, Told, intents_of
from tests.agent.controller.world import World
from tests.kube.faults import Answer, Cut, Fault, Request, Reset, Silence, busy, login_page
from tests.kube.plane import Plane
from tests.kube.player import Player, playing
from tests.kube.proxy import FaultProxy, fault_proxy
from tests.kube.watcher import Recorder, recording
from tests.tools.kubernetes.stages import configured, toy
from tools.kubernetes.api import Timeouts
from tools.kubernetes.errors import KubernetesError
from tools.store import DecisionStore

SWEEPS = 60
CALM = 5
"""Last sweeps, in which nothing goes wrong."""
TRACE_RPS = bursty(10 * SWEEPS, base_rps=5.0, peak_rps=22.0, seed=11)
MAX_CORES = 10
"""At the peak there is no room for the large variant."""
START = configured("large", 2, 1)
SHORT = Timeouts(connect_s=1.0, read_s=1.0)
PATIENCE_S = 1.5
"""Waited after a sweep for roll-outs: the trace's time runs faster than the cluster's."""
SETTLING_S = 30.0
WRITES: tuple[Fault, ...] = (
    Answer(409),
    Silence(forwarded=True),
    Answer(500),
    Reset(forwarded=True),
    busy(1),
    Cut(),
    Answer(403),
    Reset(forwarded=False),
    login_page(),
    Silence(forwarded=False),
    Answer(401),
)
"""Each befalls a write of its own."""


@dataclass(slots=True)
class Mischief:
    """Gives faults to writes that are meant, one each, and now and then ends the server before one."""

    plane: Plane
    waiting: deque[Fault] = field(default_factory=deque)
    ends_server: bool = False
    stopping: bool = False
    stopped: threading.Event = field(default_factory=threading.Event)

    def __call__(self, request: Request) -> Fault | None:
        if request.method != "PATCH" or "deployments" not in request.path or "dryRun" in request.query:
            return None
        if self.ends_server:
            self.ends_server, self.stopping = False, True
            self.plane.stop_apiserver()
            self.stopped.set()
            return None
        return self.waiting.popleft() if self.waiting else None


@dataclass(slots=True)
class Run:
    """The world, and what goes wrong in it."""

    world: World
    proxy: FaultProxy
    mischief: Mischief
    player: Player
    recorder: Recorder
    blind: int = 0

    def sweeps(self) -> None:
        """Take all the turns."""
        faults = deque(WRITES)
        for number in range(SWEEPS):
            calm = number >= SWEEPS - CALM
            if calm:
                self.mischief.waiting.clear()
                self.mischief.ends_server = False
            elif faults and not self.mischief.waiting and number % 2:
                self.mischief.waiting.append(faults.popleft())
            self._happens(number)
            self._sweep()
            self._lets_roll_out()

    def _happens(self, number: int) -> None:
        """Do what is to happen before a sweep."""
        match number:
            case 8 | 30 | 46:
                self.deletes_pods()
            case 14:
                self.proxy.on("GET", "/deployments$", Answer(500))
            case 18:
                self.player.lose_node()
            case 22:
                self.player.return_node()
            case 26:
                self.world.plane.restart_apiserver()
            case 36:
                self.proxy.on("GET", "", login_page(), times=2)
            case 38:
                self.mischief.ends_server = True

    def _sweep(self) -> None:
        try:
            self.world.fleet.sweep()
        except KubernetesError:
            self.blind += 1
        if self.mischief.stopping:
            assert self.mischief.stopped.wait(SETTLING_S)
            self.mischief.stopping = False
            self.world.plane.start_apiserver()

    def deletes_pods(self) -> None:
        path = f"/api/v1/namespaces/{self.world.namespace}/pods"
        self.world.plane.rest.delete(path, labelSelector="trimtab.dev/stage=find")

    def _lets_roll_out(self, limit_s: float = PATIENCE_S) -> bool:
        end_s = time.monotonic() + limit_s
        while time.monotonic() < end_s:
            if all(s.progress.complete for s in self.world.source.workloads.list("toy")):
                return True
            time.sleep(0.1)
        return False

    def settles(self) -> None:
        """Let what a roll-out kept go, as the next turn would, without deciding anything."""
        assert self._lets_roll_out(SETTLING_S)
        (member,) = self.world.fleet.members.values()
        member.cluster.actuator.view.refresh()
        member.cluster.actuator.settle()


@pytest.fixture
def run(plane: Plane, namespace: str, tmp_path: Path) -> Iterator[Run]:
    mischief = Mischief(plane)
    with (
        fault_proxy(plane, plane.admin_kubeconfig, mischief) as proxy,
        playing(plane, namespace, cores=(40, 40)) as player,
        recording(plane, namespace) as recorder,
    ):
        world = World(plane, namespace, tmp_path, TRACE_RPS, kubeconfig=proxy.kubeconfig, timeouts=SHORT)
        world.source.blind = {10, 11, 34}
        yield Run(world, proxy, mischief, player, recorder)
        world.fleet.close()


def test_ten_minutes_of_bursts_and_faults_leave_nothing_that_was_not_approved_and_recorded(
    run: Run, namespace: str, tmp_path: Path
) -> None:
    pipeline = run.world.declares(toy(max_cores=MAX_CORES), start=START)

    run.sweeps()
    run.settles()

    run.recorder.catch_up()
    folder = tmp_path / namespace / "toy"
    decisions = recorded(folder)
    applied = [d for d in decisions if d.outcome == "applied"]
    struck = {type(s.fault) for s in run.proxy.seen if s.fault is not None}
    assert struck == {Answer, Silence, Reset, Cut}, "faults of every kind befell it"
    assert len(applied) >= 8, [d.outcome for d in decisions]
    assert len(decisions) >= SWEEPS - run.blind - 5
    for decision in applied:
        assert decision.certificate is not None
        assert check_certificate(decision.certificate) == ()
    assert applied[-1].certificate is not None
    assert running(run) == told(applied[-1].certificate.configuration)
    judge = Judge(pipeline, START, intents_of(folder / DECISIONS))
    assert judge.complaints(run.recorder.versions()) == []


def recorded(folder: Path) -> list[Decision]:
    store = DecisionStore(folder / DECISIONS, read_only=True)
    assert store.open_intents() == ()
    found = list(store.of_pipeline("toy"))
    store.close()
    return found


def running(run: Run) -> dict[str, tuple[str, int, int]]:
    last = {event.name: Told.of(event) for event in run.recorder.versions()}
    return {name: told.running for name, told in last.items()}


def told(configuration: Configuration) -> dict[str, tuple[str, int, int]]:
    return {f"toy-{s.stage}": (s.variant, s.batch, s.replicas) for s in configuration.stages}
