"""A stage's profile as columns: one row for each (variant, batch) that may run there.

What the profile says is laid out once and kept with the stage (`Stage.profile_columns`); what the
problem adds, belief and exclusions, is applied to the columns each time.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from core.pipeline import Stage
from core.problem import Problem
from core.queueing import service_scv

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Pairs:
    """The (variant, batch) pairs of a stage in order of name and batch, before replicas are counted."""

    variant: Ints
    """Index into the stage's variants."""
    batch: Floats
    latency_s: Floats
    rate_rps: Floats
    """Of one busy replica."""
    scv: Floats
    """Squared coefficient of variation of service times; zero where no queueing margin asks for it."""
    cores: Floats
    """Of one replica."""
    accuracy: Floats
    factor: Floats
    """The belief's accuracy factor."""
    load_time_s: Floats
    fan_out: Floats

    def __len__(self) -> int:
        return len(self.variant)

    def take(self, rows: Mask | Ints) -> Pairs:
        """Return the chosen rows."""
        return Pairs(*(getattr(self, field.name)[rows] for field in fields(self)))


def pairs_of(problem: Problem, stage: Stage) -> Pairs:
    """Return the pairs that *problem* allows at *stage*, as it believes them to be."""
    pairs = _profiled(problem, stage)
    if problem.excluded:
        allowed = np.array([problem.allows(stage.name, v.name) for v in stage.variants])
        pairs = pairs.take(allowed[pairs.variant])
    return _believed(problem, stage, pairs)


def _profiled(problem: Problem, stage: Stage) -> Pairs:
    columns = stage.profile_columns
    batch = columns.batch
    waits = problem.margins.wait_quantile is not None
    return Pairs(
        variant=columns.variant.astype(np.int64),
        batch=batch,
        latency_s=columns.latency_s,
        rate_rps=columns.throughput_rps,
        scv=service_scv(columns.latency_s, columns.median_s) if waits else np.zeros_like(batch),
        cores=columns.cores,
        accuracy=columns.accuracy,
        factor=np.ones_like(batch),
        load_time_s=columns.load_time_s,
        fan_out=columns.fan_out,
    )


def _believed(problem: Problem, stage: Stage, pairs: Pairs) -> Pairs:
    belief = problem.belief
    if not belief.latency and not belief.accuracy:
        return pairs
    slower = np.array([belief.latency_factor(stage.name, v.name) for v in stage.variants])[pairs.variant]
    factor = np.array([belief.accuracy_factor(stage.name, v.name) for v in stage.variants])[pairs.variant]
    return replace(
        pairs,
        latency_s=pairs.latency_s * slower,
        rate_rps=pairs.rate_rps / slower,
        accuracy=pairs.accuracy * factor,
        factor=factor,
    )
