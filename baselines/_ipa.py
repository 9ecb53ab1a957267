"""IPA's optimization model, solved exactly by enumeration: what IPA, and its RIM, decide by.

    max   alpha * A(variants) - beta * sum_s n_s R_s - delta * sum_s b_s
    s.t.  sum over every path of [ l_s(b_s) + q_s ] <= SLO
          n_s * h_s(b_s) >= load_s          no headroom
          1 <= n_s <= 100, b_s <= batch cap, one variant for each stage

Source: Ghafouri et al., "IPA", JSys 4(1) 2024, arXiv 2308.12871, equations 8 and 9; the scaling cap is its
code's. A is the pipeline's accuracy in its own mode, R_s the cores of a replica; latency and throughput are
the profiled points, as in IPA's code. `queue` says which q_s:

    "paper"   q_s = (b_s - 1) / load_s: the first item waits until its batch is full
    "code"    q_s = |M_s| (1 - B) / load_s, B the number of distinct batch sizes, |M_s| of variants: the
              published code takes 1 from each 0/1 indicator of a batch, not from the batch; the term is
              a constant below zero that only loosens the SLO

Assumptions, ours: load_s is the pipeline's load times the fan-out above (IPA has none); on a DAG the SLO
holds on every path (IPA's are chains); limits on cores hold; where the pipeline's objective is least cost or
best accuracy, that replaces the weighted sum, with its floor as a constraint (as IPA's code can have).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from baselines._joint import Floats, Joint, distinct_batches, joint
from baselines._room import Room
from core.configuration import Configuration
from core.objective import Objective
from core.pipeline import Pipeline
from core.problem import TOLERANCE

Queue = Literal["paper", "code"]

SCALING_CAP = 100
"""Most replicas of a stage, in IPA's configuration files."""
BATCH_CAP = 8
"""Largest batch, in IPA's configuration of its video pipeline; the other four have 1."""
TIE = 1e-12
"""Relative difference of two objectives that counts as none: rounding, and far below IPA's delta of 1e-6."""
LEAST_LOAD_RPS = 1.0
"""No load is rounded to nothing: at 0 a batch would never fill."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """The model of one pipeline."""

    rows: Joint
    queue: Queue
    batches: int
    """Distinct batch sizes, for the code's queue term."""

    def best(
        self, load_rps: float, room: Room, *, fixed: Mapping[str, int] | None = None
    ) -> Configuration | None:
        """Return the optimum at *load_rps*, or None where nothing is feasible.

        *fixed* replicas, by stage, take the choice of replicas away.
        """
        rows, stages = self.rows, self.rows.pipeline.stages
        least = np.array([room.least(s) for s in stages])
        fewest = rows.fewest(load_rps)
        most = rows.most(np.array([min(room.bounds[s.name][1], SCALING_CAP) for s in stages]))
        if fixed is None:
            replicas = np.maximum(fewest, np.maximum(least, 1))
        else:
            replicas = np.broadcast_to([float(fixed[s.name]) for s in stages], fewest.shape)
        cores = (replicas * rows.cores).sum(axis=1)
        feasible = ((replicas >= fewest) & (replicas <= most)).all(axis=1) & self._in_time(load_rps)
        if room.max_cores is not None:
            feasible &= cores <= room.max_cores * (1 + TOLERANCE)
        objective = rows.pipeline.objective
        if objective.min_accuracy is not None:
            feasible &= rows.accuracy >= objective.min_accuracy * (1 - TOLERANCE)
        if not feasible.any():
            return None
        score = np.where(feasible, _gain(objective, rows, cores), -np.inf)
        row = _first_of_the_best(score, cores)
        return rows.configuration(row, replicas[row])

    def _in_time(self, load_rps: float) -> Mask:
        rows = self.rows
        latency_s = rows.longest_path_s(rows.latency_s + self._queue_s(load_rps))
        in_time: Mask = latency_s <= rows.pipeline.slo.latency_s * (1 + TOLERANCE)
        return in_time

    def _queue_s(self, load_rps: float) -> Floats:
        if self.queue == "paper":
            return self.rows.filling_s(load_rps)
        variants = np.array([len(s.variants) for s in self.rows.pipeline.stages])
        return variants * (1 - self.batches) / (load_rps * self.rows.share)


def model_of(pipeline: Pipeline, *, queue: Queue, batch_cap: int) -> Model:
    """Return the model of *pipeline*.

    Raises:
        UsageError: it is too large, or a stage has no batch that small.
    """
    return Model(joint(pipeline, batch_cap), queue, distinct_batches(pipeline, batch_cap))


def whole_rps(predicted_rps: float, margin: float) -> float:
    """Return the load IPA solves for: the prediction and its margin in whole requests, as in its code."""
    return max(float(round(predicted_rps * (1 + margin))), LEAST_LOAD_RPS)


def _gain(objective: Objective, rows: Joint, cores: Floats) -> Floats:
    if objective.kind == "cost":
        return -cores
    if objective.kind == "accuracy":
        return rows.accuracy
    weighted: Floats = (
        objective.alpha * rows.accuracy - objective.beta * cores - objective.delta * rows.batch.sum(axis=1)
    )
    return weighted


def _first_of_the_best(score: Floats, cores: Floats) -> int:
    """Return the row of the best score; of equal ones that of the fewest cores, then the first."""
    best = score.max()
    tied = np.flatnonzero(score >= best - TIE * max(1.0, abs(best)))
    return int(tied[np.argmin(cores[tied])])
