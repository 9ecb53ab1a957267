"""The best effort where nothing is feasible, against full enumeration."""

from __future__ import annotations

from functools import cache

import pytest

from core.effort import BestEffort, best_effort
from core.problem import Problem
from core.verify import verify
from tests.core.brute import best, feasible
from tests.core.instances import case, problem_of, settings_of
from tests.core.lifted import at_load, with_floor
from tests.core.test_infeasible import INFEASIBLE, SHARES
from tests.core.toys import configuration, pipeline, stage

PRECISION = 1.1e-3
"""What `core.solve` promises of a load, and a tenth more."""


@pytest.mark.parametrize("seed", INFEASIBLE)
def test_the_largest_load_that_can_be_served_is_served(seed: int) -> None:
    instance = case(seed)
    without_floor = with_floor(instance)

    effort = effort_for(seed)

    served = None if effort is None else effort.problem.load_rps
    if feasible(without_floor):
        assert served == instance.load_rps
        return
    larger = [s * instance.load_rps for s in SHARES if s * instance.load_rps > (served or 0.0) * 1.002]
    assert not any(feasible(at_load(without_floor, load)) for load in larger if load > 0)
    if served is not None:
        assert served < instance.load_rps
        assert feasible(at_load(without_floor, served))
        assert not feasible(at_load(without_floor, served * (1 + PRECISION)))


@pytest.mark.parametrize("seed", INFEASIBLE)
def test_hard_limits_are_never_exceeded(seed: int) -> None:
    problem = problem_of(case(seed))

    effort = effort_for(seed)

    if effort is None:
        return
    verdict = verify(problem, effort.optimum.configuration)
    soft = ("capacity", "accuracy floor", "latency")
    assert all(c.constraint.startswith(soft) for c in verdict.violations)
    assert verify(effort.problem, effort.optimum.configuration).accepted


@pytest.mark.parametrize("seed", INFEASIBLE)
def test_it_is_the_best_that_enumeration_finds_at_that_load(seed: int) -> None:
    instance = case(seed)

    effort = effort_for(seed)

    if effort is None:
        return
    candidates = feasible(at_load(with_floor(instance), effort.problem.load_rps))
    assert settings_of(effort.optimum.configuration) in [c.settings for c in candidates]
    if instance.floor:  # most accurate
        most = max(c.accuracy or 0.0 for c in candidates)
        assert effort.optimum.prediction.accuracy == pytest.approx(most)
    else:
        at_served = at_load(instance, effort.problem.load_rps)
        assert effort.optimum.objective == pytest.approx(best(at_served, candidates), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("seed", INFEASIBLE)
def test_what_is_given_up_and_what_would_be_needed_is_said(seed: int) -> None:
    instance = case(seed)

    effort = effort_for(seed)

    if effort is None:
        return
    gave_floor, gave_load = bool(instance.floor), effort.problem.load_rps < instance.load_rps
    assert ("accuracy floor" in effort.given_up) == gave_floor
    assert (" rps" in effort.given_up) == gave_load
    assert gave_floor or gave_load
    assert all(line.endswith("would fit") for line in effort.needed)


def test_efforts_of_every_kind_are_met() -> None:
    efforts = [effort_for(seed) for seed in INFEASIBLE]

    said = [effort.given_up for effort in efforts if effort is not None]
    assert any("floor" in line and "rps" not in line for line in said)
    assert any("floor" in line and " and " in line for line in said)
    assert any("floor" not in line for line in said)
    assert None in efforts


def test_a_pipeline_asked_for_four_times_its_capacity_serves_what_it_can() -> None:
    """Ten small replicas of 10 rps one by one, 20 in fours, carry 200 rps."""
    problem = Problem.of(pipeline(), 800.0)

    effort = effort_of(problem)

    assert effort.problem.load_rps == pytest.approx(200, rel=PRECISION)
    assert effort.problem.load_rps <= 200 * (1 + 1e-9)
    assert effort.optimum.configuration == configuration(("first", "small", 4, 10))
    assert effort.given_up == f"{800 - effort.problem.load_rps:.4g} of 800 rps"
    assert any("rps would fit" in line for line in effort.needed)


def test_the_floor_goes_before_the_load() -> None:
    floored = pipeline(objective={"minimise": "cost", "minAccuracy": 0.8}, limits={"maxCores": 5})

    effort = effort_of(Problem.of(floored, 25.0))

    # five cores carry 25 rps small (2 replicas in fours), but not large (4 replicas of 8 rps, 8 cores)
    assert effort.problem.load_rps == 25.0
    assert effort.given_up == "the accuracy floor of 0.8"
    assert effort.optimum.prediction.accuracy == pytest.approx(0.6)


def test_floor_and_load_go_together_where_neither_is_enough() -> None:
    floored = pipeline(objective={"minimise": "cost", "minAccuracy": 0.8}, limits={"maxCores": 5})

    effort = effort_of(Problem.of(floored, 250.0))

    assert effort.problem.load_rps == pytest.approx(100, rel=PRECISION)
    assert effort.given_up.startswith("the accuracy floor of 0.8 and 15")


def test_nothing_is_offered_where_no_path_is_fast_enough_at_any_load() -> None:
    assert best_effort(Problem.of(pipeline(stage("first"), stage("second"), slo_s=0.15), 10.0)) is None


@cache
def effort_for(seed: int) -> BestEffort | None:
    """Return the best effort for an instance; five tests look at it."""
    return best_effort(problem_of(case(seed)))


def effort_of(problem: Problem) -> BestEffort:
    effort = best_effort(problem)
    assert effort is not None
    return effort
