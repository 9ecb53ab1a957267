"""Perfect foresight: the best plan for the whole episode, cold starts included. No policy can know it.

At decision k, at time t_k, a configuration must carry the true load of [t_k, t_k + interval + slowest
cold start), with the margins and averaged over what requests may wait (`core.patience`): no error of
forecast is left. The candidates are the exact optima at each of those loads. Among all ways through them
the plan is the one with the largest sum over the decisions of

    objective(configuration) - beta * cold(previous, configuration) / interval,

cold being the core-seconds that replicas load while the old ones serve, as a cluster charges them. It is
found by dynamic programming, backwards, and exact over these candidates. A candidate is allowed at a load
if the verifier finds it feasible there; where none is, the one with the most capacity is best. On a
pipeline without cold starts this is the optimum of every interval by itself.

What the situation believes is taken for true; when it changes, or a decision was left out, the rest of the
episode is planned again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from baselines.policy import Situation, register
from core.belief import Belief
from core.configuration import Configuration
from core.errors import UsageError
from core.patience import averaged_rps, averaged_s
from core.prediction import predict
from core.problem import Problem
from core.solution import Optimum
from core.solve import solve
from core.verify import feasible

Floats = NDArray[np.float64]

STEP_RPS = 0.25
"""Loads are rounded up to a multiple of it, so that loads that are equal enough share one solution."""
OVERLOADED = -1e9
"""Added to the value of what cannot carry the load; finite, so that the plan with fewest of them is found."""
PLANS = 256
"""Plans kept: an evaluation's seeds share a trace."""


@register("oracle")
@dataclass(slots=True)
class Oracle:
    """Plans with the truth; whoever runs it must hand it the future."""

    foresight: ClassVar[bool] = True
    plan: list[Configuration] = field(default_factory=list)
    """What is still to come, next first."""
    believed: Belief | None = None
    """What the plan rests on."""

    def decide(self, situation: Situation) -> Configuration:
        """Return the next configuration of the plan.

        Raises:
            UsageError: the future was not given, or nothing is feasible at any load of it.
        """
        if situation.belief != self.believed or len(self.plan) != len(_decisions(situation)):
            self.plan = list(_planned(_Given(situation)))
            self.believed = situation.belief
        return self.plan.pop(0)


def needed_rps(situation: Situation) -> list[float]:
    """Return the load that each decision from now on must carry, in requests per second.

    Raises:
        UsageError: the future was not given.
    """
    means = [rps or 0.0 for rps in averaged_rps(_future(situation), averaged_s(situation.pipeline))]
    loading_s = max(v.load_time_s for stage in situation.pipeline.stages for v in stage.variants)
    span = math.ceil(situation.interval_s + loading_s)
    tops = [max(means[at : at + span]) for at in _decisions(situation)]
    if situation.running is None:
        tops[0] = max(means[: int(situation.interval_s)])  # what is chosen first is ready at once
    return [math.ceil(top / STEP_RPS) * STEP_RPS for top in tops]


def _future(situation: Situation) -> tuple[float, ...]:
    if not situation.future_rps:
        raise UsageError("the oracle decides by the true load; run it where that is given")
    return situation.future_rps


def _decisions(situation: Situation) -> range:
    """Return the seconds from now at which decisions fall, the present one first."""
    return range(0, len(_future(situation)), int(situation.interval_s))


class _Given:
    """A situation, compared by what a plan depends on."""

    def __init__(self, situation: Situation) -> None:
        self.situation = situation
        self._key = (
            situation.pipeline.digest,
            situation.margins,
            situation.belief,
            situation.running,
            situation.future_rps,
            situation.interval_s,
        )

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Given) and self._key == other._key

    def at(self, load_rps: float) -> Problem:
        """Return the problem at a load, without what runs."""
        given = self.situation
        return Problem.of(given.pipeline, load_rps, margins=given.margins, belief=given.belief)


@lru_cache(maxsize=PLANS)
def _planned(given: _Given) -> tuple[Configuration, ...]:
    """Return the best configuration for each decision of what is left of the episode."""
    situation = given.situation
    loads = needed_rps(situation)
    candidates = _candidates(given, sorted(set(loads)))
    worth = {load: _values(given.at(load), candidates) for load in set(loads)}
    charge = situation.pipeline.objective.beta / situation.interval_s
    pipeline = situation.pipeline
    cold = np.array([[b.switching(pipeline, a) for b in candidates] for a in candidates])
    begin = np.array([b.switching(pipeline, situation.running) for b in candidates])
    way = _best_way([worth[load] for load in loads], -charge * cold, -charge * begin)
    return tuple(candidates[k] for k in way)


def _candidates(given: _Given, loads: Sequence[float]) -> tuple[Configuration, ...]:
    """Return the optima at *loads*, and what runs."""
    running = given.situation.running
    found = {} if running is None else {running: None}
    solutions = [solve(given.at(load)) for load in loads]
    found |= {s.configuration: None for s in solutions if isinstance(s, Optimum)}
    if not found:
        raise UsageError("nothing is feasible at any load of the episode; `trimtab solve` says why")
    return tuple(found)


def _values(problem: Problem, candidates: Sequence[Configuration]) -> Floats:
    """Return the objective of each candidate; far below all others where it cannot carry the load.

    `cost` counts cores, so less is better there; among what is overloaded more capacity is better.
    """
    sign = -1.0 if problem.objective.kind == "cost" else 1.0
    found = []
    for candidate in candidates:
        predicted = predict(problem, candidate)
        if feasible(problem, candidate) and predicted.objective is not None:
            found.append(sign * predicted.objective)
        else:
            shares = (s.capacity_rps / s.load_rps for s in predicted.stages if s.load_rps > 0)
            carried = min(shares, default=1.0)
            found.append(OVERLOADED * (1.0 - min(carried, 1.0) / 2))
    return np.array(found)


def _best_way(worth: Sequence[Floats], switching: Floats, begin: Floats) -> list[int]:
    """Return the candidate of each decision, by Bellman's recursion from the end."""
    ahead = np.zeros(len(begin))
    choices: list[NDArray[np.intp]] = []
    for values in reversed(worth[1:]):
        totals = switching + (values + ahead)[None, :]
        choices.append(totals.argmax(axis=1))
        ahead = totals.max(axis=1)
    way = [int((begin + worth[0] + ahead).argmax())]
    for choice in reversed(choices):
        way.append(int(choice[way[-1]]))
    return way
