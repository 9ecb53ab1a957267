"""The feasible configuration least different from a given one.

Different first in variants (`VARIANT` each), then in batch sizes (`BATCH` each), then in replicas: where
the variant stays, the change of its count as a share of the stage's bound. A stage that changes
its variant takes the fewest replicas that suffice, because counts of different models do not compare.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.configuration import Configuration, StageConfiguration
from core.ilp import closest
from core.options import Floats, StageOptions, all_options
from core.problem import TOLERANCE, Problem

VARIANT, BATCH = 100.0, 10.0


def nearest_feasible(
    problem: Problem, configuration: Configuration, *, solver: str | None = None
) -> Configuration | None:
    """Return the feasible configuration nearest to *configuration*; None where nothing is feasible."""
    stages = [_with_more_replicas(problem, s, configuration[s.stage.name]) for s in all_options(problem)]
    distances = [_distance(s, configuration[s.stage.name]) for s in stages]
    return closest(problem, stages, distances, solver=solver)


def _with_more_replicas(problem: Problem, s: StageOptions, wanted: StageConfiguration) -> StageOptions:
    """Add counts above the sufficient ones, up to the wanted, for the wanted variant."""
    options = s.options
    names = np.array([v.name == wanted.variant for v in s.stage.variants])
    most = min(wanted.replicas, problem.replica_bounds[s.stage.name][1])
    last = names[options.variant] & _is_last_count(s)
    rows = np.flatnonzero(last & (options.replicas < most))
    added = np.maximum(most - options.replicas[rows], 0)
    repeated = options.take(np.repeat(rows, added))
    steps = np.concatenate([np.arange(1, n + 1) for n in added]) if len(rows) else np.arange(0)
    counts = repeated.replicas + steps
    cores = np.array([v.cores for v in s.stage.variants])[repeated.variant] * counts
    more = replace(repeated, replicas=counts, cores=cores)
    if s.stage.max_cores is not None:
        more = more.take(more.cores <= s.stage.max_cores * (1 + TOLERANCE))
    return StageOptions(s.stage, s.levels_rps, options.joined(more))


def _is_last_count(s: StageOptions) -> Floats:
    """Mark the rows with the most replicas of their level, variant and batch."""
    o = s.options
    same = (o.level[:, None] == o.level) & (o.variant[:, None] == o.variant) & (o.batch[:, None] == o.batch)
    largest = np.where(same, o.replicas, -1).max(axis=1) if len(o) else o.replicas
    mark: Floats = o.replicas == largest
    return mark


def _distance(s: StageOptions, wanted: StageConfiguration) -> Floats:
    names = np.array([v.name == wanted.variant for v in s.stage.variants])
    same = names[s.options.variant]
    replicas = np.abs(s.options.replicas - wanted.replicas) / s.stage.replicas.max
    distance: Floats = (
        VARIANT * ~same + BATCH * (s.options.batch != wanted.batch) + np.where(same, replicas, 0.0)
    )
    return distance
