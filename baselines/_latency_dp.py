"""FA2's dynamic programme: the cheapest batch of every stage within the end-to-end latency.

    F_0[0] = 0
    F_s[t + T] = min over t and options of  F_{s-1}[t] + cost      T = l_s(b) + q_s(b), t + T <= SLO

over a grid of latencies, as FA2's first author coded it in Themis. A latency is rounded up to the grid, so
what is found keeps the SLO; what is lost is at most one step of the grid a stage.

A DAG, in our reading of "graph transformation": the critical path, the one that is longest when every
stage takes its fastest option, is solved as a chain. That fixes when its stages start and finish. What is
left is solved likewise, path by path, between those times. Exact on chains; on a DAG the answer keeps the
SLO on every path but may cost more than the optimum, as the critical path decides first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.pipeline import Pipeline
from core.problem import TOLERANCE

STEPS = 1000
"""Steps of the grid from 0 to the SLO: Themis has one a millisecond, for SLOs of 300 to 700 ms."""


@dataclass(frozen=True, slots=True)
class Option:
    """One way to run a stage."""

    batch: int
    replicas: int
    latency_s: float
    """Service and filling."""
    cost: float


def cheapest(pipeline: Pipeline, options: Mapping[str, Sequence[Option]]) -> Mapping[str, Option] | None:
    """Return one option a stage, of least total cost on a chain, within the SLO; None where none fits."""
    if not all(options.values()):
        return None
    plan = _Plan(pipeline, options, _cells(pipeline, options))
    while len(plan.chosen) < len(pipeline.stages):
        if not plan.solve(plan.critical_path()):
            return None
    return plan.chosen


def _cells(pipeline: Pipeline, options: Mapping[str, Sequence[Option]]) -> dict[str, list[int]]:
    step_s = pipeline.slo.latency_s / STEPS
    return {
        name: [int(min(np.ceil(o.latency_s / step_s * (1 - TOLERANCE)), STEPS + 1)) for o in of_stage]
        for name, of_stage in options.items()
    }


@dataclass(slots=True)
class _Plan:
    """What is decided so far: options, and when their stages start and finish, in steps."""

    pipeline: Pipeline
    options: Mapping[str, Sequence[Option]]
    cells: Mapping[str, Sequence[int]]
    chosen: dict[str, Option] = field(default_factory=dict)
    start: dict[str, int] = field(default_factory=dict)
    finish: dict[str, int] = field(default_factory=dict)

    def critical_path(self) -> list[str]:
        """Return the undecided path that is longest when every stage is at its fastest."""
        length: dict[str, int] = {}
        path: dict[str, list[str]] = {}
        for stage in self.pipeline.stages:
            name = stage.name
            if name in self.chosen:
                continue
            before = [e.stage for e in stage.after if e.stage in length]
            longest = max(before, key=lambda n: length[n], default=None)
            length[name] = min(self.cells[name]) + (0 if longest is None else length[longest])
            path[name] = [*([] if longest is None else path[longest]), name]
        return path[max(length, key=lambda n: length[n])]

    def solve(self, path: Sequence[str]) -> bool:
        """Choose the cheapest options along *path* between what is decided; say whether any fit."""
        release, due = self._windows()
        by: NDArray[np.float64] = np.zeros(STEPS + 1)
        tables = []
        for name in path:
            cost, pick = self._finishing(name, by, release[name], due[name])
            by = np.minimum.accumulate(cost)
            tables.append((cost, pick))
        if np.isinf(by[-1]):
            return False
        latest = STEPS
        for name, (cost, pick) in zip(reversed(path), reversed(tables), strict=True):
            finish = int(np.argmin(cost[: latest + 1]))
            option = int(pick[finish])
            self.chosen[name] = self.options[name][option]
            self.finish[name], self.start[name] = finish, finish - self.cells[name][option]
            latest = self.start[name]
        return True

    def _finishing(
        self, name: str, by: NDArray[np.float64], release: int, due: int
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return, by finishing step, the least cost so far and the option that has it.

        *by* is the least cost with which the stages before have finished by a step.
        """
        cost = np.full(STEPS + 1, np.inf)
        pick = np.zeros(STEPS + 1, dtype=np.int64)
        for i, (option, cells) in enumerate(zip(self.options[name], self.cells[name], strict=True)):
            if release + cells > due:
                continue
            reached = by[release : due - cells + 1] + option.cost
            window = slice(release + cells, due + 1)
            better = reached < cost[window]
            cost[window] = np.where(better, reached, cost[window])
            pick[window] = np.where(better, i, pick[window])
        return cost, pick

    def _windows(self) -> tuple[dict[str, int], dict[str, int]]:
        """Return when each undecided stage can start at the earliest and must have finished."""
        release: dict[str, int] = {}
        due: dict[str, int] = {}
        for stage in self.pipeline.stages:
            before = [e.stage for e in stage.after]
            ready = [self.finish.get(n, release[n] + min(self.cells[n])) for n in before]
            release[stage.name] = max(ready, default=0)
        for stage in reversed(self.pipeline.stages):
            after = self.pipeline.successors[stage.name]
            needed = [self.start.get(n, due[n] - min(self.cells[n])) for n in after]
            due[stage.name] = min(needed, default=STEPS)
        return release, due
