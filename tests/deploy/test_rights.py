"""The service account may do what the controller does and no more: tried on a real API server, and asked."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.folders import BASE, DEPLOY, Json, write
from tests.deploy.kustomize import built
from tests.kube.plane import Plane
from tests.kube.rest import Rest

OWN, PIPELINES = "trimtab", "pipelines"
RIGHTS = ("ServiceAccount", "Role", "RoleBinding")
NOBODYS = {"selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews"}
"""What every account may create: questions about itself."""
NAMED = "thing"

APPS, EVENTS = "/apis/apps/v1/namespaces/{pipelines}/deployments", "/api/v1/namespaces/{pipelines}/events"
PIPELINE = "/apis/trimtab.dev/v1/namespaces/{pipelines}/pipelines"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/{own}/leases"
CONFIG_MAPS = "/api/v1/namespaces/{pipelines}/configmaps"

ALWAYS = (
    ("GET", PIPELINE),
    ("GET", f"{PIPELINE}/{NAMED}"),
    ("PATCH", f"{PIPELINE}/{NAMED}/status"),
    ("GET", APPS),
    ("GET", f"{APPS}/{NAMED}"),
    ("GET", "/apis/autoscaling/v1/namespaces/{pipelines}/horizontalpodautoscalers"),
    ("GET", "/apis/keda.sh/v1alpha1/namespaces/{pipelines}/scaledobjects"),
    ("POST", EVENTS),
    ("PATCH", f"{EVENTS}/{NAMED}"),
    ("POST", LEASES),
    ("GET", f"{LEASES}/trimtab"),
    ("PATCH", f"{LEASES}/trimtab"),
)
NEVER = (
    ("POST", APPS),
    ("PUT", f"{APPS}/{NAMED}"),
    ("DELETE", f"{APPS}/{NAMED}"),
    ("DELETE", APPS),
    ("PATCH", f"{APPS}/{NAMED}/scale"),
    ("PATCH", f"{APPS}/{NAMED}/status"),
    ("POST", PIPELINE),
    ("PATCH", f"{PIPELINE}/{NAMED}"),
    ("PUT", f"{PIPELINE}/{NAMED}/status"),
    ("DELETE", f"{PIPELINE}/{NAMED}"),
    ("GET", EVENTS),
    ("DELETE", f"{EVENTS}/{NAMED}"),
    ("GET", "/api/v1/namespaces/{pipelines}/secrets"),
    ("GET", f"/api/v1/namespaces/{{pipelines}}/secrets/{NAMED}"),
    ("GET", "/api/v1/namespaces/{own}/secrets/trimtab-llm"),
    ("GET", "/api/v1/namespaces/{pipelines}/pods"),
    ("DELETE", f"/api/v1/namespaces/{{pipelines}}/pods/{NAMED}"),
    ("POST", f"/api/v1/namespaces/{{pipelines}}/pods/{NAMED}/exec"),
    ("POST", f"/api/v1/namespaces/{{pipelines}}/pods/{NAMED}/eviction"),
    ("POST", f"/api/v1/namespaces/{{pipelines}}/serviceaccounts/{NAMED}/token"),
    ("POST", "/apis/rbac.authorization.k8s.io/v1/namespaces/{pipelines}/rolebindings"),
    ("PATCH", f"/apis/autoscaling/v1/namespaces/{{pipelines}}/horizontalpodautoscalers/{NAMED}"),
    ("DELETE", f"/apis/autoscaling/v1/namespaces/{{pipelines}}/horizontalpodautoscalers/{NAMED}"),
    ("GET", LEASES),
    ("GET", f"{LEASES}/another"),
    ("PATCH", f"{LEASES}/another"),
    ("DELETE", f"{LEASES}/trimtab"),
    ("GET", "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-scheduler"),
    ("GET", "/apis/apps/v1/namespaces/default/deployments"),
    ("PATCH", f"/apis/apps/v1/namespaces/default/deployments/{NAMED}"),
    ("PATCH", f"/apis/apps/v1/namespaces/{{own}}/deployments/{OWN}"),
    ("GET", "/apis/trimtab.dev/v1/namespaces/default/pipelines"),
    ("GET", "/apis/apps/v1/deployments"),
    ("GET", "/apis/trimtab.dev/v1/pipelines"),
    ("GET", "/api/v1/nodes"),
    ("GET", "/api/v1/namespaces"),
    ("GET", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"),
)
WRITING = (("PATCH", f"{APPS}/{NAMED}"),)
ON_CONFIG_MAPS = (
    ("GET", CONFIG_MAPS),
    ("GET", f"{CONFIG_MAPS}/{NAMED}"),
    ("PATCH", f"{CONFIG_MAPS}/{NAMED}"),
)
ISVC = "/apis/serving.kserve.io/v1beta1/namespaces/{pipelines}/inferenceservices"
ON_KSERVE = (("GET", ISVC), ("GET", f"{ISVC}/{NAMED}"))
KSERVE_WRITING = (("PATCH", f"{ISVC}/{NAMED}"),)
OPTIONAL = {
    "write": WRITING,
    "configmaps": ON_CONFIG_MAPS,
    "kserve": ON_KSERVE,
    "write-kserve": KSERVE_WRITING,
}
VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}


@dataclass(frozen=True, slots=True)
class Account:
    """The service account with some rights, in two namespaces of its own."""

    rest: Rest
    own: str
    pipelines: str
    roles: tuple[Json, ...]

    def path(self, template: str) -> str:
        return template.format(own=self.own, pipelines=self.pipelines)

    def status(self, method: str, template: str) -> int:
        """Return how the server answers a real request; one it lets through finds nothing or is malformed."""
        body: Any = None if method == "GET" else {}
        content = "application/merge-patch+json" if method == "PATCH" else "application/json"
        return self.rest.ask(method, self.path(template), {"dryRun": "All"}, body, content).status

    def may(self, method: str, template: str) -> bool:
        """Return what the server says when it is asked."""
        review = {"spec": {"resourceAttributes": attributes(method, self.path(template))}}
        asked = {"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", **review}
        answer = self.rest.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", asked)
        return bool(answer["status"]["allowed"])

    def rules(self, namespace: str) -> set[str]:
        """Return all that it may do in a namespace, as the server lists it."""
        asked = {
            "kind": "SelfSubjectRulesReview",
            "apiVersion": "authorization.k8s.io/v1",
            "spec": {"namespace": namespace},
        }
        answer = self.rest.post("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", asked)
        assert not answer["status"]["incomplete"]
        found = answer["status"]["resourceRules"]
        return {text for rule in found if not set(rule["resources"]) <= NOBODYS for text in single(rule)}


@pytest.fixture(
    scope="module",
    params=[(), ("write",), ("configmaps",), ("write", "kserve"), ("write", "kserve", "write-kserve")],
    ids=lambda parts: " and ".join(("observe", *parts)),
)
def granted(
    plane: Plane, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Account, tuple[str, ...]]]:
    """Give the account under the rights of one choice of components."""
    plane.apply(BASE / "crd.yaml")
    folder = write(tmp_path_factory.mktemp("rights"), DEPLOY / "overlays" / "observe", *request.param)
    with plane.namespace() as own, plane.namespace() as pipelines:
        yield account(plane, folder, own, pipelines), request.param


def account(plane: Plane, folder: Path, own: str, pipelines: str) -> Account:
    """Create the rights of a kustomization, and return who has them."""
    objects = [moved(o, own, pipelines) for o in built(folder) if o["kind"] in RIGHTS]
    plane.apply(objects)
    roles = tuple(o for o in objects if o["kind"] == "Role")
    return Account(Rest.of(plane.token_kubeconfig(own, OWN)), own, pipelines, roles)


def moved(each: Json, own: str, pipelines: str) -> Json:
    """Return an object in the namespaces of a test."""
    names = {OWN: own, PIPELINES: pipelines}
    found = copy.deepcopy(each)
    for part in (found["metadata"], *found.get("subjects", ())):
        part["namespace"] = names[part["namespace"]]
    return found


def test_what_the_controller_does_is_let_through(granted: tuple[Account, tuple[str, ...]]) -> None:
    who, parts = granted
    wanted = [
        *(request for request in ALWAYS if "configmaps" not in parts or "trimtab.dev" not in request[1]),
        *(request for part in parts for request in OPTIONAL[part]),
    ]

    refused = [request for request in wanted if who.status(*request) == 403 or not who.may(*request)]

    assert not refused


def test_everything_else_is_forbidden(granted: tuple[Account, tuple[str, ...]]) -> None:
    who, parts = granted
    unwanted = [
        *NEVER,
        *(request for part, requests in OPTIONAL.items() if part not in parts for request in requests),
    ]

    let_through = [request for request in unwanted if who.status(*request) != 403 or who.may(*request)]

    assert not let_through


def test_the_server_lists_the_role_and_no_more(granted: tuple[Account, tuple[str, ...]]) -> None:
    who, _ = granted

    for namespace in (who.own, who.pipelines):
        roles = [role for role in who.roles if role["metadata"]["namespace"] == namespace]
        written = {text for role in roles for rule in role["rules"] for text in single(rule)}
        assert who.rules(namespace) == written


def test_elsewhere_it_may_nothing(granted: tuple[Account, tuple[str, ...]]) -> None:
    who, _ = granted

    assert who.rules("default") == set()
    assert who.rules("kube-system") == set()


def attributes(method: str, path: str) -> Json:
    """Return what a request is to an authorizer, as the API server reads it from the path."""
    steps = path.strip("/").split("/")
    group = "" if steps[0] == "api" else steps[1]
    rest = steps[2:] if steps[0] == "api" else steps[3:]
    found = {"group": group}
    if rest[0] == "namespaces" and len(rest) > 2:
        found["namespace"], rest = rest[1], rest[2:]
    resource, name, subresource = (*rest, "", "")[:3]
    reading, removing = ("get", "delete") if name else ("list", "deletecollection")
    verb = {"GET": reading, "DELETE": removing, **VERBS}[method]
    return {**found, "verb": verb, "resource": resource, "name": name, "subresource": subresource}


def single(rule: Json) -> Iterator[str]:
    """Yield a rule as one text for each verb on each resource."""
    for group in rule["apiGroups"]:
        for resource in rule["resources"]:
            for verb in rule["verbs"]:
                yield json.dumps([group, resource, verb, sorted(rule.get("resourceNames") or ())])
