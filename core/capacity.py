"""Why a stage has no option at all: its own bounds against the load that reaches it."""

from __future__ import annotations

import numpy as np

from core.options import StageOptions, all_options
from core.problem import TOLERANCE, Problem
from core.profile import Floats, Pairs, pairs_of
from core.solution import Binding


def stages_without_options(problem: Problem) -> tuple[Binding, ...]:
    """Return what keeps each stage without options from having any, one reason a stage."""
    return tuple(_reason(problem, s) for s in all_options(problem) if len(s.options) == 0)


def _reason(problem: Problem, s: StageOptions) -> Binding:
    name = s.stage.name
    least, most = problem.replica_bounds[name]
    pairs = pairs_of(problem, s.stage)
    load_rps = float(s.levels_rps.min())
    if len(pairs) == 0:
        return Binding(f"excluded[{name}]", 0, 1, f"stage {name!r} has 0 variants left, 1 is needed")
    if most < least:
        statement = (
            f"stage {name!r} can get {most} replicas at present, {least - most} below its least {least}"
        )
        return Binding(f"replicas.min[{name}]", most, least, statement)
    counts = _most_replicas(problem, s, pairs)
    if not (counts >= least).any():
        return _too_wide(s, float(least * pairs.cores.min()))
    pairs, counts = pairs.take(counts >= least), counts[counts >= least]
    if load_rps == 0:
        return _never_fills(name, int(pairs.batch.min()))
    carried, needed = float((counts * pairs.rate_rps).max()), load_rps * problem.margins.headroom
    return Binding(
        f"capacity[{name}]",
        carried,
        needed,
        f"stage {name!r} carries at most {carried:.6g} rps within its limits (replicas {least}..{most}"
        + (f", {s.stage.max_cores:g} cores" if s.stage.max_cores else "")
        + (f"), {needed:.6g} are needed" if carried < needed else f"), more than {needed:.6g} are needed"),
    )


def _most_replicas(problem: Problem, s: StageOptions, pairs: Pairs) -> Floats:
    """Return how many replicas each pair may have, within the stage's bounds and cores."""
    most: Floats = np.full(len(pairs), float(problem.replica_bounds[s.stage.name][1]))
    if s.stage.max_cores is not None:
        most = np.minimum(most, np.floor(s.stage.max_cores * (1 + TOLERANCE) / pairs.cores))
    return most


def _too_wide(s: StageOptions, cores: float) -> Binding:
    limit = s.stage.max_cores or 0.0
    name = s.stage.name
    statement = (
        f"the least replicas of stage {name!r} take {cores:.6g} cores, {cores - limit:.6g} over its limit of "
        f"{limit:.6g}"
    )
    return Binding(f"stage cores[{name}]", cores, limit, statement)


def _never_fills(name: str, batch: int) -> Binding:
    statement = (
        f"no items reach stage {name!r}, so its smallest batch, {batch}, {batch - 1} above 1, never fills: "
        "profile it at batch 1"
    )
    return Binding(f"batch[{name}]", batch, 1, statement)
