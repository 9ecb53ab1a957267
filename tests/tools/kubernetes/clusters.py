"""The toy pipeline on a real API server: its Deployments as a person creates them, and what people do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.configuration import Configuration
from core.pipeline import Pipeline
from core.problem import Problem
from core.verify import Approved, approve
from tests.tools.kubernetes.stages import configured, toy
from tools.kubernetes import names
from tools.kubernetes.actuator import KubernetesActuator
from tools.kubernetes.api import Api, Timeouts, connect
from tools.kubernetes.view import View
from tools.kubernetes.workloads import Deployments

Json = dict[str, Any]
MERGE = "application/merge-patch+json"


def manifest(pipeline: Pipeline, configuration: Configuration, stage: str) -> Json:
    """Return a stage's Deployment as its owner writes it."""
    labels = {names.PIPELINE: pipeline.name, names.STAGE: stage}
    setting = configuration[stage]
    cpu = str(pipeline.stage(stage).variant(setting.variant).cores)
    container = {
        "name": names.CONTAINER,
        "image": "registry.example/serving:1",
        "env": [
            {"name": names.VARIANT_ENV, "value": setting.variant},
            {"name": names.BATCH_ENV, "value": str(setting.batch)},
            {"name": names.BATCH_WAIT_ENV, "value": "0.0"},
            {"name": "OWNERS_OWN", "value": "kept"},
        ],
        "resources": {"requests": {"cpu": cpu, "memory": "64Mi"}, "limits": {"cpu": cpu}},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": names.workload(pipeline.name, stage), "labels": labels},
        "spec": {
            "replicas": setting.replicas,
            "selector": {"matchLabels": labels},
            "strategy": {"rollingUpdate": {"maxSurge": "100%", "maxUnavailable": 0}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
            },
        },
    }


class Owner:
    """A person with a kubeconfig, who is not Trimtab."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self.api: Api = connect(kubeconfig)
        self.namespace = namespace
        self.path = f"/apis/apps/v1/namespaces/{namespace}/deployments"

    def creates(self, pipeline: Pipeline, configuration: Configuration) -> None:
        for stage in pipeline.stages:
            self.posts(self.path, manifest(pipeline, configuration, stage.name))

    def posts(self, path: str, body: Json) -> Json:
        return self.api._call("POST", path, {"fieldManager": "kubectl"}, body, "application/json")

    def edits(self, name: str, change: Json) -> Json:
        path = f"{self.path}/{name}"
        return self.api._call("PATCH", path, {"fieldManager": "kubectl-edit"}, change, MERGE)

    def annotates(self, name: str, key: str, value: str | None) -> Json:
        return self.edits(name, {"metadata": {"annotations": {key: value}}})

    def deployment(self, name: str) -> Json:
        return self.api.get(f"{self.path}/{name}")

    def deletes(self, path: str) -> None:
        self.api._call("DELETE", path)


class Toy:
    """The toy pipeline in a namespace, and an actuator for it."""

    def __init__(
        self,
        admin: Path,
        namespace: str,
        *,
        product: Path | None = None,
        start: Configuration | None = None,
        pipeline: Pipeline | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        self.pipeline = pipeline or toy()
        self.owner = Owner(admin, namespace)
        self.owner.creates(self.pipeline, start or configured("small", 1, 1))
        api = connect(product or admin, timeouts=timeouts)
        self.view = View(api, namespace, Deployments(api, namespace))
        self.actuator = KubernetesActuator(self.pipeline, self.view, "0a0a", sleep=lambda _: None)
        self.view.refresh()

    def approved(self, configuration: Configuration, load_rps: float) -> Approved:
        found = approve(Problem.of(self.pipeline, load_rps), configuration)
        assert isinstance(found, Approved), found
        return found

    def applies(self, change: str, configuration: Configuration, load_rps: float) -> None:
        """Do what a turn does: try dry, then apply."""
        self.view.refresh()
        approved = self.approved(configuration, load_rps)
        self.actuator.dry_run(approved, load_rps)
        self.actuator.apply(change, approved, load_rps)

    def says(self, stage: str) -> tuple[str, int]:
        """Return variant and replicas of a stage, as its Deployment says now."""
        spec = self.owner.deployment(names.workload(self.pipeline.name, stage))["spec"]
        env = {e["name"]: e.get("value") for e in spec["template"]["spec"]["containers"][0]["env"]}
        return str(env[names.VARIANT_ENV]), int(spec["replicas"])
