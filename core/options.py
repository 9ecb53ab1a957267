"""The settings worth considering at each stage: the reduction before any model is built.

At load L_s a (variant, batch) needs at least n = ceil(headroom * L_s / h) replicas, and nothing in
the problem ever rewards more: cores and switching grow with n, accuracy and (without a queueing
margin) latency do not depend on it. With a queueing margin latency falls with n, so every n up to the
one at which the wait vanishes is an option.

Load levels. Where variants of a stage differ in fan-out, the stages below may see several loads, one
*level* each; options are worked out per level.
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
from core.profile import Pairs, pairs_of
from core.queueing import wait_quantile_s

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

MAX_LEVELS = 2048
"""Loads one stage may see; beyond it the model would not fit in memory in a useful time."""


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


def _stage_options(problem: Problem, stage: Stage, levels_rps: Floats) -> StageOptions:
    rows = pairs_of(problem, stage)
    at_levels = [
        _options_at(problem, stage, rows, level=i, load_rps=float(load)) for i, load in enumerate(levels_rps)
    ]
    columns = [
        np.concatenate([getattr(options, field.name) for options in at_levels]) for field in fields(Options)
    ]
    return StageOptions(stage, levels_rps, Options(*columns))


def _options_at(problem: Problem, stage: Stage, rows: Pairs, *, level: int, load_rps: float) -> Options:
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
    problem: Problem, rows: Pairs, fewest: Floats, most: int, load_rps: float
) -> tuple[Pairs, Floats]:
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
    problem: Problem, rows: Pairs, row: int, fewest: int, most: int, load_rps: float
) -> Floats:
    """Return the counts from *fewest* to the first at which nothing waits any more."""
    counts = np.arange(fewest, most + 1, dtype=float)
    waits = _wait_s(problem, rows.take(np.full(len(counts), row)), counts, load_rps)
    enough = np.flatnonzero(waits == 0)
    return counts[: enough[0] + 1] if len(enough) else counts


def _wait_s(problem: Problem, rows: Pairs, replicas: Floats, load_rps: float) -> Floats:
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


def _change(problem: Problem, stage: Stage, rows: Pairs, replicas: Floats) -> tuple[Floats, Floats]:
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
