"""An API server that is gone, slow, behind a gateway, or does not know us: what that costs."""

from __future__ import annotations

import pytest

from core.errors import ActuationFailed
from tests.kube.faults import login_page
from tests.kube.plane import Plane
from tests.kube.player import playing
from tests.kube.proxy import FaultProxy
from tests.kube.waiting import wait_until
from tests.tools.kubernetes.clusters import Toy
from tests.tools.kubernetes.faulty import (
    AFTER,
    BEFORE,
    PATIENCE_S,
    apply,
    assert_applied_once,
    meanwhile,
    says,
    told,
)
from tools.kubernetes.api import connect
from tools.kubernetes.errors import Unauthorized, Unreachable
from tools.kubernetes.view import View
from tools.kubernetes.workloads import Deployments


def test_a_gateway_that_wants_somebody_to_sign_in_is_told_apart(cluster: Toy, proxy: FaultProxy) -> None:
    proxy.on("GET", "", login_page(), times=None)

    with pytest.raises(Unreachable, match=r"not an API server's answer.*is a proxy before it"):
        cluster.view.refresh()
    with pytest.raises(ActuationFailed, match="is a proxy before it"):
        apply(cluster)

    assert says(cluster) == told(BEFORE)


def test_a_token_that_has_expired_is_named_and_nothing_is_written(plane: Plane, namespace: str) -> None:
    cluster = Toy(plane.admin_kubeconfig, namespace)
    stale = connect(plane.token_kubeconfig(namespace, "trimtab", expires_s=-60))
    view = View(stale, namespace, Deployments(stale, namespace))
    cluster.actuator.view = view

    with pytest.raises(Unauthorized, match="renew the credentials"):
        view.refresh()
    with pytest.raises(ActuationFailed, match="renew the credentials"):
        apply(cluster)

    assert says(cluster) == told(BEFORE)


def test_an_api_server_that_restarts_in_the_middle_of_a_change_costs_that_change_alone(
    plane: Plane, namespace: str, cluster: Toy, proxy: FaultProxy
) -> None:
    meanwhile(proxy, "toy-read", plane.stop_apiserver)
    with playing(plane, namespace, cores=16):
        try:
            with pytest.raises(ActuationFailed, match="is not put back yet"):
                apply(cluster)
        finally:
            plane.start_apiserver()

        assert (cluster.says("find"), cluster.says("read")) == (("large", 3), ("only", 1))
        assert cluster.actuator.desired().taken_by_some == ("toy-1", "initial")
        apply(cluster, "toy-2")

        assert says(cluster) == told(AFTER)
        wait_until(lambda: complete(cluster), "the roll-out goes on to its end", PATIENCE_S)


def complete(cluster: Toy) -> bool:
    cluster.view.refresh()
    return all(p.complete for p in cluster.actuator.progress().values())


def test_an_api_server_that_restarts_in_the_middle_of_a_roll_out_lets_it_end(
    plane: Plane, namespace: str, cluster: Toy, proxy: FaultProxy
) -> None:
    with playing(plane, namespace, cores=16):
        apply(cluster)
        plane.restart_apiserver()

        wait_until(lambda: complete(cluster), "the roll-out goes on to its end", PATIENCE_S)

    assert_applied_once(cluster, proxy)


def test_a_slow_etcd_delays_a_change_and_nothing_else(plane: Plane, cluster: Toy, proxy: FaultProxy) -> None:
    with plane.etcd_latency(0.3):
        apply(cluster)

    assert_applied_once(cluster, proxy)
