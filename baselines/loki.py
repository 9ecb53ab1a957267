"""Loki (HPDC 2024): hardware scaling while it suffices, then accuracy scaling, on a cluster of fixed size.

Published, with x_v servers for variant v, shares c_p of the traffic on paths p of variants, S servers:

    step 1   only the most accurate variants: min sum x_v
    step 2   if step 1 is infeasible: max sum_p c_p A_p, A_p the product of the path's accuracies
    s.t.     what reaches v, beta times over, is at most x_v h(v, b);  sum x <= S
             a path that is used has a latency of at most D / 2: a request may wait a whole batch first
    demand   exponentially weighted mean of 1-s samples, centre of mass 1.6 s, at least 50 rps; beta 1.05

Variants differ in how much they send on, so a lighter variant above may also mean less load below.
Source: Loki's simulator (pipeline_ilp.py) and its configurations.

Assumptions made to fit this product:
- a configuration has one variant per stage, so one path has all the traffic. Both steps are then one choice:
  most accurate, then fewest cores (step 2 alone would spend idle servers anyhow). Mixing variants would
  gain accuracy between two capacities only, which is where a cluster is nearly saturated;
- servers are cores, and a replica takes its variant's. The cluster is what the exact optimum needs at the
  planned peak: what an operator would buy, and no more than other policies use there. Where nothing is
  feasible at that peak it is all the pipeline may use. `cluster_cores` sets another size;
- batches are the profiled ones; of equal choices the fastest is taken, as batches here wait to fill;
- accuracies in the pipeline's own mode. Loki takes the product, of accuracies relative to the best: the
  same order in `product` mode, and better informed where a joint table was measured;
- beta multiplies the load of every stage, the first included;
- where neither step fits, the code fails. Ours serves the largest share of the load, then the most accurate;
  where no path takes D / 2, the fastest do. The twin drops what expires;
- the floor of 50 rps is for clusters of its size: a parameter, 0 by default. It decides every interval
  (10 s), not every second; routing by accuracy and opportunistic rerouting have no counterpart.

Exact: every combination of variants and batches is looked at (`baselines._joint`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from baselines._joint import Floats, Ints, Joint, joint
from baselines._loads import Predictor
from baselines._room import Room, lightest, room_of
from baselines.policy import Situation, register
from core.configuration import Configuration
from core.problem import TOLERANCE, Problem
from core.solution import Infeasible, Optimum
from core.solve import solve

CENTRE_OF_MASS_S = 1.6
"""Of the weights of the mean: each second counts 1.6 / 2.6 of the next."""
OVER_PROVISION = 1.05
"""beta."""
DEADLINE_SHARE = 0.5
"""Share of the SLO that service may take; the rest is for waiting."""


@register("loki")
@dataclass(slots=True)
class Loki:
    """Its state: the demand it estimates, the size of its cluster, and all combinations, laid out once."""

    foresight: ClassVar[bool] = False
    beta: float = OVER_PROVISION
    """Capacity for each request expected."""
    least_rps: float = 0.0
    """Demand that is always provided for, in requests per second."""
    cluster_cores: float | None = None
    """S, in cores; None for what the exact optimum needs at the planned peak."""
    predictor: Predictor = "observed"
    demand_rps: float | None = field(default=None, init=False)
    combinations: Joint | None = field(default=None, init=False)

    def decide(self, situation: Situation) -> Configuration:
        """Return the most accurate configuration that carries the demand, or what carries most of it."""
        if self.cluster_cores is None:
            self.cluster_cores = planned_cores(situation)
        rows = self.combinations = self.combinations or joint(situation.pipeline)
        load_rps = self.beta * max(self._demand_rps(situation), self.least_rps)
        cluster = _Cluster.of(rows, room_of(situation), self.cluster_cores)
        chosen = cluster.most_accurate(load_rps) or cluster.most_served(load_rps)
        return chosen or lightest(situation, load_rps)

    def _demand_rps(self, situation: Situation) -> float:
        for sample in () if situation.observation is None else situation.observation.loads_rps:
            if sample is not None:
                before = sample if self.demand_rps is None else self.demand_rps
                self.demand_rps = before + (sample - before) / (1 + CENTRE_OF_MASS_S)
        if self.predictor == "shared" or self.demand_rps is None:
            return situation.forecast.upper_rps
        return self.demand_rps


def planned_cores(situation: Situation) -> float:
    """Return the cores of the exact optimum at the planned peak; where there is none, all there may be."""
    problem = Problem.of(
        situation.pipeline, situation.planned_rps, margins=situation.margins, belief=situation.belief
    )
    match solve(problem):
        case Optimum(prediction=prediction):
            return prediction.cores
        case Infeasible():
            return math.inf if problem.max_cores is None else problem.max_cores


@dataclass(frozen=True, slots=True)
class _Cluster:
    """The combinations that keep the deadline, and what they may use."""

    rows: Joint
    usable: Ints
    """Rows that keep the deadline, or the fastest where none does."""
    latency_s: Floats
    least: Floats
    """Fewest replicas by stage."""
    most: Floats
    """Most replicas by row and stage."""
    cores: float

    @classmethod
    def of(cls, rows: Joint, room: Room, cores: float) -> _Cluster:
        """Return what *cores* can do within *room*."""
        latency_s = rows.longest_path_s(rows.latency_s)
        deadline_s = DEADLINE_SHARE * rows.pipeline.slo.latency_s
        kept = latency_s <= max(deadline_s, float(latency_s.min())) * (1 + TOLERANCE)
        names = [stage.name for stage in rows.pipeline.stages]
        most = rows.most(np.array([room.bounds[n][1] for n in names]))
        least: Floats = np.array([room.bounds[n][0] for n in names], dtype=float)
        kept &= (least <= most).all(axis=1)
        limit = cores if room.max_cores is None else min(cores, room.max_cores)
        return cls(rows, np.flatnonzero(kept), latency_s, least, most, limit * (1 + TOLERANCE))

    def most_accurate(self, load_rps: float) -> Configuration | None:
        """Return the most accurate configuration that carries the load, of those the cheapest."""
        replicas = np.maximum(self.rows.fewest(load_rps), self.least)
        cores = (replicas * self.rows.cores).sum(axis=1)
        fits = (cores <= self.cores) & (replicas <= self.most).all(axis=1)
        able = self.usable[fits[self.usable]]
        if not len(able):
            return None
        order = np.lexsort((self.latency_s[able], cores[able], -self.rows.accuracy[able]))
        best = int(able[order[0]])
        return self.rows.configuration(best, replicas[best])

    def most_served(self, load_rps: float) -> Configuration | None:
        """Return what serves the largest share of the load, of those the most accurate, then the cheapest.

        Rows are tried by what they would serve with fractions of replicas, which no whole numbers beat.
        """
        needed = load_rps * self.rows.share / self.rows.rate_rps
        with np.errstate(divide="ignore"):
            bound = self.cores / (needed * self.rows.cores).sum(axis=1)
        best: tuple[float, float, float] | None = None
        chosen: Configuration | None = None
        for row in self.usable[np.argsort(-bound[self.usable], kind="stable")].tolist():
            if best is not None and bound[row] < best[0] * (1 - TOLERANCE):
                break
            replicas = self._most_even(row, needed[row])
            if replicas is None:
                continue
            loaded = needed[row] > 0
            share = float((replicas[loaded] / needed[row][loaded]).min())
            key = (share, float(self.rows.accuracy[row]), -float((replicas * self.rows.cores[row]).sum()))
            if best is None or key > best:
                best, chosen = key, self.rows.configuration(row, replicas)
        return chosen

    def _most_even(self, row: int, needed: Floats) -> Floats | None:
        """Return the replicas of a row that serve the largest share; None where it cannot even be started.

        The share is bound by a whole number of replicas of some stage, so those are all that need be tried.
        """
        whole = np.arange(1, self.most[row].max() + 1)
        shares = (whole[:, None] / needed[needed > 0]).ravel()
        counts = np.maximum(np.ceil(shares[:, None] * needed * (1 - TOLERANCE)), self.least)
        fits = (counts <= self.most[row]).all(axis=1) & (counts @ self.rows.cores[row] <= self.cores)
        if not fits.any():
            return None
        most: Floats = counts[np.where(fits, shares, -1.0).argmax()]
        return most
