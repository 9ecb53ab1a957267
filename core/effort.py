"""The best effort where nothing is feasible: what serves most requests in time inside the hard limits.

Hard are the replica bounds, the cores and what is excluded. An accuracy floor is not: it goes first,
and then the most accurate configuration that carries the load is taken. Where the load itself is too
much, the largest load that can be served in time is served, by the configuration best at that load.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.ilp import optimum
from core.objective import Objective
from core.problem import Problem
from core.solution import Optimum
from core.solve import explain


@dataclass(frozen=True, slots=True)
class BestEffort:
    """The relaxed problem that was solved instead, with its optimum."""

    problem: Problem
    optimum: Optimum
    given_up: str
    """What was given up, in one line."""
    needed: tuple[str, ...]
    """What would make the problem feasible as it was asked."""


def best_effort(problem: Problem) -> BestEffort | None:
    """Return the best effort for an infeasible problem; None where no load at all can be served in time.

    Raises:
        SolverError: a solver ended without a proof.
    """
    reasons = explain(problem)
    needed = tuple(r.statement for r in reasons.relaxations)
    relaxed = _without_floor(problem)
    given_up = []
    if relaxed is not problem:
        given_up.append(f"the accuracy floor of {problem.objective.min_accuracy:g}")
        best = optimum(relaxed)
        if best is not None:
            return BestEffort(relaxed, best, given_up[0], needed)
        reasons = explain(relaxed)
    loads_rps = [r.needed for r in reasons.relaxations if r.limit == "load"]
    smaller = relaxed.replaced(load_rps=loads_rps[0]) if loads_rps else None
    best = None if smaller is None else optimum(smaller)
    if smaller is None or best is None:
        return None
    given_up.append(f"{problem.load_rps - smaller.load_rps:.4g} of {problem.load_rps:.4g} rps")
    return BestEffort(smaller, best, " and ".join(given_up), needed)


def _without_floor(problem: Problem) -> Problem:
    if not problem.objective.min_accuracy:
        return problem
    return problem.replaced(objective=Objective(maximise="accuracy"))
