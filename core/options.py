"""The settings worth considering at each stage: the reduction before any model is built.

At load L_s a (variant, batch) needs at least n = ceil(headroom * L_s / h) replicas, and nothing in
the problem ever rewards more: cores and switching grow with n, accuracy and (without a queueing
margin) latency do not depend on it. With a queueing margin latency falls with n, so every n up to the
one at which the wait vanishes is an option.

Load levels. Where variants of a stage differ in fan-out, the stages below may see several loads, one
*level* each; options are worked out per level.

Dominance. Option A makes option B of the same stage and level superfluous if A is at least as good
in all of: latency, cores, changed or not, accuracy (or, where accuracy is linear in the
objective, the objective's own terms), and the rest of the objective's charge. With a measured
joint table nothing can be said across variants, so only options of one variant are compared. Where
a stage feeds others, only options of equal fan-out are compared, because less load downstream is
not always better: a batch then takes longer to fill. Exactly equal options keep the first by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from core.configuration import StageConfiguration
from core.errors import UsageError
from core.pipeline import Stage
from core.problem import TOLERANCE, Problem
from core.queueing import service_scv, wait_quantile_s

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

MAX_LEVELS = 2048
"""Loads one stage may see; beyond it the model would not fit in memory in a useful time."""

PAIRWISE_BLOCK = 1024
"""Rows compared with all others at once; bounds the memory of a comparison."""


@dataclass(frozen=True, slots=True)
class Options:
    """The settings of one stage, a row each, in order of (level, variant name, batch, replicas)."""

    level: Ints
    """Index into the stage's load levels."""
    variant: Ints
    """Index into the stage's variants."""
    batch: Ints
    replicas: Ints
    latency_s: Floats
    cores: Floats
    accuracy: Floats
    """The variant's own, under the belief."""
    factor: Floats
    """The belief's accuracy factor, for joint tables."""
    switching: Floats
    """Core-seconds of cold starts."""
    changed: Floats
    """1 where the setting differs from the running one."""
    fan_out: Floats

    def __len__(self) -> int:
        return len(self.level)

    def take(self, rows: Mask | Ints) -> Options:
        """Return the chosen rows."""
        return Options(*(getattr(self, field.name)[rows] for field in fields(self)))

    def joined(self, more: Options) -> Options:
        """Return these rows followed by *more*."""
        pairs = ((getattr(self, f.name), getattr(more, f.name)) for f in fields(self))
        return Options(*(np.concatenate(pair) for pair in pairs))


@dataclass(frozen=True, slots=True)
class StageOptions:
    """A stage's options at every load it may see."""

    stage: Stage
    levels_rps: Floats
    options: Options

    def setting(self, row: int) -> StageConfiguration:
        """Return row *row* as a setting."""
        return StageConfiguration(
            stage=self.stage.name,
            variant=self.stage.variants[int(self.options.variant[row])].name,
            batch=int(self.options.batch[row]),
            replicas=int(self.options.replicas[row]),
        )


def all_options(problem: Problem) -> tuple[StageOptions, ...]:
    """Return every sufficient option of every stage, within the stage's own limits.

    Raises:
        UsageError: variants differ in fan-out in so many ways that a stage sees over `MAX_LEVELS` loads.
    """
    levels: dict[str, Floats] = {}
    found = []
    for stage in problem.pipeline.stages:
        levels[stage.name] = _levels(problem, stage, levels)
        found.append(_stage_options(problem, stage, levels[stage.name]))
    return tuple(found)


def undominated(problem: Problem, stages: Sequence[StageOptions]) -> tuple[StageOptions, ...]:
    """Return the options that some optimum, with its ties broken as promised, may need."""
    return tuple(
        StageOptions(s.stage, s.levels_rps, s.options.take(_undominated_rows(problem, s))) for s in stages
    )


def within_reach(problem: Problem, stages: Sequence[StageOptions]) -> tuple[StageOptions, ...]:
    """Drop options that break the SLO or the core budget whatever the other stages choose."""
    pipeline = problem.pipeline
    if any(len(s.options) == 0 for s in stages):
        return tuple(stages)
    least_s = {s.stage.name: float(s.options.latency_s.min()) for s in stages}
    around_s = _least_latency_around(problem, least_s)
    least_cores = {s.stage.name: float(s.options.cores.min()) for s in stages}
    total_cores = sum(least_cores.values())
    kept = []
    for s in stages:
        name = s.stage.name
        slo_s = pipeline.slo.latency_s * (1 + TOLERANCE)
        keep = s.options.latency_s + around_s[name] <= slo_s
        if problem.max_cores is not None:
            others = total_cores - least_cores[name]
            keep &= s.options.cores + others <= problem.max_cores * (1 + TOLERANCE)
        kept.append(StageOptions(s.stage, s.levels_rps, s.options.take(keep)))
    return tuple(kept)


def _levels(problem: Problem, stage: Stage, levels: dict[str, Floats]) -> Floats:
    """Return the loads that may reach *stage*, ascending."""
    if not stage.after:
        return np.array([problem.load_rps])
    arriving = []
    for edge in stage.after:
        fan_outs = edge_fan_outs(problem, edge.stage)
        arriving.append(np.unique(np.outer(levels[edge.stage], fan_outs * edge.fan_out)))
    floor = max(rates.min() for rates in arriving)
    every: Floats = np.unique(np.concatenate(arriving))
    merged: Floats = every[every >= floor]
    if len(merged) > MAX_LEVELS:
        raise UsageError(
            f"stage {stage.name!r} may see {len(merged)} different loads because the variants above "
            f"it differ in fan-out; at most {MAX_LEVELS} can be solved. Round the fan-outs"
        )
    return merged


def edge_fan_outs(problem: Problem, stage: str) -> Floats:
    """Return the distinct fan-outs of the variants that *stage* may run; of all where it may run none.

    A stage that may run none has no options, so the problem is infeasible whatever the stages below see.
    """
    variants = problem.pipeline.stage(stage).variants
    allowed = [v.fan_out for v in variants if problem.allows(stage, v.name)]
    return np.unique(np.array(allowed or [v.fan_out for v in variants], dtype=float))


@dataclass(frozen=True, slots=True)
class _Rows:
    """The (variant, batch) pairs of a stage before replicas are counted."""

    variant: Ints
    batch: Floats
    latency_s: Floats
    rate_rps: Floats
    scv: Floats
    cores: Floats
    accuracy: Floats
    factor: Floats
    load_time_s: Floats
    fan_out: Floats

    def take(self, rows: Mask | Ints) -> _Rows:
        return _Rows(*(getattr(self, field.name)[rows] for field in fields(self)))


def _rows(problem: Problem, stage: Stage) -> _Rows:
    rows = []
    by_name = sorted(range(len(stage.variants)), key=lambda i: stage.variants[i].name)
    for index in by_name:
        variant = stage.variants[index]
        if not problem.allows(stage.name, variant.name):
            continue
        slower = problem.belief.latency_factor(stage.name, variant.name)
        factor = problem.belief.accuracy_factor(stage.name, variant.name)
        for batch in stage.batches_of(variant):
            point = variant.points[batch]
            rows.append(
                (
                    index,
                    batch,
                    point.latency_s * slower,
                    point.throughput_rps / slower,
                    service_scv(point),
                    variant.cores,
                    variant.accuracy * factor,
                    factor,
                    variant.load_time_s,
                    variant.fan_out,
                )
            )
    columns = np.array(rows, dtype=float).reshape(-1, len(fields(_Rows))).T
    return _Rows(columns[0].astype(np.int64), *columns[1:])


def _stage_options(problem: Problem, stage: Stage, levels_rps: Floats) -> StageOptions:
    rows = _rows(problem, stage)
    at_levels = [
        _options_at(problem, stage, rows, level=i, load_rps=float(load)) for i, load in enumerate(levels_rps)
    ]
    columns = [
        np.concatenate([getattr(options, field.name) for options in at_levels]) for field in fields(Options)
    ]
    return StageOptions(stage, levels_rps, Options(*columns))


def _options_at(problem: Problem, stage: Stage, rows: _Rows, *, level: int, load_rps: float) -> Options:
    least, most = problem.replica_bounds[stage.name]
    if load_rps == 0:
        rows = rows.take(rows.batch == 1)  # a larger batch would never fill
    needed = problem.margins.headroom * load_rps / rows.rate_rps
    fewest = np.maximum(np.ceil(needed * (1 - TOLERANCE)), least)
    rows, replicas = _with_replicas(problem, rows, fewest, most, load_rps)
    filling_s = (rows.batch - 1) / load_rps if load_rps > 0 else np.zeros_like(rows.batch)
    latency_s = rows.latency_s + filling_s + _wait_s(problem, rows, replicas, load_rps)
    cores = replicas * rows.cores
    switching, changed = _change(problem, stage, rows, replicas)
    options = Options(
        level=np.full(len(replicas), level, dtype=np.int64),
        variant=rows.variant,
        batch=rows.batch.astype(np.int64),
        replicas=replicas.astype(np.int64),
        latency_s=latency_s,
        cores=cores,
        accuracy=rows.accuracy,
        factor=rows.factor,
        switching=switching,
        changed=changed,
        fan_out=rows.fan_out,
    )
    keep = np.isfinite(latency_s)
    if stage.max_cores is not None:
        keep &= cores <= stage.max_cores * (1 + TOLERANCE)
    return options.take(keep)


def _with_replicas(
    problem: Problem, rows: _Rows, fewest: Floats, most: int, load_rps: float
) -> tuple[_Rows, Floats]:
    """Give each row its replica counts: the fewest, and under a queueing margin all useful ones."""
    able = fewest <= most
    rows, fewest = rows.take(able), fewest[able]
    if problem.margins.wait_quantile is None or len(fewest) == 0:
        return rows, fewest
    counts = [
        _useful_counts(problem, rows, row, int(fewest[row]), most, load_rps) for row in range(len(fewest))
    ]
    lengths = np.array([len(c) for c in counts])
    repeated = np.repeat(np.arange(len(fewest)), lengths)
    return rows.take(repeated), np.concatenate(counts)


def _useful_counts(
    problem: Problem, rows: _Rows, row: int, fewest: int, most: int, load_rps: float
) -> Floats:
    """Return the counts from *fewest* to the first at which nothing waits any more."""
    counts = np.arange(fewest, most + 1, dtype=float)
    waits = _wait_s(problem, rows.take(np.full(len(counts), row)), counts, load_rps)
    enough = np.flatnonzero(waits == 0)
    return counts[: enough[0] + 1] if len(enough) else counts


def _wait_s(problem: Problem, rows: _Rows, replicas: Floats, load_rps: float) -> Floats:
    if problem.margins.wait_quantile is None:
        return np.zeros_like(replicas)
    return wait_quantile_s(
        load_rps=load_rps,
        batch=rows.batch,
        replicas=replicas,
        rate_rps=rows.rate_rps,
        scv=rows.scv,
        quantile=problem.margins.wait_quantile,
    )


def _change(problem: Problem, stage: Stage, rows: _Rows, replicas: Floats) -> tuple[Floats, Floats]:
    """Return the core-seconds of cold starts, and 1 where the setting is not the running one."""
    running = None if problem.running is None else problem.running.by_stage.get(stage.name)
    if problem.running is None:
        return np.zeros_like(replicas), np.zeros_like(replicas)
    if running is None:
        return replicas * rows.cores * rows.load_time_s, np.ones_like(replicas)
    names = np.array([v.name == running.variant for v in stage.variants])
    same = names[rows.variant]
    started = np.maximum(replicas - np.where(same, running.replicas, 0), 0)
    unchanged = same & (rows.batch == running.batch) & (replicas == running.replicas)
    return started * rows.cores * rows.load_time_s, (~unchanged).astype(float)


def _least_latency_around(problem: Problem, least_s: dict[str, float]) -> dict[str, float]:
    """Return, for each stage, the least latency of the rest of the longest path through it."""
    stages = problem.pipeline.stages
    before: dict[str, float] = {}
    for stage in stages:
        before[stage.name] = max((before[e.stage] + least_s[e.stage] for e in stage.after), default=0.0)
    after: dict[str, float] = {}
    for stage in reversed(stages):
        successors = problem.pipeline.successors[stage.name]
        after[stage.name] = max((after[n] + least_s[n] for n in successors), default=0.0)
    return {s.name: before[s.name] + after[s.name] for s in stages}


def charge(problem: Problem, options: Options) -> Floats:
    """Return what the weighted objective charges each option for cores, batch and cold starts."""
    o = problem.objective
    return o.beta * options.cores + o.delta * options.batch + o.rho * options.switching


def _undominated_rows(problem: Problem, s: StageOptions) -> Ints:
    """Return the rows that no other row makes superfluous, comparing only within groups."""
    measures = _measures(problem, s.options)
    groups = _groups(problem, s)
    kept = [
        rows[survivors(measures[rows])]
        for rows in (np.flatnonzero((groups == g).all(axis=1)) for g in np.unique(groups, axis=0))
    ]
    return np.sort(np.concatenate(kept)) if kept else np.arange(0)


def _groups(problem: Problem, s: StageOptions) -> Floats:
    """Return what two options must share to be comparable."""
    feeds_others = bool(problem.pipeline.successors[s.stage.name])
    columns = [s.options.level.astype(float)]
    if feeds_others:
        columns.append(s.options.fan_out)
    if problem.pipeline.accuracy == "measured":
        columns.append(s.options.variant.astype(float))
    return np.stack(columns, axis=1)


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
