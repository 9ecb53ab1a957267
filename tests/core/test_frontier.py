"""The whole frontier against full enumeration, and against the integer programme."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.frontier import FrontierPoint, frontier
from core.ilp import optimum
from core.objective import Limits, Objective
from core.problem import Problem
from core.verify import approve
from tests.core.brute import Candidate, Instance, accuracy_of, feasible, trade_offs
from tests.core.graded import graded_case
from tests.core.instances import case, problem_of, settings_of
from tests.core.toys import pipeline, stage, variant

INSTANCES = 200
OTHER_LOADS = (0.25, 0.7, 1.6)
"""Shares of an instance's own load."""
WITH_ILP = range(0, INSTANCES, 5)
"""Two programmes for each point: forty instances, through all modes and objectives."""
ROUNDING = 1e-9


@pytest.mark.parametrize("seed", range(INSTANCES))
def test_the_frontier_is_what_enumeration_finds(seed: int) -> None:
    instance = case(seed)

    check(instance, frontier(problem_of(instance)))


@pytest.mark.parametrize("seed", range(INSTANCES))
def test_it_is_so_where_accuracy_costs_cores(seed: int) -> None:
    instance = graded_case(seed)

    check(instance, frontier(problem_of(instance)))


@pytest.mark.parametrize("seed", range(0, INSTANCES, 4))
def test_it_is_so_at_every_load_of_a_grid(seed: int) -> None:
    for share in OTHER_LOADS:
        instance = graded_case(seed) if seed % 8 else case(seed)
        instance = replace(instance, load_rps=instance.load_rps * share)

        check(instance, frontier(problem_of(instance)))


@pytest.mark.parametrize("seed", WITH_ILP)
def test_the_integer_programme_agrees_at_every_point(seed: int) -> None:
    problem = problem_of(graded_case(seed) if seed % 2 else case(seed))
    points = frontier(problem)

    for point in points:
        best = optimum(most_accurate(problem, point.cores))
        cheapest = optimum(least_cores(problem, point.accuracy))

        assert best is not None
        assert best.prediction.accuracy == pytest.approx(point.accuracy, rel=1e-6)
        assert best.prediction.cores == pytest.approx(point.cores)
        assert cheapest is not None
        assert cheapest.prediction.cores == pytest.approx(point.cores)


@pytest.mark.parametrize("seed", WITH_ILP)
def test_the_integer_programme_finds_nothing_below_the_cheapest_point(seed: int) -> None:
    problem = problem_of(case(seed))
    points = frontier(problem)
    budget = points[0].cores * 0.999 if points else None

    below = most_accurate(problem, budget) if budget is None or budget > 0 else None

    assert below is None or optimum(below) is None


@pytest.mark.parametrize("seed", range(0, INSTANCES, 2))
def test_the_check_accepts_every_point(seed: int) -> None:
    problem = problem_of(case(seed))

    for point in frontier(problem):
        verdict = getattr(approve(problem, point.configuration), "verdict", None)

        assert verdict is not None, "the check rejects a point of the frontier"
        assert verdict.accuracy == pytest.approx(point.accuracy)
        assert verdict.cores == pytest.approx(point.cores)
        assert verdict.latency_s == pytest.approx(point.latency_s)


def test_the_frontiers_are_of_every_kind() -> None:
    limited = [i for i in map(case, range(INSTANCES)) if len(trade_offs(feasible(i))) > 1]
    long = [i for i in map(graded_case, range(INSTANCES)) if len(trade_offs(feasible(i))) > 3]

    assert len(long) > 20
    assert {i.spec["accuracy"] for i in long} == {"product", "sum", "measured"}
    assert {len(i.stages) for i in long} >= {2, 3, 4}
    assert {"after" in i.stages[-1] for i in long} == {True, False}
    assert any(i.floor for i in limited)
    assert any(i.budget < float("inf") for i in limited)


def test_nothing_is_a_frontier_where_nothing_is_feasible() -> None:
    starved = next(i for i in map(case, range(INSTANCES)) if not feasible(i))

    assert frontier(problem_of(starved)) == ()


def test_a_branch_that_another_stage_still_waits_for_is_not_forgotten() -> None:
    """A slow, sure left branch leaves no time for the sure join, which is worth more."""
    left = stage(
        "left", variant("fast", 0.6, 1, (1, 0.1, 10)), variant("slow", 0.7, 1, (1, 0.3, 10)), after=[]
    )
    join = stage(
        "join",
        variant("fast", 0.5, 1, (1, 0.1, 10)),
        variant("slow", 0.9, 1, (1, 0.3, 10)),
        after=["left", "right"],
    )
    right = stage("right", variant("only", 1.0, 1, (1, 0.1, 10)), after=[])

    points = frontier(Problem.of(pipeline(left, right, join, slo_s=0.45), 10.0))

    assert [p.cores for p in points] == [3]
    assert points[0].accuracy == pytest.approx(0.6 * 0.9)


def check(instance: Instance, points: tuple[FrontierPoint, ...]) -> None:
    """Compare the points with the oracle's, in order, and look each configuration up there."""
    candidates = feasible(instance)
    expected = beyond_rounding(trade_offs(candidates))
    by_settings = {tuple(sorted(c.settings.items())): c for c in candidates}

    assert [p.cores for p in points] == sorted(p.cores for p in points)
    found = beyond_rounding([(p.cores, p.accuracy) for p in points])
    assert [c for c, _ in found] == pytest.approx([c for c, _ in expected])
    assert [a for _, a in found] == pytest.approx([a for _, a in expected], rel=1e-9)
    for point in points:
        known = by_settings.get(tuple(sorted(settings_of(point.configuration).items())))
        assert known is not None, "the frontier holds what enumeration holds infeasible"
        agrees(instance, point, known)


def agrees(instance: Instance, point: FrontierPoint, known: Candidate) -> None:
    accuracy = accuracy_of(instance, {name: s.variant for name, s in known.settings.items()})
    assert point.cores == pytest.approx(known.cores)
    assert point.latency_s == pytest.approx(known.latency_s)
    assert point.accuracy == pytest.approx(accuracy)


def beyond_rounding(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Leave out points that gain less accuracy than the order of multiplication can."""
    kept: list[tuple[float, float]] = []
    for cores, accuracy in points:
        if not kept or accuracy > kept[-1][1] * (1 + ROUNDING) + ROUNDING:
            kept.append((cores, accuracy))
    return kept


def most_accurate(problem: Problem, budget: float | None) -> Problem:
    """Return the problem of the best accuracy within *budget* and the problem's own limits."""
    caps = [c for c in (budget, problem.max_cores) if c is not None]
    floor = problem.objective.min_accuracy
    objective = Objective(alpha=1.0, beta=0.0, min_accuracy=floor)
    limits = Limits(max_cores=min(caps) if caps else None)
    return problem.replaced(objective=objective, limits=limits)


def least_cores(problem: Problem, floor: float) -> Problem:
    """Return the problem of the least cores at *floor* and within the problem's own limits."""
    objective = Objective(minimise="cost", min_accuracy=floor)
    return problem.replaced(objective=objective, limits=Limits(max_cores=problem.max_cores))
