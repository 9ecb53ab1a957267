"""A user who may do just what some rules say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.kube.plane import Plane
from tests.kube.rest import Json, Rest
from tests.kube.waiting import wait_until

RBAC = "rbac.authorization.k8s.io"
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def allowed(plane: Plane, namespace: str, user: str, rules: Sequence[Json]) -> Path:
    """Return the kubeconfig of a user who may do just that in the namespace."""
    name = f"{user}-{namespace}"
    role = {"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": {"name": user}, "rules": list(rules)}
    binding = {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": user},
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": user},
        "subjects": [{"apiGroup": RBAC, "kind": "User", "name": name}],
    }
    plane.apply([role, binding], namespace)
    kubeconfig = plane.kubeconfig(name)
    _wait_until_heard(kubeconfig, namespace, rules[0])
    return kubeconfig


def _wait_until_heard(kubeconfig: Path, namespace: str, rule: Json) -> None:
    """Wait for the server's authorizer, which hears of a binding a moment later."""
    rest = Rest.of(kubeconfig)
    wanted = {
        "namespace": namespace,
        "verb": rule["verbs"][0],
        "group": rule["apiGroups"][0],
        "resource": rule["resources"][0],
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": wanted},
    }
    wait_until(lambda: rest.post(REVIEWS, review)["status"]["allowed"], f"the rights of {namespace}")
    rest.close()
