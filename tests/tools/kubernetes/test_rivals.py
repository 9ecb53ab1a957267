"""What others do in the very moment of a change: hands and other controllers are not written over."""

from __future__ import annotations

import threading
from random import Random

import pytest

from core.errors import ActuationFailed
from tests.kube.faults import Delay
from tests.kube.plane import Plane
from tests.kube.proxy import FaultProxy
from tests.tools.kubernetes.clusters import Toy
from tests.tools.kubernetes.faulty import (
    BEFORE,
    BEFORE_AS_APPLIED,
    FIND,
    LOAD_RPS,
    SHORT,
    STAGES,
    apply,
    assert_applied_once,
    meanwhile,
    says,
    told,
)
from tests.tools.kubernetes.stages import configured
from tools.kubernetes import names
from tools.kubernetes.actuator import KubernetesActuator
from tools.kubernetes.api import connect
from tools.kubernetes.hindrance import Hindered
from tools.kubernetes.view import View
from tools.kubernetes.workloads import Deployments

ONE, OTHER = configured("large", 3, 2), configured("small", 2, 3)
ROUNDS = 12
LATE_S = 0.05
"""Of each request, at most: so that those of the two interleave."""


def test_a_version_that_only_moved_is_written_on(cluster: Toy, proxy: FaultProxy) -> None:
    meanwhile(proxy, "toy-find", lambda: cluster.owner.annotates("toy-find", "example.com/note", "x"))

    apply(cluster)

    assert proxy.asked("PATCH", FIND)[0].status == 409
    assert_applied_once(cluster, proxy)


@pytest.mark.parametrize("known", [True, False], ids=["after a change of ours", "before our first change"])
@pytest.mark.parametrize("stage", STAGES)
def test_an_edit_in_the_last_moment_is_kept_and_said(
    cluster: Toy, proxy: FaultProxy, stage: str, known: bool
) -> None:
    if known:
        apply(cluster, "toy-0", BEFORE_AS_APPLIED)
    was = dict(zip(STAGES, says(cluster), strict=True))
    meanwhile(proxy, f"toy-{stage}", lambda: cluster.owner.edits(f"toy-{stage}", {"spec": {"replicas": 7}}))

    with pytest.raises(Hindered, match=rf"toy-{stage}' was changed") as refused:
        apply(cluster)

    assert refused.value.hindrance.kind == "EditedByHand"
    assert cluster.says(stage) == (was[stage][0], 7)
    other = next(s for s in STAGES if s != stage)
    assert cluster.says(other) == was[other]


def test_a_pause_in_the_last_moment_is_kept(cluster: Toy, proxy: FaultProxy) -> None:
    meanwhile(proxy, "toy-read", lambda: cluster.owner.annotates("toy-read", names.PAUSED, "true"))

    with pytest.raises(Hindered, match="'toy-read' is paused by its annotation"):
        apply(cluster)

    assert says(cluster) == told(BEFORE)


def test_two_controllers_at_once_never_make_a_mixture(
    plane: Plane, namespace: str, cluster: Toy, proxy: FaultProxy
) -> None:
    chance = Random(7)
    proxy.script = lambda request: Delay(chance.random() * LATE_S)
    rivals = [cluster.actuator, rival(cluster, proxy, namespace)]

    for number in range(ROUNDS):
        was = cluster.actuator.desired().configuration
        outcomes = at_once(cluster, rivals, f"toy-{number}")

        wins = [c for c, outcome in zip((ONE, OTHER), outcomes, strict=True) if outcome is None]
        cluster.view.refresh()
        desired = cluster.actuator.desired()
        assert desired.configuration in (wins or [was]), (number, outcomes)
        assert not desired.taken_by_some
        cluster.applies(f"toy-between-{number}", BEFORE_AS_APPLIED, LOAD_RPS)


def rival(cluster: Toy, proxy: FaultProxy, namespace: str) -> KubernetesActuator:
    api = connect(proxy.kubeconfig, timeouts=SHORT)
    view = View(api, namespace, Deployments(api, namespace))
    view.refresh()
    return KubernetesActuator(cluster.pipeline, view, "1b1b", sleep=lambda _: None)


def at_once(cluster: Toy, rivals: list[KubernetesActuator], change: str) -> list[ActuationFailed | None]:
    """Have both apply at the same moment, each its own configuration; return what came of it."""
    outcomes: list[ActuationFailed | None] = [None, None]
    start = threading.Barrier(len(rivals))

    def act(who: int) -> None:
        configuration = (ONE, OTHER)[who]
        start.wait()
        try:
            rivals[who].apply(change, cluster.approved(configuration, LOAD_RPS), LOAD_RPS)
        except ActuationFailed as error:
            outcomes[who] = error

    threads = [threading.Thread(target=act, args=(who,)) for who in range(len(rivals))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes
