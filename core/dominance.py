"""Which options another of the same stage makes superfluous.

Option A makes option B of the same stage and level superfluous if A is at least as good in all of:
latency, cores, changed or not, accuracy (or, where accuracy is linear in the objective, the
objective's own terms), and the rest of the objective's charge. With a measured joint table nothing
can be said across variants, so only options of one variant are compared. Where a stage feeds others,
only options of equal fan-out are compared, because less load downstream is not always better: a
batch then takes longer to fill. Exactly equal options keep the first by name.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.options import Floats, Ints, Options, StageOptions
from core.problem import Problem

PAIRWISE_BLOCK = 1024
"""Rows compared with all others at once; bounds the memory of a comparison."""


def undominated(problem: Problem, stages: Sequence[StageOptions]) -> tuple[StageOptions, ...]:
    """Return the options that some optimum, with its ties broken as promised, may need."""
    return tuple(
        StageOptions(s.stage, s.levels_rps, s.options.take(_undominated_rows(problem, s))) for s in stages
    )


def charge(problem: Problem, options: Options) -> Floats:
    """Return what the weighted objective charges each option for cores, batch and cold starts."""
    o = problem.objective
    return o.beta * options.cores + o.delta * options.batch + o.rho * options.switching


def _undominated_rows(problem: Problem, s: StageOptions) -> Ints:
    """Return the rows that no other row makes superfluous, comparing only within groups."""
    measures = _measures(problem, s.options)
    kept = [rows[survivors(measures[rows])] for rows in _groups(problem, s)]
    return np.sort(np.concatenate(kept)) if kept else np.arange(0)


def _groups(problem: Problem, s: StageOptions) -> list[Ints]:
    """Return the rows of options that are comparable, group by group."""
    columns: list[Floats | Ints] = [s.options.level]
    if problem.pipeline.successors[s.stage.name]:
        columns.append(s.options.fan_out)
    if problem.pipeline.accuracy == "measured":
        columns.append(s.options.variant)
    groups = [np.arange(len(s.options))]
    for column in columns:
        groups = [rows[column[rows] == value] for rows in groups for value in set(column[rows].tolist())]
    return groups


def _measures(problem: Problem, options: Options) -> Floats:
    """Return what dominance is judged by, less is better, a column each."""
    columns = [options.latency_s, options.cores, options.changed]
    if problem.objective.kind == "weighted":
        charged = charge(problem, options)
        linear = problem.pipeline.accuracy == "sum" and problem.objective.min_accuracy is None
        if linear and problem.objective.alpha > 0:  # at 0 accuracy still breaks ties
            columns.append(charged - problem.objective.alpha * options.accuracy)
        else:
            columns += [charged, -options.accuracy]
    else:
        columns.append(-options.accuracy)
    return np.stack(columns, axis=1)


def survivors(measures: Floats) -> Ints:
    """Return the rows of *measures* that no other row beats or, coming earlier, equals."""
    count = len(measures)
    beaten = np.zeros(count, dtype=bool)
    for start in range(0, count, PAIRWISE_BLOCK):
        block = measures[start : start + PAIRWISE_BLOCK]
        no_worse = np.ones((count, len(block)), dtype=bool)
        no_better = np.ones((count, len(block)), dtype=bool)
        for mine, theirs in zip(measures.T, block.T, strict=True):
            no_worse &= mine[:, None] <= theirs
            no_better &= mine[:, None] >= theirs
        earlier = np.arange(count)[:, None] < np.arange(start, start + len(block))
        beaten[start : start + len(block)] = (no_worse & (~no_better | earlier)).any(axis=0)
    return np.flatnonzero(~beaten)
