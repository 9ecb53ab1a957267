"""How fast things may change: growth at once, shrinking by halves, and nothing on a guess.

The toy: `small` has 1 core and 10 requests/s a replica one by one, `large` 2 cores and 5 requests/s. The
properties are checked on random pipelines by counting replicas and multiplying profiles by hand.
"""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.configuration import Configuration
from core.pace import Pace, Paced, paced, stabilised_rps, variant_changes
from core.problem import Problem
from core.solution import Optimum
from core.solve import solve
from core.verify import verify
from tests.core.instances import any_settings, case, configuration_of, problem_of
from tests.core.toys import configuration, pipeline, stage

ONE = pipeline(stage("first", batches=[1]))
UNLIMITED = Pace(least_left=0.0, flaps=1000)


def held(
    problem: Problem,
    candidate: Configuration,
    running: Configuration,
    *,
    pace: Pace | None = None,
    applied: tuple[tuple[float, Configuration], ...] = (),
    now_s: float = 1000.0,
    blind: bool = False,
) -> Paced:
    return paced(
        problem, candidate, pace or Pace(), running=running, applied=applied, now_s=now_s, blind=blind
    )


def one(variant: str, replicas: int) -> Configuration:
    return configuration(("first", variant, 1, replicas))


def random_case(seed: int) -> tuple[Problem, Configuration, Configuration] | None:
    """Return a problem, its optimum and something that runs; None where it has no optimum."""
    instance = case(seed)
    problem = problem_of(instance)
    running = configuration_of(any_settings(instance, random.Random(seed)))
    match solve(problem):
        case Optimum(configuration=best):
            return problem, best, running.checked(problem.pipeline)
        case _:
            return None


CASES = [found for found in map(random_case, range(120)) if found is not None]


@pytest.mark.parametrize(
    ("running", "candidate", "left"),
    [
        pytest.param(8, 2, 4, id="half is left"),
        pytest.param(7, 1, 4, id="half of an odd number is rounded up"),
        pytest.param(8, 5, 5, id="less than half goes at once"),
        pytest.param(2, 9, 9, id="growth is free"),
        pytest.param(1, 1, 1, id="nothing to do"),
    ],
)
def test_one_decision_takes_at_most_half_of_a_stages_replicas(
    running: int, candidate: int, left: int
) -> None:
    found = held(Problem.of(ONE, 5.0), one("small", candidate), one("small", running))

    assert found.configuration == one("small", left)
    assert found.reason == ("" if left == candidate else f"first: {left} replicas before {candidate}")


def test_another_variant_is_not_bound_to_the_old_ones_count() -> None:
    found = held(Problem.of(ONE, 5.0), one("large", 1), one("small", 8))

    assert (found.configuration, found.reason) == (one("large", 1), "")


def test_a_limit_that_would_break_the_core_budget_gives_way() -> None:
    two = pipeline(stage("first", batches=[1]), stage("second", batches=[1]), limits={"maxCores": 10})
    running = configuration(("first", "small", 1, 8), ("second", "small", 1, 1))
    wanted = configuration(("first", "small", 1, 2), ("second", "large", 1, 4))

    found = held(Problem.of(two, 20.0), wanted, running)

    assert (found.configuration, found.reason) == (wanted, "")


def test_blind_no_stage_is_scaled_down_and_growth_goes_on() -> None:
    two = pipeline(stage("first", batches=[1]), stage("second", batches=[1]))
    running = configuration(("first", "small", 1, 4), ("second", "small", 1, 1))
    wanted = configuration(("first", "small", 1, 3), ("second", "small", 1, 3))

    found = held(Problem.of(two, 10.0), wanted, running, blind=True)

    assert found.configuration == configuration(("first", "small", 1, 4), ("second", "small", 1, 3))
    assert found.reason == "first: not scaled down while measurements are missing"


def test_blind_a_variant_of_less_capacity_is_not_taken() -> None:
    found = held(Problem.of(ONE, 10.0), one("large", 4), one("small", 4), blind=True)

    assert found.configuration == one("small", 4)


def test_blind_what_runs_stays_where_a_mixture_is_impossible() -> None:
    two = pipeline(stage("first", batches=[1]), stage("second", batches=[1]), limits={"maxCores": 5})
    running = configuration(("first", "small", 1, 4), ("second", "small", 1, 1))
    wanted = configuration(("first", "small", 1, 1), ("second", "large", 1, 2))

    found = held(Problem.of(two, 8.0), wanted, running, blind=True)

    assert found.configuration == running


FLAPS = tuple((100.0 * k, one("large" if k % 2 else "small", 2)) for k in range(6))
"""A change of variant every 100 s, five in all; `large` runs in the end."""


@pytest.mark.parametrize(("since_s", "changes"), [(-1, 5), (0, 5), (100, 4), (299, 3), (500, 0)])
def test_changes_of_variant_are_counted_after_a_time(since_s: float, changes: int) -> None:
    assert variant_changes(FLAPS, "first", since_s) == changes
    assert variant_changes(FLAPS, "second", since_s) == 0


@pytest.mark.parametrize(
    ("flaps", "window_s", "variant"),
    [
        pytest.param(5, 1000.0, "large", id="the budget is used up"),
        pytest.param(6, 1000.0, "small", id="one is left"),
        pytest.param(3, 150.0, "small", id="most are long ago"),
    ],
)
def test_a_stage_that_flaps_keeps_its_variant_and_gets_the_replicas_it_needs(
    flaps: int, window_s: float, variant: str
) -> None:
    problem = Problem.of(ONE, 9.0)
    pace = Pace(flaps=flaps, flap_window_s=window_s)

    found = held(problem, one("small", 1), one("large", 1), pace=pace, applied=FLAPS, now_s=510.0)

    assert found.configuration == one(variant, 2 if variant == "large" else 1)
    assert bool(found.reason) is (variant == "large")


def test_a_stage_that_flaps_may_change_once_more_where_its_variant_cannot_serve() -> None:
    problem, pace = Problem.of(ONE, 60.0), Pace(flaps=1, flap_window_s=1000.0)  # large carries 50 at most

    found = held(problem, one("small", 6), one("large", 10), pace=pace, applied=FLAPS, now_s=510.0)

    assert (found.configuration, found.reason) == (one("small", 6), "")


def test_the_load_decided_for_is_the_largest_of_the_window() -> None:
    earlier = [(0.0, 90.0), (40.0, 50.0), (41.0, 30.0), (100.0, 99.0)]

    assert stabilised_rps(20.0, earlier, now_s=99.0, window_s=60.0) == 50.0
    assert stabilised_rps(20.0, earlier, now_s=100.0, window_s=60.0) == 99.0
    assert stabilised_rps(20.0, earlier, now_s=101.0, window_s=1.0) == 20.0
    assert stabilised_rps(20.0, [], now_s=0.0, window_s=60.0) == 20.0


@given(
    now_rps=st.floats(0, 1e3),
    earlier=st.lists(st.tuples(st.floats(0, 100), st.floats(0, 1e3)), max_size=20),
    windows=st.tuples(st.floats(0, 200), st.floats(0, 200)),
)
def test_a_longer_window_never_lowers_the_load_and_none_invents_one(
    now_rps: float, earlier: list[tuple[float, float]], windows: tuple[float, float]
) -> None:
    short, long = (
        stabilised_rps(now_rps, earlier, now_s=100.0, window_s=window_s) for window_s in sorted(windows)
    )

    assert now_rps <= short <= long
    assert long in [now_rps, *(rps for _, rps in earlier)]


def capacity_rps(problem: Problem, configuration: Configuration, name: str) -> float:
    """Return what a stage can carry, from the profile and the belief."""
    setting = configuration[name]
    point = problem.pipeline.stage(name).variant(setting.variant).at(setting.batch)
    rate = point.throughput if point.throughput is not None else setting.batch / point.latency_s
    factors = [f.factor for f in problem.belief.latency if (f.stage, f.variant) == (name, setting.variant)]
    return setting.replicas * rate / (factors[0] if factors else 1.0)


def feasible(problem: Problem, wanted: Configuration) -> bool:
    return verify(problem, wanted).accepted


cases = st.sampled_from(CASES)
paces = st.builds(Pace, least_left=st.floats(0, 1), flaps=st.integers(1, 3))


@settings(max_examples=100, deadline=None)
@given(found=cases, pace=paces, blind=st.booleans(), seed=st.integers(0, 99))
def test_what_a_pace_makes_of_a_feasible_change_is_feasible_or_holds_still(
    found: tuple[Problem, Configuration, Configuration], pace: Pace, blind: bool, seed: int
) -> None:
    problem, best, running = found
    rng = random.Random(seed)
    applied = tuple((900.0 + k, rng.choice([best, running])) for k in range(6))

    slow = held(problem, best, running, pace=pace, applied=applied, blind=blind)

    assert feasible(problem, slow.configuration) or (blind and slow.configuration == running)
    assert bool(slow.reason) == (slow.configuration != best)


@settings(max_examples=100, deadline=None)
@given(found=cases)
def test_blind_no_capacity_ever_shrinks(
    found: tuple[Problem, Configuration, Configuration],
) -> None:
    problem, best, running = found

    slow = held(problem, best, running, pace=UNLIMITED, blind=True).configuration

    shrinks = [
        s.name
        for s in problem.pipeline.stages
        if capacity_rps(problem, slow, s.name) < capacity_rps(problem, running, s.name) * (1 - 1e-6)
    ]
    assert not shrinks


@settings(max_examples=100, deadline=None)
@given(found=cases, pace=paces)
def test_growth_is_never_held_back(found: tuple[Problem, Configuration, Configuration], pace: Pace) -> None:
    problem, best, running = found

    slow = held(problem, best, running, pace=pace).configuration

    for wanted in best.stages:
        got = slow[wanted.stage]
        assert (got.variant, got.batch) == (wanted.variant, wanted.batch)
        assert got.replicas >= wanted.replicas
        assert got.replicas <= max(
            wanted.replicas, math.ceil(pace.least_left * running[wanted.stage].replicas)
        )


@pytest.mark.parametrize("blind", [True, False])
def test_holding_what_runs_passes_any_pace(blind: bool) -> None:
    strictest = Pace(least_left=1.0, flaps=0)

    found = held(Problem.of(ONE, 5.0), one("small", 3), one("small", 3), pace=strictest, blind=blind)

    assert (found.configuration, found.reason) == (one("small", 3), "")
