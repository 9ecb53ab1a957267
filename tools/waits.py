"""How long a partial batch may wait for more: what the model counted on, and no longer."""

from __future__ import annotations

from collections.abc import Mapping

from core.configuration import Configuration
from core.pipeline import Pipeline
from core.prediction import filling_s, stage_loads


def batch_waits_s(pipeline: Pipeline, configuration: Configuration, load_rps: float) -> Mapping[str, float]:
    """Return, by stage, the time its batch takes to fill at *load_rps*, at most the SLO, in seconds."""
    loads = stage_loads(pipeline, configuration, load_rps)
    return {
        s.stage: min(filling_s(s.batch, loads[s.stage]), pipeline.slo.latency_s) for s in configuration.stages
    }
