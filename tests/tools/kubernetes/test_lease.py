"""Leader election on a real API server: one holder at a time, whatever clocks, networks and people do."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from core.errors import UsageError
from tests.kube.faults import Cut, Reset, Silence
from tests.kube.plane import Plane
from tests.kube.proxy import FaultProxy, fault_proxy
from tests.kube.rest import Json
from tests.tools.kubernetes.rights import allowed
from tools.kubernetes.api import Api, connect
from tools.kubernetes.lease import PATH, Lease

WALL = 1_800_000_000.0
HOUR_S = 3600.0


@dataclass
class Clocks:
    """A monotonic clock that tests move, and a wall clock some way off."""

    now_s: float = 500.0
    skew_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s

    def wall(self) -> float:
        return WALL + self.now_s + self.skew_s


@dataclass
class Court:
    """Candidates for one lease, on one machine's clock or on several."""

    plane: Plane
    namespace: str
    api: Api
    clocks: Clocks = field(default_factory=Clocks)
    open: list[Api] = field(default_factory=list)

    def connects(self, kubeconfig: Path) -> Api:
        self.open.append(connect(kubeconfig))
        return self.open[-1]

    def candidate(self, name: str, *, api: Api | None = None, clocks: Clocks | None = None) -> Lease:
        own = clocks or self.clocks
        return Lease(api or self.api, self.namespace, "trimtab", name, clock=own, unix=own.wall)

    @property
    def path(self) -> str:
        return f"{PATH.format(self.namespace)}/trimtab"

    def spec(self) -> Json:
        found: Json = self.plane.rest.get(self.path)["spec"]
        return found


@pytest.fixture
def court(plane: Plane, namespace: str) -> Iterator[Court]:
    api = connect(plane.admin_kubeconfig)
    found = Court(plane, namespace, api)
    yield found
    for each in (api, *found.open):
        each.close()


@pytest.fixture
def proxy(plane: Plane) -> Iterator[FaultProxy]:
    with fault_proxy(plane, plane.admin_kubeconfig) as found:
        yield found


def test_the_first_gets_it_and_the_second_stands_by(court: Court) -> None:
    ann, bob = court.candidate("ann"), court.candidate("bob")

    assert (ann.try_acquire(), bob.try_acquire()) == (True, False)
    assert (ann.held, bob.held) == (True, False)
    spec = court.spec()
    assert spec["holderIdentity"] == ann.holder
    assert ann.holder.startswith("ann_")
    assert (spec["leaseDurationSeconds"], spec["leaseTransitions"]) == (15, 0)


def test_who_renews_keeps_it(court: Court) -> None:
    ann, bob = court.candidate("ann"), court.candidate("bob")
    for _ in range(20):
        assert ann.try_acquire()
        assert not bob.try_acquire()
        court.clocks.now_s += 3

    assert court.spec()["leaseTransitions"] == 0


def test_after_silence_the_next_one_takes_over(court: Court) -> None:
    ann, bob = court.candidate("ann"), court.candidate("bob")
    ann.try_acquire()
    bob.try_acquire()

    court.clocks.now_s += 14.9
    assert not bob.try_acquire()
    court.clocks.now_s += 0.2
    assert bob.try_acquire()

    assert (ann.held, bob.held) == (False, True)
    assert court.spec()["leaseTransitions"] == 1
    assert not ann.try_acquire()


def test_a_holder_stops_believing_before_anybody_else_may_begin(court: Court) -> None:
    ann = court.candidate("ann")
    ann.try_acquire()

    court.clocks.now_s += 9.9
    assert ann.held
    court.clocks.now_s += 0.1
    assert not ann.held
    assert ann.try_acquire()


def test_one_that_comes_late_counts_from_when_it_first_looked(court: Court) -> None:
    court.candidate("ann").try_acquire()
    court.clocks.now_s += 100

    bob = court.candidate("bob")
    assert not bob.try_acquire()
    court.clocks.now_s += 15
    assert bob.try_acquire()


def test_the_same_name_after_a_restart_is_somebody_else(court: Court) -> None:
    court.candidate("pod-1").try_acquire()

    assert not court.candidate("pod-1").try_acquire()


def test_released_it_is_taken_at_once(court: Court) -> None:
    ann, bob = court.candidate("ann"), court.candidate("bob")
    ann.try_acquire()
    bob.try_acquire()

    ann.release()

    assert not ann.held
    assert not court.spec().get("holderIdentity")
    assert bob.try_acquire()
    assert court.spec()["leaseTransitions"] == 1


def test_who_has_released_never_takes_it_again(court: Court) -> None:
    ann = court.candidate("ann")
    ann.try_acquire()
    ann.release()

    assert not ann.try_acquire()
    assert not court.spec().get("holderIdentity")


def test_releasing_what_another_holds_changes_nothing(court: Court) -> None:
    ann, bob = court.candidate("ann"), court.candidate("bob")
    ann.try_acquire()
    bob.try_acquire()

    bob.release()

    assert court.spec()["holderIdentity"] == ann.holder
    assert ann.try_acquire()


@pytest.mark.parametrize("skew_s", [HOUR_S, -HOUR_S])
def test_an_hour_between_two_clocks_makes_no_two_leaders(court: Court, skew_s: float) -> None:
    far = Clocks(now_s=7.0, skew_s=skew_s)
    ann, bob = court.candidate("ann"), court.candidate("bob", clocks=far)
    for _ in range(10):
        assert (ann.try_acquire(), bob.try_acquire()) == (True, False)
        court.clocks.now_s += 3
        far.now_s += 3

    far.now_s += 15
    court.clocks.now_s += 15
    assert bob.try_acquire()
    assert (ann.held, ann.try_acquire()) == (False, False)


def test_a_wall_clock_that_stands_still_is_no_sign_of_life(court: Court) -> None:
    stopped = Clocks()
    ann = Lease(court.api, court.namespace, "trimtab", "ann", clock=stopped, unix=lambda: WALL)
    ann.try_acquire()
    stopped.now_s += 8
    ann.try_acquire()
    stopped.now_s += 2

    assert not ann.held


def test_of_two_that_reach_for_it_at_once_one_gets_it(court: Court) -> None:
    court.candidate("old").try_acquire()
    candidates = [
        court.candidate(f"c{n}", api=court.connects(court.plane.admin_kubeconfig)) for n in range(8)
    ]
    for each in candidates:
        each.try_acquire()
    court.clocks.now_s += 15
    together = threading.Barrier(len(candidates))

    def reach(each: Lease) -> None:
        together.wait()
        each.try_acquire()

    threads = [threading.Thread(target=reach, args=(each,)) for each in candidates]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(each.held for each in candidates) == 1


def test_a_holder_whose_record_somebody_else_wrote_stops_at_once(court: Court) -> None:
    ann = court.candidate("ann")
    ann.try_acquire()
    court.plane.rest.patch(court.path, {"spec": {"holderIdentity": "a person"}})

    assert not ann.try_acquire()
    assert not ann.held


def test_a_note_on_the_lease_costs_the_holder_nothing(court: Court) -> None:
    ann = court.candidate("ann")
    ann.try_acquire()
    court.plane.rest.patch(court.path, {"metadata": {"annotations": {"note": "hello"}}})
    court.clocks.now_s += 9

    assert ann.try_acquire()
    court.clocks.now_s += 9
    assert ann.held


def test_a_lease_that_is_deleted_is_made_again_by_its_holder_and_waited_for_by_others(court: Court) -> None:
    ann, bob = court.candidate("ann"), court.candidate("bob")
    ann.try_acquire()
    bob.try_acquire()
    court.plane.rest.delete(court.path)

    assert not bob.try_acquire()
    assert ann.try_acquire()
    assert court.spec()["holderIdentity"] == ann.holder


@pytest.mark.parametrize(
    "fault", [pytest.param(Cut(), id="cut"), pytest.param(Reset(forwarded=True), id="reset")]
)
def test_a_take_over_without_an_answer_is_read_back(
    court: Court, proxy: FaultProxy, fault: Cut | Reset
) -> None:
    ann = court.candidate("ann", api=court.connects(proxy.kubeconfig))
    proxy.on("POST", "/leases", fault)

    assert not ann.try_acquire()
    assert court.spec()["holderIdentity"] == ann.holder
    assert "no answer" in ann.problem
    court.clocks.now_s += 2
    assert ann.try_acquire()
    assert ann.problem == ""


def test_a_renewal_without_an_answer_does_not_count_and_the_next_one_does(
    court: Court, proxy: FaultProxy
) -> None:
    ann = court.candidate("ann", api=court.connects(proxy.kubeconfig))
    ann.try_acquire()
    court.clocks.now_s += 6
    proxy.on("PATCH", "/leases/trimtab", Reset(forwarded=True))
    ann.try_acquire()
    assert ann.problem

    court.clocks.now_s += 3
    assert ann.try_acquire()
    court.clocks.now_s += 9
    assert ann.held


def test_a_silent_server_does_not_hold_it_up(court: Court, proxy: FaultProxy) -> None:
    ann = court.candidate("ann", api=court.connects(proxy.kubeconfig))
    ann.try_acquire()
    proxy.on("PATCH", "/leases/trimtab", Silence(forwarded=False))
    began_s = time.monotonic()

    assert ann.try_acquire()  # by the renewal before
    assert time.monotonic() - began_s < 6
    court.clocks.now_s += 10
    assert not ann.held


def test_without_an_api_server_it_is_lost_in_time_and_had_again_after(court: Court) -> None:
    ann = court.candidate("ann")
    ann.try_acquire()
    court.plane.stop_apiserver()
    try:
        court.clocks.now_s += 8
        assert ann.try_acquire()
        assert "no answer" in ann.problem
        court.clocks.now_s += 2
        assert not ann.try_acquire()
        assert not ann.held
    finally:
        court.plane.start_apiserver()

    assert ann.try_acquire()


def test_without_an_api_server_a_release_still_stops_it(court: Court, proxy: FaultProxy) -> None:
    ann = court.candidate("ann", api=court.connects(proxy.kubeconfig))
    ann.try_acquire()
    proxy.on("PATCH", "", Reset(forwarded=False))

    ann.release()

    assert not ann.held
    assert court.spec()["holderIdentity"] == ann.holder


def test_the_documented_rights_are_enough(court: Court) -> None:
    rules = [
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
        {
            "apiGroups": ["coordination.k8s.io"],
            "resources": ["leases"],
            "resourceNames": ["trimtab"],
            "verbs": ["get", "patch"],
        },
    ]
    api = court.connects(allowed(court.plane, court.namespace, "elected", rules))
    ann, bob = court.candidate("ann", api=api), court.candidate("bob", api=api)

    assert (ann.try_acquire(), ann.try_acquire(), bob.try_acquire()) == (True, True, False)
    ann.release()
    assert bob.try_acquire()


def test_without_rights_it_is_never_held_and_says_why(court: Court) -> None:
    ann = court.candidate("ann", api=court.connects(court.plane.kubeconfig("nobody-at-all")))

    assert not ann.try_acquire()
    assert "403" in ann.problem
    assert "grant the verb" in ann.problem


@pytest.mark.parametrize(("duration_s", "renew_s"), [(10, 10), (15, 0), (0.5, 0.3)])
def test_deadlines_that_allow_two_holders_are_refused(
    court: Court, duration_s: float, renew_s: float
) -> None:
    with pytest.raises(UsageError, match="cannot be renewed within"):
        Lease(court.api, court.namespace, "x", "ann", duration_s=duration_s, renew_s=renew_s)
