"""A pipeline whose numbers fit in the head, and cases on it."""

from __future__ import annotations

from collections.abc import Sequence

from core.document import pipeline_from
from core.pipeline import Pipeline
from evals.drift.case import DriftCase
from simulator.faults import Fault


def pipeline(*, small_latency_s: float = 0.1) -> Pipeline:
    """One stage: `small` serves ten requests a second and core, `large` five, and is right more often."""
    return pipeline_from(
        {
            "apiVersion": "trimtab/v1",
            "kind": "Pipeline",
            "metadata": {"name": "toy"},
            "spec": {
                "slo": {"latency": 1.0, "quantile": 0.99},
                "objective": {"alpha": 1.0, "beta": 0.02},
                "stages": [
                    {
                        "name": "read",
                        "variants": [
                            _variant("small", accuracy=0.8, latency_s=small_latency_s),
                            _variant("large", accuracy=0.81, latency_s=0.2),
                        ],
                    }
                ],
            },
        }
    )


def case(faults: Sequence[Fault] = (), *, load_rps: float = 14.0, seconds: int = 60) -> DriftCase:
    """A steady load on it."""
    return DriftCase(
        family="noisy neighbour",
        seed=3,
        pipeline=pipeline(),
        trace_rps=(load_rps,) * seconds,
        faults=tuple(faults),
    )


def _variant(name: str, *, accuracy: float, latency_s: float) -> dict[str, object]:
    point = {"batch": 1, "latency": latency_s, "throughput": 1 / latency_s}
    return {"name": name, "accuracy": accuracy, "cores": 1, "loadTime": 1.0, "profile": [point]}
