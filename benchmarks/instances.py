"""Random pipelines of a given size for timings: `pipeline(stages=5, variants=5, seed=0)`.

Shaped like measured profiles: a variant that is more accurate is slower and needs more cores, service
time grows a little less than the batch, and both scatter. The SLO lies between the fastest and the
slowest choice so that it binds, and the weights make accuracy worth its cores at some stages only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.document import pipeline_from
from core.pipeline import AccuracyMode, Pipeline

BATCHES = (1, 2, 4, 8, 16, 32, 64)
LOAD_RPS = 20.0
SLO_S_PER_STAGE = 0.6
MAX_REPLICAS = 100
ALPHA_PER_STAGE = {"sum": 40.0, "product": 120.0}


def pipeline(
    *,
    stages: int,
    variants: int,
    seed: int,
    accuracy: AccuracyMode = "sum",
    batches: Sequence[int] = BATCHES,
) -> Pipeline:
    """Return a chain of *stages* with *variants* each, profiled at *batches*."""
    rng = np.random.default_rng([seed, stages, variants])
    spec = {
        "slo": {"latency": SLO_S_PER_STAGE * stages},
        "accuracy": accuracy,
        "objective": {"alpha": ALPHA_PER_STAGE[accuracy], "beta": 1.0, "delta": 1e-6},
        "stages": [_stage(f"s{k}", variants, batches, rng) for k in range(stages)],
    }
    name = f"random-{stages}x{variants}-{seed}"
    document = {"apiVersion": "trimtab/v1", "kind": "Pipeline", "metadata": {"name": name}, "spec": spec}
    return pipeline_from(document)


def _stage(name: str, variants: int, batches: Sequence[int], rng: np.random.Generator) -> dict[str, Any]:
    sizes = np.sort(rng.uniform(0.0, 1.0, variants))
    return {
        "name": name,
        "replicas": {"min": 1, "max": MAX_REPLICAS},
        "variants": [_variant(f"v{m}", size, batches, rng) for m, size in enumerate(sizes)],
    }


def _variant(name: str, size: float, batches: Sequence[int], rng: np.random.Generator) -> dict[str, Any]:
    """Return a variant; *size* in [0, 1] goes from the smallest model to the largest."""
    single_s = 0.03 * 8.0**size * rng.lognormal(sigma=0.15)
    grows = rng.uniform(0.75, 0.98)
    return {
        "name": name,
        "accuracy": round(float(0.55 + 0.4 * size**0.6 + rng.normal(scale=0.01)), 4),
        "cores": int(2 ** round(2.5 * size + rng.uniform(-0.4, 0.4))) or 1,
        "loadTime": round(2 + 10 * size, 1),
        "profile": [
            {"batch": b, "latency": round(float(single_s * b**grows * rng.lognormal(sigma=0.04)), 5)}
            for b in batches
        ],
    }
