"""The effective accuracy of every layout at every load: what Model-Switching looks up.

    EA(x; load, D) = P(latency <= D | x, load) * A(x)            a late answer counts as wrong

P is measured by a simulation of the pipeline: Poisson arrivals, first-in first-out stages with n servers,
log-normal service times with the profile's quantile and median at the smallest batch. All layouts and loads
see the same arrivals and the same random numbers, from one fixed seed, and are simulated at once, as rows of
arrays. It shares nothing with the twin that judges. Simplifications: a request's items start at a stage when
the last of its items above is done; a request brings the mean number of items, rounded so that their sum is
right; nothing is dropped; a load above a layout's capacity has P = 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from baselines._layouts import Layout, layouts
from core.pipeline import Pipeline, Stage
from core.problem import TOLERANCE
from core.queueing import Z_99

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

GRID_STEP = 0.05
"""Each load of the grid is as much above the last: fine where a layout saturates, whatever others carry."""
LEAST_USE = 0.1
"""Share of its capacity below which a layout is taken to do as it does there."""
NO_ACCURACY = 1e-6
"""Added to an accuracy: where all are zero (ranks can be), being in time still counts."""
REQUESTS, WARM_UP = 900, 100
"""Requests that are judged in each run, and those before them that only fill the queues."""
SEED = 2020
"""Of the arrivals and the service times."""
TABLES_KEPT = 64
"""Tables are kept in the process, one for each pipeline and number of cores."""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """What is known of the layouts of one pipeline on fixed cores."""

    layouts: tuple[Layout, ...]
    loads_rps: Floats
    """The grid, ascending."""
    effective: Floats
    """Effective accuracy, a row for each layout and a column for each load."""

    def column(self, load_rps: float) -> Floats:
        """Return the effective accuracy of every layout at the grid's next load, at most its last."""
        at = int(np.searchsorted(self.loads_rps, load_rps * (1 - TOLERANCE)))
        column: Floats = self.effective[:, min(at, len(self.loads_rps) - 1)]
        return column


@dataclass(frozen=True, slots=True)
class _Key:
    """A pipeline by its digest: hashing the whole of it would take longer than a decision."""

    digest: str
    cores: float
    pipeline: Pipeline = field(compare=False)


def table(pipeline: Pipeline, cores: float) -> Table:
    """Return the table of *pipeline* on *cores*; it is made once in a process.

    Raises:
        UsageError: no layout fits the cores, or there are too many.
    """
    return _made(_Key(pipeline.digest, cores, pipeline))


@lru_cache(maxsize=TABLES_KEPT)
def _made(key: _Key) -> Table:
    found = layouts(key.pipeline, key.cores)
    capacity = np.array([layout.capacity_rps for layout in found])
    loads = _grid(LEAST_USE * capacity.min(), capacity.max())
    used = loads[None, :] / capacity[:, None]
    row, column = np.nonzero((used >= LEAST_USE) & (used <= 1 + TOLERANCE))
    in_time = _in_time(key.pipeline, [found[i] for i in row], loads[column])
    effective = np.zeros((len(found), len(loads)))
    effective[row, column] = in_time * np.array([found[i].accuracy + NO_ACCURACY for i in row])
    for i, of_layout in enumerate(effective):
        of_layout[used[i] < LEAST_USE] = of_layout[used[i] >= LEAST_USE][0]
    return Table(found, loads, effective)


def _grid(least_rps: float, most_rps: float) -> Floats:
    """Return loads down from *most_rps* to *least_rps*, ascending."""
    steps = math.ceil(math.log(most_rps / least_rps) / math.log1p(GRID_STEP))
    return np.array([most_rps / (1 + GRID_STEP) ** back for back in range(steps, -1, -1)])


def _in_time(pipeline: Pipeline, runs: list[Layout], loads_rps: Floats) -> Floats:
    """Return the share of requests within the SLO, for each run."""
    random = np.random.default_rng(SEED)
    arrivals = np.cumsum(random.exponential(size=REQUESTS + WARM_UP)) / loads_rps[:, None]
    finish: dict[str, Floats] = {}
    for i, stage in enumerate(pipeline.stages):
        ready = arrivals
        for edge in stage.after:
            ready = np.maximum(ready, finish[edge.stage])
        seed = int(random.integers(2**32))
        finish[stage.name] = _served(stage, i, runs, ready, seed)
    latency_s = np.maximum.reduce(list(finish.values())) - arrivals
    share: Floats = (latency_s[:, WARM_UP:] <= pipeline.slo.latency_s).mean(axis=1)
    return share


def _served(stage: Stage, column: int, runs: list[Layout], ready: Floats, seed: int) -> Floats:
    """Return when *stage* is done with each request that is ready for it, a row for each run."""
    done = ready.copy()
    median_s, sigma = np.array([_service(stage, run, column) for run in runs]).T
    servers = np.array([run.configuration.stages[column].replicas for run in runs])
    for rows, share in _alike([run.shares[column] for run in runs]):
        first, owner = _items(share, ready.shape[1])
        if not len(owner):
            continue
        normal = np.random.default_rng(seed).standard_normal(len(owner))
        service_s = median_s[rows, None] * np.exp(sigma[rows, None] * normal)
        ended = _queue(ready[rows][:, owner], service_s, servers[rows])
        owners = owner[first]
        done[np.ix_(rows, owners)] = np.maximum.reduceat(ended, first, axis=1)
    return done


def _service(stage: Stage, run: Layout, column: int) -> tuple[float, float]:
    """Return the median of the service time in seconds, and the deviation of its logarithm.

    Where no median was measured, it is taken from the throughput, which is one over the mean.
    """
    setting = run.configuration.stages[column]
    point = stage.variant(setting.variant).at(setting.batch)
    median_s = point.median_s or setting.batch / point.throughput_rps
    median_s = min(median_s, point.latency_s)
    return median_s, math.log(point.latency_s / median_s) / Z_99


def _alike(shares: list[float]) -> Iterator[tuple[Ints, float]]:
    """Yield the runs in which a request brings equally many items, with that number."""
    values = np.array(shares)
    for share in np.unique(values):
        yield np.flatnonzero(values == share), float(share)


def _items(share: float, requests: int) -> tuple[Ints, Ints]:
    """Return the first item of each request that has any, and the request that each item belongs to."""
    so_far = np.floor(share * np.arange(requests + 1) + TOLERANCE).astype(np.int64)
    counts = np.diff(so_far)
    return so_far[:-1][counts > 0], np.repeat(np.arange(requests), counts)


def _queue(arriving: Floats, service_s: Floats, servers: Ints) -> Floats:
    """Return when each item leaves a first-in first-out queue with that many servers, row by row."""
    order = np.argsort(arriving, axis=1, kind="stable")
    times = np.take_along_axis(arriving, order, axis=1)
    free = np.where(np.arange(servers.max()) < servers[:, None], 0.0, np.inf)
    rows = np.arange(len(servers))
    ended = np.empty_like(times)
    for i in range(times.shape[1]):
        server = free.argmin(axis=1)
        end = np.maximum(free[rows, server], times[:, i]) + service_s[:, i]
        free[rows, server] = end
        ended[:, i] = end
    left = np.empty_like(ended)
    np.put_along_axis(left, order, ended, axis=1)
    return left
