"""What loop and replay share: how far ahead a decision looks, what it is sized for, and its margins."""

from __future__ import annotations

import math

from core.patience import AVERAGED_S, averaged_s, is_patient
from core.pipeline import Pipeline
from core.problem import Margins
from tools.forecast import Forecaster, create

FORECASTER = "mixture"
"""Of the loop; docs/benchmarks.md has how the others do."""
LOOP_MARGINS = Margins(headroom=1.1, wait_quantile=0.9)
"""What the loop adds to the plain problem, because a queue at full utilisation misses deadlines.

docs/benchmarks.md has what other margins gave."""


PATIENT_MARGINS = Margins(headroom=1.0, wait_quantile=0.9)
"""Where requests may wait for seconds, a queue at high utilisation is no harm as long as it is stable."""
LONG_PATIENT_MARGINS = Margins(headroom=0.97)
"""Where they may wait for half of the time the load is averaged over, capacity need not reach its highest
mean: that of the whole horizon is lower, and the queue takes what is between."""
LONG_PATIENT_S = AVERAGED_S / 2
"""Least such SLO."""
QUANTILE, PATIENT_QUANTILE = 0.9, 0.5
"""Of the forecast that is decided on. Too low a guess costs a patient pipeline a queue, not its SLO."""


def margins_of(pipeline: Pipeline) -> Margins:
    """Return the margins for a pipeline, by how long its requests may wait."""
    if pipeline.slo.latency_s >= LONG_PATIENT_S:
        return LONG_PATIENT_MARGINS
    return PATIENT_MARGINS if is_patient(pipeline) else LOOP_MARGINS


def quantile_of(pipeline: Pipeline) -> float:
    """Return the quantile of the load for which a pipeline is sized."""
    return PATIENT_QUANTILE if is_patient(pipeline) else QUANTILE


def forecaster_of(
    pipeline: Pipeline,
    *,
    method: str = FORECASTER,
    quantile: float | None = None,
    seconds: int | None = None,
) -> Forecaster:
    """Return a new forecaster of the load that *pipeline* must carry.

    Args:
        pipeline: Whose load it is.
        method: How it is foreseen (`tools.forecast`).
        quantile: Of the load; None for `quantile_of` the pipeline.
        seconds: Over how many it is averaged; None for `core.patience.averaged_s` of the pipeline.

    Raises:
        UsageError: there is no such method, or a figure is out of its range.
    """
    return create(method, quantile or quantile_of(pipeline), seconds or averaged_s(pipeline))


def horizon_s(pipeline: Pipeline, interval_s: float) -> float:
    """Return how far ahead a decision must look: until the next one has taken effect, in seconds."""
    slowest_s = max(v.load_time_s for stage in pipeline.stages for v in stage.variants)
    return math.ceil(interval_s + slowest_s)
