"""The control plane of the tests is a real one, and does to order what planes do at the wrong moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.kube.objects import deployment
from tests.kube.plane import Plane
from tests.kube.processes import Group
from tests.kube.rest import Json, Refused, Rest
from tests.kube.waiting import wait_until

PODS = "/api/v1/namespaces/{}/pods"
LATENCY_S = 0.5


def test_each_test_has_a_namespace_of_its_own(plane: Plane, namespace: str) -> None:
    with plane.namespace() as other:
        assert other != namespace
        assert plane.rest.get(f"/api/v1/namespaces/{other}")["status"]["phase"] == "Active"

    assert plane.rest.get(f"/api/v1/namespaces/{other}")["status"]["phase"] == "Terminating"


def test_a_user_may_do_what_rbac_grants(plane: Plane, namespace: str) -> None:
    user = Rest.of(plane.kubeconfig("jane"))
    pods = PODS.format(namespace)

    with pytest.raises(Refused, match="403"):
        user.get(pods)
    plane.apply(binding("view", "User", "jane"), namespace)

    wait_until(lambda: user.ask("GET", pods, {}).status == 200, "the right is granted")


def test_groups_are_organisations(plane: Plane) -> None:
    nobody = Rest.of(plane.kubeconfig("joe"))
    master = Rest.of(plane.kubeconfig("jack", ["watchers", "system:masters"]))

    with pytest.raises(Refused, match="403"):
        nobody.get("/api/v1/nodes")
    assert master.get("/api/v1/nodes")["kind"] == "NodeList"


@pytest.mark.parametrize("expires_s", [3600, 60], ids=["asked for", "signed here"])
def test_a_service_account_has_a_token(plane: Plane, namespace: str, expires_s: float) -> None:
    rest = Rest.of(plane.token_kubeconfig(namespace, "trimtab", expires_s))

    with pytest.raises(Refused, match=f"403: .*system:serviceaccount:{namespace}:trimtab"):
        rest.get(PODS.format(namespace))


def test_a_token_that_has_ended_is_refused_and_can_be_renewed_in_its_file(
    plane: Plane, namespace: str
) -> None:
    kubeconfig = plane.token_kubeconfig(namespace, "trimtab", expires_s=-1)

    with pytest.raises(Refused, match="401"):
        Rest.of(kubeconfig).get(PODS.format(namespace))
    kubeconfig.with_suffix(".token").write_text(plane.token(namespace, "trimtab"))

    with pytest.raises(Refused, match="403"):
        Rest.of(kubeconfig).get(PODS.format(namespace))


def test_manifests_are_applied_from_files_and_tried_without_effect(
    plane: Plane, namespace: str, tmp_path: Path
) -> None:
    file = tmp_path / "two.yaml"
    file.write_text(TWO)

    tried = plane.apply(file, namespace, dry_run=True)
    there = plane.rest.items(f"/api/v1/namespaces/{namespace}/configmaps", labelSelector="of=two")
    plane.apply(file, namespace)

    assert [each["metadata"]["name"] for each in tried] == ["one", "two"]
    assert there == []
    found = plane.rest.items(f"/api/v1/namespaces/{namespace}/configmaps", labelSelector="of=two")
    assert len(found) == 2


def test_a_manifest_that_is_wrong_is_refused(plane: Plane, namespace: str) -> None:
    wrong = deployment("web")
    wrong["spec"]["replicas"] = -1

    with pytest.raises(Refused, match=r"422: .*spec\.replicas"):
        plane.apply(wrong, namespace, dry_run=True)


def test_a_slow_etcd_makes_a_slow_api_server(plane: Plane, namespace: str) -> None:
    maps = f"/api/v1/namespaces/{namespace}/configmaps"

    with plane.etcd_latency(LATENCY_S):
        times_s = [timed(plane, maps, f"slow-{n}") for n in range(4)]
    after_s = timed(plane, maps, "fast")

    assert LATENCY_S / 2 < max(times_s) < 5 * LATENCY_S
    assert after_s < LATENCY_S / 2


@pytest.mark.slow  # the API server takes its time to start
def test_an_api_server_that_crashed_has_kept_everything(plane: Plane, namespace: str) -> None:
    plane.apply(deployment("web", replicas=0), namespace)
    port = plane.url

    plane.restart_apiserver()

    found = plane.rest.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/web")
    assert found["spec"]["replicas"] == 0
    assert plane.url == port


def test_processes_end_with_the_one_that_started_them(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, tmp_path], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))

    parent.send_signal(signal.SIGKILL)
    parent.communicate()

    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, "the child's end")


def test_a_process_that_ends_early_is_told_with_its_last_words(tmp_path: Path) -> None:
    group = Group(tmp_path)
    group.start("loud", ["/bin/sh", "-c", "echo no such flag; exit 1"])

    with pytest.raises(AssertionError, match="loud ended:\nno such flag"):
        group.wait_until("loud", lambda: False, limit_s=10)
    group.stop()


PARENT = f"""
import sys, time
from pathlib import Path
sys.path.insert(0, {os.fspath(Path(__file__).parents[2])!r})
from tests.kube.processes import Group

group = Group(Path(sys.argv[1]))
group.start("child", ["/bin/sleep", "1000"])
print(group.process("child").pid, flush=True)
time.sleep(1000)
"""
TWO = """
apiVersion: v1
kind: ConfigMap
metadata: {name: one, labels: {of: two}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: two, labels: {of: two}}
"""


def timed(plane: Plane, maps: str, name: str) -> float:
    start_s = time.monotonic()
    plane.rest.post(maps, {"metadata": {"name": name}})
    return time.monotonic() - start_s


def binding(role: str, kind: str, name: str) -> Json:
    group = {"apiGroup": "rbac.authorization.k8s.io"}
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": f"{name}-{role}"},
        "roleRef": {**group, "kind": "ClusterRole", "name": role},
        "subjects": [{**group, "kind": kind, "name": name}],
    }
