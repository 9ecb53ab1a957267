"""Pipelines whose numbers fit in the head."""

from __future__ import annotations

from typing import Any

from core.configuration import Configuration, StageConfiguration
from core.document import pipeline_from
from core.pipeline import Pipeline


def variant(name: str, accuracy: float, cores: float, *points: tuple[float, ...], **fields: Any) -> Any:  # noqa: ANN401 - a part of a file
    """Return a variant; a point is (batch, latency) or (batch, latency, throughput)."""
    keys = ("batch", "latency", "throughput", "median")
    profile = [dict(zip(keys, point, strict=False)) for point in points]
    return {"name": name, "accuracy": accuracy, "cores": cores, "profile": profile, **fields}


SMALL = variant("small", 0.6, 1, (1, 0.1), (4, 0.2), loadTime=5)
"""10 rps a replica one by one, 20 rps in fours."""
LARGE = variant("large", 0.9, 2, (1, 0.2), (4, 0.5), loadTime=20)
"""5 rps a replica one by one, 8 rps in fours."""


def stage(name: str, *variants: Any, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - parts of a file
    """Return a stage of `SMALL` and `LARGE`, where nothing else is said."""
    bounds = {"min": 1, "max": 10}
    return {"name": name, "replicas": bounds, "variants": list(variants or (SMALL, LARGE)), **fields}


def pipeline(*stages: dict[str, Any], slo_s: float = 1.0, **spec: Any) -> Pipeline:  # noqa: ANN401 - parts of a file
    """Return a pipeline; the objective is 10 for accuracy and 1 for a core, where nothing else is said."""
    return pipeline_from(
        {
            "apiVersion": "trimtab/v1",
            "kind": "Pipeline",
            "metadata": {"name": "toy"},
            "spec": {
                "slo": {"latency": slo_s},
                "objective": {"alpha": 10.0, "beta": 1.0},
                "stages": list(stages or (stage("first"),)),
                **spec,
            },
        }
    )


def configuration(*settings: tuple[str, str, int, int]) -> Configuration:
    """Return a configuration from (stage, variant, batch, replicas)."""
    return Configuration(
        stages=tuple(StageConfiguration(stage=s, variant=v, batch=b, replicas=n) for s, v, b, n in settings)
    )
