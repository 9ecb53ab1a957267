"""Stages that are InferenceServices: the contract of Deployments, on a real API server; KServe is played."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from core.configuration import Configuration
from core.errors import ActuationFailed
from core.problem import Problem
from core.verify import Approved, approve
from tests.kube.plane import Plane
from tests.tools.kubernetes.stages import asked, configured, toy
from tools.kubernetes import names
from tools.kubernetes.actuator import KubernetesActuator
from tools.kubernetes.api import connect
from tools.kubernetes.errors import Conflict, Rejected
from tools.kubernetes.hindrance import Hindered
from tools.kubernetes.kserve import CONTAINER, InferenceServices, inference_service, merge_body
from tools.kubernetes.pods import Serving
from tools.kubernetes.render import manifests
from tools.kubernetes.seen import Seen
from tools.kubernetes.view import View
from tools.kubernetes.wanted import Wish
from tools.kubernetes.workloads import Workloads

Json = dict[str, Any]
CRD = Path(__file__).parent / "crds" / "kserve.yaml"
SERVICES = "/apis/serving.kserve.io/v1beta1/namespaces/{}/inferenceservices"
DEPLOYMENTS = "/apis/apps/v1/namespaces/{}/deployments"
OWNER = "serving.kserve.io/inferenceservice"


class Cluster:
    """The toy pipeline as InferenceServices, what Trimtab does to them, and what KServe would."""

    def __init__(self, plane: Plane, namespace: str) -> None:
        plane.apply(CRD)
        self.rest, self.namespace, self.pipeline = plane.rest, namespace, toy()
        objects = services(namespace, configured("small", 2, 1))
        plane.apply(objects, namespace)
        self.workloads = InferenceServices(connect(plane.admin_kubeconfig), namespace)
        self.view = View(self.workloads.api, namespace, self.workloads)
        self.actuator = KubernetesActuator(self.pipeline, self.view, "0a0a", sleep=lambda _: None)
        self.view.refresh()

    def applies(self, change: str, configuration: Configuration, load_rps: float) -> None:
        self.view.refresh()
        found = approve(Problem.of(self.pipeline, load_rps), configuration)
        assert isinstance(found, Approved), found
        self.actuator.dry_run(found, load_rps)
        self.actuator.apply(change, found, load_rps)

    def service(self, name: str) -> Json:
        return self.rest.get(f"{SERVICES.format(self.namespace)}/{name}")

    def edits(self, name: str, change: Json) -> Json:
        return self.rest.patch(f"{SERVICES.format(self.namespace)}/{name}", change, fieldManager="jane")

    def deploys(self, name: str, *, annotations: bool = False) -> Json:
        """Do what KServe does with an InferenceService: keep a Deployment like it."""
        made = deployed(self.service(name), annotations=annotations)
        return self.rest.post(DEPLOYMENTS.format(self.namespace), made)

    def find(self) -> Seen:
        return next(seen for seen in self.workloads.list("toy") if seen.stage == "find")


@pytest.fixture
def cluster(plane: Plane, namespace: str) -> Iterator[Cluster]:
    found = Cluster(plane, namespace)
    yield found
    found.workloads.api.close()


def services(namespace: str, configuration: Configuration) -> list[Json]:
    serving = Serving(namespace=namespace, image="registry.example/serving:1", kit="id_card", memory="64Mi")
    made = manifests(toy(), configuration, 10.0, serving, workload="kserve", budgets=None)
    return [each for each in made if each["kind"] == "InferenceService"]


def deployed(service: Json, *, annotations: bool = False) -> Json:
    """Return the Deployment that KServe makes of an InferenceService."""
    meta, predictor = service["metadata"], deepcopy(service["spec"]["predictor"])
    name, replicas = f"{meta['name']}-predictor", predictor.pop("minReplicas")
    labels = {**meta["labels"], OWNER: meta["name"], "app": f"isvc.{name}"}
    for key in ("maxReplicas", "deploymentStrategy", "labels", "annotations"):
        predictor.pop(key, None)
    copied = meta["annotations"] if annotations else {}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels, "resourceVersion": "", "generation": 1},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": labels["app"]}},
            "template": {"metadata": {"labels": labels, "annotations": copied}, "spec": predictor},
        },
    }


def ready(service: Json, *, pods: int, condition: str = "True") -> Seen:
    """Return how an InferenceService is seen whose Deployment has so many pods ready."""
    made = deployed(service)
    counts = {"replicas": pods, "updatedReplicas": pods, "readyReplicas": pods}
    made["status"] = {"observedGeneration": 1, **counts}
    service = service | {"status": {"conditions": [{"type": "PredictorReady", "status": condition}]}}
    service["metadata"]["resourceVersion"] = "7"
    seen = inference_service(service, made)
    assert seen is not None
    return seen


def test_it_keeps_the_contract_of_workloads(cluster: Cluster) -> None:
    workloads: Workloads = cluster.workloads

    assert {s.stage: s.kind for s in workloads.all()["toy"]} == {
        "find": "InferenceService",
        "read": "InferenceService",
    }
    assert workloads.list("another") == ()


def test_what_was_created_by_hand_is_where_it_begins(cluster: Cluster) -> None:
    desired = cluster.actuator.desired()

    assert (desired.change, desired.configuration) == ("initial", configured("small", 2, 1))
    assert cluster.actuator.hindrance() is None


def test_a_change_is_what_the_services_say_and_what_is_read_back(cluster: Cluster) -> None:
    cluster.applies("toy-1", configured("large", 3, 2), 12.0)

    desired = cluster.actuator.desired()
    predictor = cluster.service("toy-find")["spec"]["predictor"]
    assert (desired.change, desired.configuration) == ("toy-1", configured("large", 3, 2))
    assert (predictor["minReplicas"], predictor["maxReplicas"]) == (3, 3)
    assert predictor["containers"][0]["resources"]["limits"]["cpu"] == "2000m"


def test_a_dry_run_changes_nothing(cluster: Cluster) -> None:
    before = cluster.service("toy-find")
    found = approve(Problem.of(cluster.pipeline, 12.0), configured("large", 3, 2))
    assert isinstance(found, Approved)

    cluster.actuator.dry_run(found, 12.0)

    assert cluster.service("toy-find") == before


def test_only_its_own_fields_change(cluster: Cluster) -> None:
    predictor = cluster.service("toy-find")["spec"]["predictor"]
    side, ours = {"name": "sidecar", "image": "registry.example/side:1"}, predictor["containers"][0]
    theirs = {**ours, "env": [*ours["env"], {"name": "OWNERS_OWN", "value": "kept"}]}
    cluster.edits("toy-find", {"spec": {"predictor": {"containers": [side, theirs]}}})

    cluster.applies("toy-1", configured("large", 3, 2), 12.0)

    after = cluster.service("toy-find")["spec"]["predictor"]
    first, second = after["containers"]
    values = {e["name"]: e.get("value") for e in second["env"]}
    assert first == side
    assert (values["OWNERS_OWN"], values[names.VARIANT_ENV]) == ("kept", "large")
    assert len(second["env"]) == len(theirs["env"])
    assert second["resources"]["limits"] == {"cpu": "2000m", "memory": "64Mi"}
    assert {k: v for k, v in second.items() if k not in {"env", "resources"}} == {
        k: v for k, v in theirs.items() if k not in {"env", "resources"}
    }
    assert after["deploymentStrategy"] == predictor["deploymentStrategy"]


@pytest.mark.parametrize(
    "change", [{"minReplicas": 1}, {"maxReplicas": 9}, {"minReplicas": 5, "maxReplicas": 5}], ids=str
)
def test_a_hand_edit_is_not_fought_over(cluster: Cluster, change: Json) -> None:
    cluster.applies("toy-1", configured("large", 3, 2), 12.0)
    cluster.edits("toy-find", {"spec": {"predictor": change}})

    with pytest.raises(Hindered) as refused:
        cluster.applies("toy-2", configured("small", 2, 2), 12.0)

    assert refused.value.hindrance.kind == "EditedByHand"
    assert "jane" in str(refused.value)
    assert "kubectl annotate inferenceservice toy-find" in str(refused.value)


def test_a_service_that_is_paused_is_left_alone(cluster: Cluster) -> None:
    cluster.edits("toy-find", {"metadata": {"annotations": {names.PAUSED: "true"}}})

    with pytest.raises(Hindered, match="paused"):
        cluster.applies("toy-1", configured("large", 3, 2), 12.0)


def test_what_changed_meanwhile_is_not_overwritten(cluster: Cluster) -> None:
    seen = cluster.find()
    wish = Wish("toy-1", 12.0, asked(cluster.pipeline, configured("large", 3, 2))["find"])
    cluster.edits("toy-find", {"metadata": {"annotations": {"somebody": "else"}}})

    with pytest.raises(Conflict):
        cluster.workloads.patch(wish, seen, dry_run=False)

    assert cluster.find().spec.variant == "small"


def test_the_patch_itself_carries_the_version_it_was_made_for(cluster: Cluster) -> None:
    wish = Wish("toy-1", 12.0, asked(cluster.pipeline, configured("large", 3, 2))["find"])
    body = merge_body(wish, cluster.service("toy-find"))
    cluster.edits("toy-find", {"metadata": {"annotations": {"somebody": "else"}}})

    with pytest.raises(Conflict):
        cluster.workloads.api.patch(f"{SERVICES.format(cluster.namespace)}/toy-find", body, "merge")


def test_a_service_without_the_container_is_told_to_its_owner(cluster: Cluster) -> None:
    cluster.edits("toy-find", {"spec": {"predictor": {"containers": [{"name": "other", "image": "x"}]}}})
    wish = Wish("toy-1", 12.0, asked(cluster.pipeline, configured("large", 3, 2))["find"])

    with pytest.raises(Rejected, match=f"no container '{CONTAINER}'"):
        cluster.workloads.patch(wish, cluster.find(), dry_run=True)


def test_nothing_is_written_where_kserve_would_restart_pods_for_a_note(cluster: Cluster) -> None:
    cluster.deploys("toy-find", annotations=True)

    with pytest.raises(ActuationFailed, match="serviceAnnotationDisallowedList"):
        cluster.applies("toy-1", configured("large", 3, 2), 12.0)

    assert cluster.find().spec.variant == "small"


def test_pods_that_are_not_there_yet_are_not_ready(cluster: Cluster) -> None:
    cluster.deploys("toy-find")

    progress = cluster.find().progress

    assert (progress.complete, progress.ready) == (False, 0)


@pytest.mark.parametrize(
    ("pods", "condition", "complete"),
    [(2, "True", True), (1, "True", False), (2, "False", False), (2, "Unknown", False)],
)
def test_it_has_come_all_the_way_when_its_pods_are_ready_and_kserve_says_so(
    pods: int, condition: str, *, complete: bool
) -> None:
    service = services("here", configured("small", 2, 1))[0]

    assert ready(service, pods=pods, condition=condition).progress.complete is complete


def test_readiness_of_the_spec_before_does_not_count() -> None:
    service = services("here", configured("small", 2, 1))[0]
    older = deployed(service) | {
        "status": {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2}
    }
    newer = services("here", configured("large", 2, 1))[0]
    newer["metadata"]["resourceVersion"] = "8"
    newer["status"] = {
        "observedGeneration": 9,
        "conditions": [{"type": "PredictorReady", "status": "True"}, {"type": "Ready", "status": "True"}],
    }

    seen = inference_service(newer, older)

    assert seen is not None
    assert (seen.progress.complete, seen.progress.ready, seen.progress.stuck) == (False, 0, "")


def test_a_roll_out_that_is_stuck_is_told_in_the_words_of_the_deployment() -> None:
    service = services("here", configured("small", 2, 1))[0]
    service["metadata"]["resourceVersion"] = "7"
    made = deployed(service)
    condition = {"type": "Progressing", "status": "False", "message": "timed out progressing"}
    made["status"] = {"observedGeneration": 1, "conditions": [condition]}

    seen = inference_service(service, made)

    assert seen is not None
    assert seen.progress.stuck == "timed out progressing"


def test_a_service_without_the_labels_is_none_of_ours() -> None:
    service = services("here", configured("small", 2, 1))[0]
    service["metadata"]["labels"] = {}

    assert inference_service(service, None) is None
