"""Pods on played nodes fare as on real ones."""

from __future__ import annotations

import pytest

from tests.kube.objects import deployment, service
from tests.kube.plane import Plane
from tests.kube.player import playing
from tests.kube.pods import CRASH_LOOP, HEALTHY, NEVER_READY, Fate, environment
from tests.kube.rest import Json
from tests.kube.waiting import wait_until


def test_a_deployment_gets_ready_and_its_service_finds_it(plane: Plane, namespace: str) -> None:
    with playing(plane, namespace):
        plane.apply([deployment("web", replicas=2), service("web")], namespace)

        wait_until(lambda: ready(plane, namespace, "web") == 2, "two ready replicas")
        wait_until(lambda: len(addresses(plane, namespace, "web")) == 2, "two addresses")


def test_a_roll_out_replaces_the_pods(plane: Plane, namespace: str) -> None:
    with playing(plane, namespace):
        plane.apply(deployment("web", variables={"TRIMTAB_VARIANT": "small"}), namespace)
        wait_until(lambda: ready(plane, namespace, "web") == 1, "a ready replica")

        plane.apply(deployment("web", variables={"TRIMTAB_VARIANT": "large"}), namespace)

        wait_until(lambda: variants(plane, namespace) == ["large"], "only new pods")
        wait_until(lambda: ready(plane, namespace, "web") == 1, "the Deployment says so")


def test_a_pod_may_take_its_time_and_may_never_get_ready(plane: Plane, namespace: str) -> None:
    fates = {"slow": Fate(start_s=0.2, ready_s=1), "never": NEVER_READY}

    with playing(plane, namespace, rule=lambda pod: fates[environment(pod)["TRIMTAB_VARIANT"]]):
        for variant in fates:
            plane.apply(deployment(variant, variables={"TRIMTAB_VARIANT": variant}), namespace)
        wait_until(lambda: set(phases(plane, namespace)) == {"Running"}, "running pods")

        assert ready(plane, namespace, "slow") == 0
        wait_until(lambda: ready(plane, namespace, "slow") == 1, "the slow one")
        assert ready(plane, namespace, "never") == 0


def test_a_pod_that_crashes_is_started_again_and_again(plane: Plane, namespace: str) -> None:
    with playing(plane, namespace, rule=lambda _: CRASH_LOOP):
        plane.apply(deployment("web"), namespace)

        wait_until(lambda: max(restarts(plane, namespace), default=0) >= 2, "two restarts")
        [pod] = pods(plane, namespace)

    [container] = pod["status"]["containerStatuses"]
    assert container["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert container["lastState"]["terminated"]["exitCode"] == 1


def test_what_does_not_fit_stays_pending_until_there_is_room(plane: Plane, namespace: str) -> None:
    with playing(plane, namespace, cores=(2, 2)):
        plane.apply(deployment("web", replicas=3, cores=2), namespace)

        wait_until(lambda: ready(plane, namespace, "web") == 2, "two of three")
        wait_until(lambda: unschedulable(plane, namespace) == 1, "the scheduler says why")


def test_deleted_pods_end_and_are_replaced(plane: Plane, namespace: str) -> None:
    with playing(plane, namespace, rule=lambda _: Fate(stop_s=0.5)):
        plane.apply(deployment("web"), namespace)
        wait_until(lambda: ready(plane, namespace, "web") == 1, "a ready replica")
        [first] = names(plane, namespace)

        plane.rest.delete(f"/api/v1/namespaces/{namespace}/pods/{first}")

        assert first in names(plane, namespace)
        wait_until(lambda: first not in names(plane, namespace), "the end of the pod")
        wait_until(lambda: ready(plane, namespace, "web") == 1, "another")


def test_a_lost_node_loses_its_pods_to_the_other(plane: Plane, namespace: str) -> None:
    with playing(plane, namespace, cores=(2, 2)) as player:
        plane.apply(deployment("web", replicas=2), namespace)
        wait_until(lambda: ready(plane, namespace, "web") == 2, "two ready replicas")
        before = names(plane, namespace, on=player.nodes[0].name)

        player.lose_node(0)

        wait_until(lambda: ready(plane, namespace, "web") == 1, "the loss seen")
        wait_until(lambda: ready(plane, namespace, "web") == 2, "the pod replaced")
        assert names(plane, namespace, on=player.nodes[0].name) == before, "a lost node ends no pods"

        player.return_node(0)

        wait_until(lambda: not names(plane, namespace, on=player.nodes[0].name), "its pods ended")


def test_pods_of_a_node_that_returns_in_time_are_ready_again(plane: Plane, namespace: str) -> None:
    with playing(plane, namespace) as player:
        plane.apply(deployment("web"), namespace)
        wait_until(lambda: ready(plane, namespace, "web") == 1, "a ready replica")
        before = names(plane, namespace)

        player.lose_node()
        wait_until(lambda: ready(plane, namespace, "web") == 0, "the loss seen")
        player.return_node()

        wait_until(lambda: ready(plane, namespace, "web") == 1, "ready again")
        assert names(plane, namespace) == before


@pytest.mark.slow  # the controllers, too, have to find the API server again
def test_the_nodes_play_on_when_the_api_server_comes_back(plane: Plane, namespace: str) -> None:
    with playing(plane, namespace, rule=lambda _: HEALTHY):
        plane.apply(deployment("web"), namespace)
        wait_until(lambda: ready(plane, namespace, "web") == 1, "a ready replica")

        plane.restart_apiserver()
        plane.apply(deployment("web", replicas=2), namespace)

        wait_until(lambda: ready(plane, namespace, "web") == 2, "two ready replicas", limit_s=60)


def ready(plane: Plane, namespace: str, name: str) -> int:
    found = plane.rest.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}")
    return int(found.get("status", {}).get("readyReplicas", 0))


def pods(plane: Plane, namespace: str) -> list[Json]:
    return plane.rest.items(f"/api/v1/namespaces/{namespace}/pods")


def names(plane: Plane, namespace: str, on: str | None = None) -> list[str]:
    found = pods(plane, namespace)
    return [p["metadata"]["name"] for p in found if on in {None, p["spec"].get("nodeName")}]


def variants(plane: Plane, namespace: str) -> list[str]:
    return [environment(pod)["TRIMTAB_VARIANT"] for pod in pods(plane, namespace)]


def phases(plane: Plane, namespace: str) -> list[str]:
    return [pod["status"]["phase"] for pod in pods(plane, namespace)]


def restarts(plane: Plane, namespace: str) -> list[int]:
    statuses = [pod["status"].get("containerStatuses", []) for pod in pods(plane, namespace)]
    return [container["restartCount"] for status in statuses for container in status]


def unschedulable(plane: Plane, namespace: str) -> int:
    conditions = [c for pod in pods(plane, namespace) for c in pod["status"].get("conditions", ())]
    return sum(c.get("reason") == "Unschedulable" for c in conditions)


def addresses(plane: Plane, namespace: str, name: str) -> list[str]:
    found = plane.rest.get(f"/api/v1/namespaces/{namespace}/endpoints/{name}")
    return [a["ip"] for subset in found.get("subsets", ()) for a in subset.get("addresses", ())]
