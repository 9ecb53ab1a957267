"""Joint layouts of a pipeline on fixed cores: variants, and a few ways to share the cores out.

For each combination of variants, replicas are given one by one to the stage that is most loaded, until no
core is left; and again with each stage in turn counted as `TILT` times as loaded. Batches are of the
smallest size. Layouts that another beats in accuracy, capacity and unloaded latency at once are left out.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.configuration import Configuration, StageConfiguration
from core.errors import UsageError
from core.pipeline import Pipeline, Stage, Variant
from core.prediction import longest_path, stage_loads
from core.problem import TOLERANCE

TILT = 2.0
"""How much more loaded a favoured stage is counted."""
MOST_COMBINATIONS = 1024
"""Combinations of variants that are laid out; five variants in four stages are 625."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One way to use the cores."""

    configuration: Configuration
    accuracy: float
    shares: tuple[float, ...]
    """Items that reach each stage for each request."""
    capacity_rps: float
    """Requests per second that the most loaded stage carries."""
    latency_s: float
    """The longest path, with nobody waiting."""


def layouts(pipeline: Pipeline, cores: float) -> tuple[Layout, ...]:
    """Return the layouts of *pipeline* on *cores* that may be best at some load, most accurate first.

    Raises:
        UsageError: none fits the cores, or there are too many combinations of variants.
    """
    choices = [[v for v in s.variants if s.batches_of(v)] for s in pipeline.stages]
    combinations = math.prod(map(len, choices))
    if combinations > MOST_COMBINATIONS:
        raise UsageError(
            f"pipeline {pipeline.name!r} has {combinations} combinations of variants, at most "
            f"{MOST_COMBINATIONS} are laid out; leave out variants"
        )
    found = {
        layout.configuration.stages: layout
        for variants in itertools.product(*choices)
        for layout in _laid_out(pipeline, variants, cores)
    }
    if not found:
        raise UsageError(f"no variants of pipeline {pipeline.name!r} fit on {cores:g} cores; give it more")
    return _unbeaten(sorted(found.values(), key=lambda x: (-x.accuracy, -x.capacity_rps, x.latency_s)))


def _laid_out(pipeline: Pipeline, variants: Sequence[Variant], cores: float) -> list[Layout]:
    settings = tuple(
        StageConfiguration(stage=s.name, variant=v.name, batch=s.batches_of(v)[0], replicas=1)
        for s, v in zip(pipeline.stages, variants, strict=True)
    )
    alone = Configuration(stages=settings)
    accuracy = alone.accuracy(pipeline)
    if accuracy is None:
        return []
    shares = stage_loads(pipeline, alone, 1.0)
    points = [v.at(s.batch) for v, s in zip(variants, settings, strict=True)]
    demand = [shares[s.stage] / p.throughput_rps for s, p in zip(settings, points, strict=True)]
    latency_s = longest_path(pipeline, {s.stage: p.latency_s for s, p in zip(settings, points, strict=True)})
    found = []
    for weights in _weights(len(settings)):
        weighted = [d * w for d, w in zip(demand, weights, strict=True)]
        replicas = _shared_out(pipeline.stages, variants, weighted, cores)
        if replicas is None:
            return []
        capacity = min(n / d if d else math.inf for n, d in zip(replicas, demand, strict=True))
        counted = [s.model_copy(update={"replicas": n}) for s, n in zip(settings, replicas, strict=True)]
        configuration = Configuration(stages=tuple(counted))
        found.append(Layout(configuration, accuracy, tuple(shares.values()), capacity, latency_s))
    return found


def _weights(stages: int) -> list[list[float]]:
    tilted = [[TILT if i == j else 1.0 for i in range(stages)] for j in range(stages)]
    return [[1.0] * stages, *(tilted if stages > 1 else [])]


def _shared_out(
    stages: Sequence[Stage], variants: Sequence[Variant], demand: Sequence[float], cores: float
) -> list[int] | None:
    """Return the replicas of each stage; None where not even the least fit."""
    most = [_most(s, v) for s, v in zip(stages, variants, strict=True)]
    replicas = [max(s.replicas.min, 1) for s in stages]
    left = cores * (1 + TOLERANCE) - sum(n * v.cores for n, v in zip(replicas, variants, strict=True))
    if left < 0 or any(n > m for n, m in zip(replicas, most, strict=True)):
        return None
    while True:
        growing = [i for i, v in enumerate(variants) if replicas[i] < most[i] and v.cores <= left]
        if not growing:
            return replicas
        busiest = max(growing, key=lambda i: demand[i] / replicas[i])
        replicas[busiest] += 1
        left -= variants[busiest].cores


def _most(stage: Stage, variant: Variant) -> int:
    if stage.max_cores is None:
        return stage.replicas.max
    return min(stage.replicas.max, math.floor(stage.max_cores * (1 + TOLERANCE) / variant.cores))


def _unbeaten(found: Sequence[Layout]) -> tuple[Layout, ...]:
    """Return the layouts that none before them equals or beats in all three figures."""
    figures = np.array([(x.accuracy, x.capacity_rps, -x.latency_s) for x in found])
    kept: list[int] = []
    for i, row in enumerate(figures):
        if not _is_beaten(row, figures[kept]):
            kept.append(i)
    return tuple(found[i] for i in kept)


def _is_beaten(row: NDArray[np.float64], by: NDArray[np.float64]) -> bool:
    return bool((by >= row).all(axis=1).any())
