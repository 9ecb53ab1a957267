"""The control plane of the tests is a real one."""

from __future__ import annotations

import pytest

from tests.kube.plane import Plane
from tests.kube.rest import Refused, Rest


def test_each_test_has_a_namespace_of_its_own(plane: Plane, namespace: str) -> None:
    found = plane.rest.get(f"/api/v1/namespaces/{namespace}")

    assert found["status"]["phase"] == "Active"


def test_a_user_may_do_what_rbac_grants(plane: Plane, namespace: str) -> None:
    user = Rest.of(plane.kubeconfig("jane"))
    pods = f"/api/v1/namespaces/{namespace}/pods"

    with pytest.raises(Refused, match="403"):
        user.get(pods)
    plane.apply(binding("view", "User", "jane"), namespace)

    assert user.get(pods)["items"] == []


def test_groups_are_organisations(plane: Plane) -> None:
    nobody, master = (
        Rest.of(plane.kubeconfig(f"joe-{len(groups)}", groups)) for groups in ((), ("a", "system:masters"))
    )

    with pytest.raises(Refused, match="403"):
        nobody.get("/api/v1/nodes")
    assert master.get("/api/v1/nodes")["kind"] == "NodeList"


def binding(role: str, kind: str, name: str) -> dict[str, object]:
    group = {"apiGroup": "rbac.authorization.k8s.io"}
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": f"{name}-{role}"},
        "roleRef": {**group, "kind": "ClusterRole", "name": role},
        "subjects": [{**group, "kind": kind, "name": name}],
    }
