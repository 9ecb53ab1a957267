"""The objects of a pipeline, for a user to create: Trimtab creates nothing, it patches them (`wanted`).

A stage is one workload and one headless Service, which has a DNS record for each ready pod; the router asks
for those. A roll-out starts all new pods before an old one goes (surge 100 %, none unavailable).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from core.configuration import Configuration, StageConfiguration
from core.errors import UsageError
from core.pipeline import Pipeline
from pipelines.serving.contract import ReplicaSettings
from tools.kubernetes import kserve, names
from tools.kubernetes.pods import (
    PORT,
    PORT_NAME,
    ROUTER_CPU,
    START_MARGIN_S,
    Serving,
    cpu,
    deadline_s,
    pod_spec,
    router_settings,
    scraped,
    stage_settings,
    start_limit_s,
)

Json = dict[str, Any]
Workload = Literal["deployment", "kserve"]
BudgetVersion = Literal["v1", "v1beta1"]
"""Of PodDisruptionBudget: v1 from Kubernetes 1.21 on, v1beta1 before."""

COMPONENT = "app.kubernetes.io/component"
LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
MOST_LABEL = 63
"""Of the name of a Service, and of a label's value."""
SUFFIX: Mapping[Workload, str] = {"deployment": "", "kserve": "-pods"}
"""Of the Services: KServe makes some of its own under the plain names."""
SURGE = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "100%", "maxUnavailable": 0}}


@dataclass(frozen=True, slots=True)
class _Stage:
    """All that the objects of one stage are made of."""

    pipeline: Pipeline
    setting: StageConfiguration
    settings: ReplicaSettings
    serving: Serving

    @property
    def name(self) -> str:
        return names.workload(self.pipeline.name, self.setting.stage)

    @property
    def labels(self) -> dict[str, str]:
        return {names.PIPELINE: self.pipeline.name, names.STAGE: self.setting.stage}

    def pod(self, container: str) -> Json:
        stage = self.pipeline.stage(self.setting.stage)
        return pod_spec(
            self.settings,
            self.serving,
            container=container,
            cores=cpu(stage.variant(self.setting.variant).cores),
            start_s=start_limit_s(stage),
        )


def manifests(
    pipeline: Pipeline,
    configuration: Configuration,
    load_rps: float,
    serving: Serving,
    *,
    workload: Workload = "deployment",
    budgets: BudgetVersion | None = "v1",
) -> tuple[Json, ...]:
    """Return the objects of a pipeline that runs a configuration.

    Args:
        pipeline: What is served.
        configuration: What it starts with.
        load_rps: The load that the batch waits are set for.
        serving: What the pods have in common.
        workload: What a stage is: a Deployment, or an InferenceService of KServe.
        budgets: The version of the disruption budgets; None for none.

    Raises:
        UsageError: a name cannot be one of an object.
    """
    checked_names(pipeline, SUFFIX[workload])
    configuration = configuration.checked(pipeline)
    settings = stage_settings(pipeline, configuration, load_rps, serving)
    found: list[Json] = []
    for setting in configuration.stages:
        stage = _Stage(pipeline, setting, settings[setting.stage], serving)
        found.append(_deployment(stage) if workload == "deployment" else _inference_service(stage))
        found.append(_service(stage.name + SUFFIX[workload], stage.labels, serving.namespace, headless=True))
        if budgets is not None:
            found.append(_budget(stage.name, stage.labels, serving.namespace, budgets))
    return (*found, *_router(pipeline, serving, SUFFIX[workload], budgets))


def checked_names(pipeline: Pipeline, suffix: str = "") -> None:
    """Refuse names that cannot be those of objects.

    Raises:
        UsageError: the pipeline or a stage is called so; says what is allowed.
    """
    for stage in (names.ROUTER, *pipeline.by_name):
        name = names.workload(pipeline.name, stage) + suffix
        if len(name) > MOST_LABEL or not LABEL.fullmatch(name):
            raise UsageError(
                f"{name!r} cannot be the name of a Service; call pipeline {pipeline.name!r} and its stage "
                f"{stage!r} by lower-case letters, digits and hyphens, a letter first, {MOST_LABEL} in all"
            )
    if names.ROUTER in pipeline.by_name:
        raise UsageError(f"a stage is called {names.ROUTER!r}, as the router's objects are; rename it")


def metadata(name: str, namespace: str, labels: Mapping[str, str], **more: Json) -> Json:
    """Return an object's metadata."""
    return {"name": name, "namespace": namespace, "labels": dict(labels), **more}


def _deployment(stage: _Stage) -> Json:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(stage.name, stage.serving.namespace, stage.labels),
        "spec": {
            "replicas": stage.setting.replicas,
            "selector": {"matchLabels": stage.labels},
            "strategy": SURGE,
            "progressDeadlineSeconds": deadline_s(stage.pipeline.stage(stage.setting.stage)),
            "template": {
                "metadata": {"labels": stage.labels, "annotations": scraped()},
                "spec": stage.pod(names.CONTAINER),
            },
        },
    }


def _inference_service(stage: _Stage) -> Json:
    return {
        "apiVersion": kserve.API_VERSION,
        "kind": kserve.KIND,
        "metadata": metadata(
            stage.name, stage.serving.namespace, stage.labels, annotations=dict(kserve.MODE)
        ),
        "spec": {
            "predictor": {
                "minReplicas": stage.setting.replicas,
                "maxReplicas": stage.setting.replicas,
                "deploymentStrategy": SURGE,
                "labels": stage.labels,
                "annotations": scraped(),
                **stage.pod(kserve.CONTAINER),
            }
        },
    }


def _service(name: str, labels: Mapping[str, str], namespace: str, *, headless: bool) -> Json:
    address = {"clusterIP": "None"} if headless else {}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(name, namespace, labels),
        "spec": {
            **address,
            "publishNotReadyAddresses": False,
            "selector": dict(labels),
            "ports": [{"name": PORT_NAME, "port": PORT, "targetPort": PORT_NAME, "protocol": "TCP"}],
        },
    }


def _budget(name: str, labels: Mapping[str, str], namespace: str, version: BudgetVersion) -> Json:
    """Return a budget that lets one pod go at a time, however many Trimtab has it be."""
    return {
        "apiVersion": f"policy/{version}",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(name, namespace, labels),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": dict(labels)}},
    }


def _router(
    pipeline: Pipeline, serving: Serving, suffix: str, budgets: BudgetVersion | None
) -> Iterator[Json]:
    """Yield the router's objects. They have no stage's label, so Trimtab never looks at them."""
    name = names.workload(pipeline.name, names.ROUTER)
    labels = {names.PIPELINE: pipeline.name, COMPONENT: names.ROUTER}
    endpoints = f"dns:{names.workload(pipeline.name, '{stage}')}{suffix}:{PORT}"
    pod = pod_spec(
        router_settings(pipeline, serving, endpoints),
        serving,
        container=names.CONTAINER,
        cores=ROUTER_CPU,
        start_s=START_MARGIN_S,
    )
    yield {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(name, serving.namespace, labels),
        "spec": {
            "replicas": serving.routers,
            "selector": {"matchLabels": labels},
            "strategy": SURGE,
            "template": {"metadata": {"labels": labels, "annotations": scraped()}, "spec": pod},
        },
    }
    yield _service(name, labels, serving.namespace, headless=False)
    if budgets is not None:
        yield _budget(name, labels, serving.namespace, budgets)
