"""The actuator before writes that fail in every way: what is then written, and how often."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import ActuationFailed
from tests.kube.faults import Answer, Cut, Delay, Fault, Reset, Silence, busy, login_page
from tests.kube.plane import Plane
from tests.kube.proxy import FaultProxy
from tests.tools.kubernetes.clusters import Toy
from tests.tools.kubernetes.faulty import (
    AFTER,
    BEFORE,
    FIND,
    READ,
    apply,
    assert_applied_once,
    says,
    taken,
    told,
)
from tools.kubernetes.hindrance import Hindered


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Answer(409), id="409"),
        pytest.param(Answer(500), id="500"),
        pytest.param(Answer(503), id="503"),
        pytest.param(Silence(forwarded=False), id="time-out before the write"),
        pytest.param(Silence(forwarded=True), id="time-out after the write"),
        pytest.param(Reset(forwarded=False), id="reset before the write"),
        pytest.param(Reset(forwarded=True), id="reset after the write"),
        pytest.param(Cut(), id="answer cut short"),
        pytest.param(login_page(), id="login page"),
        pytest.param(Delay(0.5), id="late"),
    ],
)
@pytest.mark.parametrize("path", [FIND, READ])
def test_a_write_that_fails_once_is_made_exactly_once(
    cluster: Toy, proxy: FaultProxy, fault: Fault, path: str
) -> None:
    proxy.on("PATCH", path, fault)

    apply(cluster)

    assert_applied_once(cluster, proxy)


def test_a_read_back_that_is_lost_as_well_is_made_again(cluster: Toy, proxy: FaultProxy) -> None:
    proxy.on("PATCH", FIND, Reset(forwarded=True))
    proxy.on("GET", r"/deployments$", Cut(), first=2)

    apply(cluster)

    assert_applied_once(cluster, proxy)


def test_a_server_that_is_busy_is_waited_for_as_long_as_it_asks(cluster: Toy, proxy: FaultProxy) -> None:
    waits: list[float] = []
    cluster.actuator.sleep = waits.append
    proxy.on("PATCH", FIND, busy(1))
    proxy.on("PATCH", READ, busy(3600))

    apply(cluster)

    assert waits == [1.0, 2.0], "as it asks, but not longer than an interval allows"
    assert_applied_once(cluster, proxy)


def test_rights_that_are_missing_leave_all_as_it_was_and_name_the_verb(plane: Plane, namespace: str) -> None:
    cluster = Toy(plane.admin_kubeconfig, namespace, product=reader(plane, namespace))

    with pytest.raises(Hindered, match=r'cannot patch resource "deployments".*grant the verb') as refused:
        apply(cluster)

    assert refused.value.hindrance.kind == "Forbidden"
    assert says(cluster) == told(BEFORE)


def reader(plane: Plane, namespace: str) -> Path:
    """Return the kubeconfig of one who may look at what Trimtab looks at, and change nothing."""
    rules = [
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list"]},
        {"apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": ["list"]},
        {"apiGroups": ["keda.sh"], "resources": ["scaledobjects"], "verbs": ["list"]},
    ]
    group = "rbac.authorization.k8s.io"
    role = {
        "apiVersion": f"{group}/v1",
        "kind": "Role",
        "metadata": {"name": "looks"},
        "rules": rules,
    }
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "looks"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": namespace}],
        "roleRef": {"apiGroup": group, "kind": "Role", "name": "looks"},
    }
    plane.apply([role, binding], namespace)
    return plane.kubeconfig(namespace)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        pytest.param(Answer(403), Hindered, id="403"),
        pytest.param(Answer(401), ActuationFailed, id="401"),
        pytest.param(Answer(422), ActuationFailed, id="422"),
        pytest.param(Answer(500), ActuationFailed, id="500 for ever"),
        pytest.param(busy(), ActuationFailed, id="429 for ever"),
        pytest.param(Reset(forwarded=False), ActuationFailed, id="reset for ever"),
    ],
)
def test_what_the_second_stage_refuses_the_first_one_gives_back(
    cluster: Toy, proxy: FaultProxy, fault: Fault, kind: type[ActuationFailed]
) -> None:
    proxy.on("PATCH", READ, fault, times=None)

    with pytest.raises(kind, match="what other stages took of it is put back"):
        apply(cluster)

    assert says(cluster) == told(BEFORE)
    desired = cluster.actuator.desired()
    assert (desired.change, desired.configuration) == ("initial", BEFORE)
    proxy.clear()
    apply(cluster)
    assert says(cluster) == told(AFTER)


def test_a_giving_back_whose_answer_is_lost_is_made_once(cluster: Toy, proxy: FaultProxy) -> None:
    proxy.on("PATCH", READ, Answer(403))
    proxy.on("PATCH", FIND, Silence(forwarded=True), first=2)

    with pytest.raises(Hindered, match="is put back"):
        apply(cluster)

    assert says(cluster) == told(BEFORE)
    assert taken(proxy, FIND) == 2


def test_a_giving_back_that_fails_is_said_and_the_next_change_mends_it(
    cluster: Toy, proxy: FaultProxy
) -> None:
    proxy.on("PATCH", READ, Answer(403), times=None)
    proxy.on("PATCH", FIND, Answer(500), first=2, times=None)

    with pytest.raises(Hindered, match="is not put back yet"):
        apply(cluster)
    proxy.clear()

    assert cluster.actuator.desired().taken_by_some == ("toy-1", "initial")
    apply(cluster, "toy-2")
    assert says(cluster) == told(AFTER)
    assert cluster.actuator.desired().taken_by_some == ()
