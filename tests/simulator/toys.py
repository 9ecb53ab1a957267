"""Pipelines whose numbers fit in the head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.configuration import Configuration, StageConfiguration
from core.pipeline import Pipeline
from simulator.options import TwinOptions
from simulator.twin import Twin

SERVED_LATE = TwinOptions(drop="none")
"""Everything is served, however late."""

EXACT = TwinOptions(drop="none", arrivals="exact", service="deterministic")
"""Whole counts a second, and a service time of exactly the profiled latency."""


def variant(name: str = "small", **fields: object) -> dict[str, Any]:
    """Return a variant of one core that serves one item in 0.1 s, where *fields* do not say else."""
    return {
        "name": name,
        "accuracy": 0.5,
        "cores": 1.0,
        "profile": [{"batch": 1, "latency": 0.1}],
        **fields,
    }


def profile(**latency_s_by_batch: float) -> list[dict[str, float]]:
    """Return a profile from arguments like `b1=0.1, b8=0.4`."""
    return [{"batch": int(k[1:]), "latency": v} for k, v in latency_s_by_batch.items()]


def stage(name: str, *variants: dict[str, Any], after: Sequence[Any] = ()) -> dict[str, Any]:
    """Return a stage; *after* holds names, or pairs of a name and a fan-out."""
    edges = [(e, 1.0) if isinstance(e, str) else e for e in after]
    return {
        "name": name,
        "variants": list(variants or [variant()]),
        "after": [{"stage": source, "fan_out": k} for source, k in edges],
    }


def pipeline(*stages: dict[str, Any], slo_s: float = 1.0, **fields: object) -> Pipeline:
    """Return a pipeline of *stages*."""
    return Pipeline.model_validate(
        {"name": "toy", "slo": {"latency": slo_s}, "stages": list(stages), **fields}
    )


def running(*settings: tuple[str, str, int, int]) -> Configuration:
    """Return a configuration from (stage, variant, batch, replicas)."""
    return Configuration(
        stages=tuple(StageConfiguration(stage=s, variant=v, batch=b, replicas=n) for s, v, b, n in settings)
    )


def one_stage(*variants: dict[str, Any], slo_s: float = 1.0, **fields: object) -> Pipeline:
    """Return a pipeline of the one stage `only`."""
    return pipeline(stage("only", *variants), slo_s=slo_s, **fields)


def twin_of_one(
    spec: dict[str, Any],
    trace_rps: Sequence[float],
    *,
    batch: int = 1,
    replicas: int = 1,
    wait_s: float = 0.0,
    seed: int = 1,
    slo_s: float = 1.0,
    options: TwinOptions = SERVED_LATE,
    faults: Sequence[Any] = (),
) -> Twin:
    """Return a twin of one stage that runs the variant *spec*."""
    return Twin(
        one_stage(spec, slo_s=slo_s),
        running(("only", spec["name"], batch, replicas)),
        trace_rps,
        seed=seed,
        batch_wait_s={"only": wait_s},
        options=options,
        faults=faults,
    )
