"""What the loop and its replay share: how far ahead a decision looks, and the margins it adds."""

from __future__ import annotations

import math

from core.pipeline import Pipeline
from core.problem import Margins

LOOP_MARGINS = Margins(headroom=1.1, wait_quantile=0.9)
"""What the loop adds to the plain problem, because a queue at full utilisation misses deadlines.

docs/benchmarks.md has what other margins gave."""


def horizon_s(pipeline: Pipeline, interval_s: float) -> float:
    """Return how far ahead a decision must look: until the next one has taken effect, in seconds."""
    slowest_s = max(v.load_time_s for stage in pipeline.stages for v in stage.variants)
    return math.ceil(interval_s + slowest_s)
