"""The pods of a pipeline as a user creates them: one server each, told by its environment what to be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.configuration import Configuration
from core.pipeline import Pipeline, Stage
from pipelines.serving.contract import PREFIX, ReplicaSettings, RouterSettings, environment_of
from tools.kubernetes.wanted import MILLI_DIGITS, WAIT_DIGITS
from tools.waits import batch_waits_s

Json = dict[str, Any]

PORT, PORT_NAME = 8080, "http"
READY_PATH, LIVE_PATH, METRICS_PATH = "/v2/health/ready", "/v2/health/live", "/metrics/"
MODELS = Path("/opt/models")
"""Where the image has the weights, a folder for each kit (Dockerfile.serving)."""
USER = 10001
"""The image's user."""
DRAIN_DELAY_S = 8.0
"""The record of a pod that leaves lives 5 s in the cluster's DNS, and the router looks once a second."""
KILL_MARGIN_S = 10
"""Beyond draining, before a pod is killed."""
START_FACTOR = 3
"""Loads take longer on a node that is busy: so many times the load time, and what follows."""
START_MARGIN_S = 60
"""To start Python and import the libraries."""
PLACE_MARGIN_S = 120
"""To be scheduled and to have the image pulled."""
ASK_EVERY_S, ASK_LIMIT_S = 2, 5
"""A busy replica answers late."""
ALIVE_EVERY_S = 10
ROUTER_CPU = "1"
THREADS = (f"{PREFIX}THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
TMP_SIZE = "256Mi"


@dataclass(frozen=True, slots=True)
class Serving:
    """What a user chooses for the pods of a pipeline."""

    namespace: str
    image: str
    kit: str
    """The ready pipeline whose code serves."""
    memory: str
    """Of one replica, as a Kubernetes quantity."""
    routers: int = 1
    """Replicas of the router: each fills batches by what it sends itself."""
    labels: bool = False
    """Whether requests may bring their right answers along."""


def stage_settings(
    pipeline: Pipeline, configuration: Configuration, load_rps: float, serving: Serving
) -> Mapping[str, ReplicaSettings]:
    """Return what each stage's replicas are told; batch waits are those of *load_rps*."""
    waits = batch_waits_s(pipeline, configuration, load_rps)
    return {
        s.stage: ReplicaSettings(
            pipeline=pipeline.name,
            kit=serving.kit,
            slo_s=pipeline.slo.latency_s,
            host="0.0.0.0",
            port=PORT,
            drain_delay_s=DRAIN_DELAY_S,
            stage=s.stage,
            variant=s.variant,
            models=MODELS / serving.kit,
            batch=s.batch,
            batch_wait_s=round(waits[s.stage], WAIT_DIGITS),
        )
        for s in configuration.stages
    }


def router_settings(pipeline: Pipeline, serving: Serving, endpoints: str) -> RouterSettings:
    """Return what the router is told."""
    return RouterSettings(
        pipeline=pipeline.name,
        kit=serving.kit,
        slo_s=pipeline.slo.latency_s,
        host="0.0.0.0",
        port=PORT,
        drain_delay_s=DRAIN_DELAY_S,
        endpoints=endpoints,
        labels=serving.labels,
    )


def start_limit_s(stage: Stage) -> int:
    """Return how long any variant of a stage may take from its start to ready, in seconds."""
    slowest_s = max(variant.load_time_s for variant in stage.variants)
    return math.ceil(START_FACTOR * slowest_s) + START_MARGIN_S


def deadline_s(stage: Stage) -> int:
    """Return how long a roll-out may go without progress: one start and its way there, in seconds."""
    return start_limit_s(stage) + PLACE_MARGIN_S


def pod_spec(
    settings: ReplicaSettings | RouterSettings, serving: Serving, *, container: str, cores: str, start_s: int
) -> Json:
    """Return a pod's spec: no root, nothing writable but /tmp, no token of the API server.

    Args:
        settings: What its server is told.
        serving: What the pods have in common.
        container: The container's name.
        cores: Requested and at most, as a quantity.
        start_s: How long it may take to start, in seconds, before it is started again.
    """
    return {
        # Service links would be variables TRIMTAB_... of any Service called trimtab, which a server refuses.
        "enableServiceLinks": False,
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": math.ceil(settings.drain_delay_s + settings.drain_limit_s)
        + KILL_MARGIN_S,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(settings, serving, name=container, cores=cores, start_s=start_s)],
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": TMP_SIZE}}],
    }


def scraped() -> dict[str, str]:
    """Return the annotations by which a Prometheus finds the metrics of a pod."""
    return {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(PORT),
        "prometheus.io/path": METRICS_PATH,
    }


def cpu(cores: float) -> str:
    """Return cores as a quantity: what `kubectl` shows and Trimtab writes."""
    return f"{round(round(cores, MILLI_DIGITS) * 1000)}m"


def _container(
    settings: ReplicaSettings | RouterSettings, serving: Serving, *, name: str, cores: str, start_s: int
) -> Json:
    resources = {"cpu": cores, "memory": serving.memory}
    # The router is ready once every stage is: no reason to start it again.
    started = READY_PATH if isinstance(settings, ReplicaSettings) else LIVE_PATH
    return {
        "name": name,
        "image": serving.image,
        "ports": [{"name": PORT_NAME, "containerPort": PORT, "protocol": "TCP"}],
        "env": _environment(settings),
        "resources": {"requests": resources, "limits": dict(resources)},
        "startupProbe": _probe(started, ASK_EVERY_S, math.ceil(start_s / ASK_EVERY_S)),
        "readinessProbe": _probe(READY_PATH, ASK_EVERY_S, 2),
        "livenessProbe": _probe(LIVE_PATH, ALIVE_EVERY_S, 3),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    }


def _environment(settings: ReplicaSettings | RouterSettings) -> list[Json]:
    """Return the variables. Threads are the cores of the container, whatever variant it comes to run."""
    found = environment_of(settings)
    cores = {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1"}}
    plain = [{"name": key, "value": text} for key, text in found.items() if key not in THREADS]
    return plain + [
        {"name": key, "valueFrom": cores} for key in THREADS if isinstance(settings, ReplicaSettings)
    ]


def _probe(path: str, every_s: int, misses: int) -> Json:
    return {
        "httpGet": {"path": path, "port": PORT_NAME},
        "periodSeconds": every_s,
        "timeoutSeconds": ASK_LIMIT_S,
        "failureThreshold": misses,
    }
