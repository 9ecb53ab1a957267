"""A pipeline of two stages whose figures fit in the head, and what its Deployments say, made by hand."""

from __future__ import annotations

from typing import Any

from core.configuration import Configuration, StageConfiguration
from core.document import pipeline_from
from core.pipeline import Pipeline
from tools.kubernetes import names
from tools.kubernetes.seen import Asked, Seen, deployment

Json = dict[str, Any]


def toy(*, max_cores: float = 12, most: int = 8) -> Pipeline:
    """`find`: small carries 10 rps on 1 core, large 5 on 2; `read` carries 10 on 1. The SLO is 2 s."""
    small = {"name": "small", "accuracy": 0.5, "cores": 1, "profile": [{"batch": 1, "latency": 0.1}]}
    large = {"name": "large", "accuracy": 0.8, "cores": 2, "profile": [{"batch": 1, "latency": 0.2}]}
    only = {"name": "only", "accuracy": 0.9, "cores": 1, "profile": [{"batch": 1, "latency": 0.1}]}
    bounds = {"min": 1, "max": most}
    return pipeline_from(
        {
            "apiVersion": "trimtab/v1",
            "kind": "Pipeline",
            "metadata": {"name": "toy"},
            "spec": {
                "slo": {"latency": 2.0, "quantile": 0.99},
                "objective": {"alpha": 10.0, "beta": 0.1},
                "limits": {"maxCores": max_cores},
                "stages": [
                    {"name": "find", "replicas": bounds, "variants": [small, large]},
                    {"name": "read", "replicas": bounds, "variants": [only]},
                ],
            },
        }
    )


def configured(find: str, finds: int, reads: int) -> Configuration:
    """Return a configuration of the toy at batch 1."""
    return Configuration(
        stages=(
            StageConfiguration(stage="find", variant=find, batch=1, replicas=finds),
            StageConfiguration(stage="read", variant="only", batch=1, replicas=reads),
        )
    )


def asked(pipeline: Pipeline, configuration: Configuration) -> dict[str, Asked]:
    """Return what the toy's stages are asked for, with nothing held back."""
    return {
        s.stage: Asked(
            stage=s,
            cores=pipeline.stage(s.stage).variant(s.variant).cores,
            wait_s=0.0,
            replicas=s.replicas,
        )
        for s in configuration.stages
    }


def written(wish: Asked, *, change: str = "toy-1", load_rps: float = 10.0, ready: bool = True) -> Json:
    """Return a Deployment that says what was asked for, as the API server gives it back."""
    stage, cpu = wish.stage.stage, f"{round(wish.cores * 1000)}m"
    labels = {names.PIPELINE: "toy", names.STAGE: stage}
    env = {
        names.VARIANT_ENV: wish.stage.variant,
        names.BATCH_ENV: str(wish.stage.batch),
        names.BATCH_WAIT_ENV: str(wish.wait_s),
    }
    container = {
        "name": names.CONTAINER,
        "env": [{"name": k, "value": v} for k, v in env.items()],
        "resources": {"requests": {"cpu": cpu}, "limits": {"cpu": cpu}},
    }
    count = wish.replicas if ready else 0
    return {
        "metadata": {
            "name": f"toy-{stage}",
            "resourceVersion": "5",
            "generation": 2,
            "labels": labels,
            "annotations": {
                names.CHANGE: change,
                names.LOAD_RPS: str(load_rps),
                names.ASKED: wish.model_dump_json(),
            },
        },
        "spec": {"replicas": wish.replicas, "template": {"spec": {"containers": [container]}}},
        "status": {
            "observedGeneration": 2,
            "replicas": wish.replicas,
            "updatedReplicas": wish.replicas,
            "readyReplicas": count,
        },
    }


def seen(pipeline: Pipeline, configuration: Configuration, *, load_rps: float = 10.0) -> dict[str, Seen]:
    """Return the toy's workloads as they run a configuration."""
    found = {}
    for stage, wish in asked(pipeline, configuration).items():
        each = deployment(written(wish, load_rps=load_rps))
        assert each is not None
        found[stage] = each
    return found
