"""The exact optimum against full enumeration."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from core.errors import UsageError
from core.ilp import SOLVERS, installed_solvers, optimum
from core.options import all_options
from core.problem import Problem
from tests.core.brute import Candidate, Instance, best, feasible, objective, ties
from tests.core.instances import case, problem_of, settings_of

HANGING = Path(__file__).with_name("hanging.json")
INSTANCES = 200
WITH_CBC = range(0, INSTANCES, 14)
"""CBC is a process of its own for each solution: fifteen instances, through all modes and objectives."""
TIED = (7, 16, 25, 34, 43, 52, 61, 70, 133, 142)
"""Instances for which the order of the file is shuffled."""


@pytest.mark.parametrize("seed", range(INSTANCES))
def test_the_optimum_is_what_enumeration_finds(seed: int) -> None:
    check(case(seed), solver=None)


@pytest.mark.parametrize("seed", WITH_CBC)
def test_cbc_finds_it_too(seed: int) -> None:
    check(case(seed), solver="CBC")


def test_both_free_solvers_are_installed() -> None:
    assert {"HiGHS", "CBC"} <= set(installed_solvers()) <= set(SOLVERS)


def test_an_unknown_solver_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match=r"no solver 'Cplex'; known: HiGHS, CBC, Gurobi"):
        optimum(problem_of(case(0)), solver="Cplex")


def test_the_instances_are_of_every_kind() -> None:
    instances = [case(seed) for seed in range(INSTANCES)]
    found = [(i, feasible(i)) for i in instances]
    solvable = [i for i, candidates in found if candidates]

    assert {len(i.stages) for i in solvable} == {1, 2, 3, 4}
    assert 0.6 < len(solvable) / INSTANCES < 0.9
    assert sum(len(ties(i, candidates)) > 1 for i, candidates in found if candidates) > 30
    assert sum(i.running is not None for i in solvable) > 40
    assert sum(i.wait_quantile is not None for i in solvable) > 10
    assert any(i.load_rps == 0 for i in solvable)


@pytest.mark.parametrize("seed", TIED)
def test_the_order_of_the_file_does_not_matter(seed: int) -> None:
    instance = case(seed)
    rng = random.Random(seed)
    for stage in instance.stages:
        rng.shuffle(stage["variants"])
        rng.shuffle(stage["profile"] if "profile" in stage else stage["variants"][0]["profile"])

    shuffled = optimum(problem_of(instance))

    first = optimum(problem_of(case(seed)))
    assert (shuffled and shuffled.configuration) == (first and first.configuration)


@pytest.mark.parametrize("seed", range(8))
def test_what_was_solved_still_compares_equal_to_what_was_not(seed: int) -> None:
    one = problem_of(case(seed))
    other = Problem.model_validate_json(one.canonical())

    all_options(one)
    assert one == other
    all_options(other)
    assert one == other
    assert one != other.replaced(load_rps=other.load_rps + 1)


def test_the_same_problem_gets_the_same_answer_and_another_its_own() -> None:
    seeds = [3, 4, 3, 5, 6, 7, 8, 3, 4]

    found = [optimum(problem_of(case(seed))) for seed in seeds]

    for seed, answer in zip(seeds, found, strict=True):
        candidates = feasible(case(seed))
        assert (answer is None) == (not candidates)
        if answer is not None:
            assert answer.objective == pytest.approx(best(case(seed), candidates), abs=1e-6)


def check(instance: Instance, *, solver: str | None) -> None:
    """Compare the solver's answer with the oracle's: value, proof, prediction, and the tie rule."""
    candidates = feasible(instance)

    found = optimum(problem_of(instance), solver=solver)

    if not candidates:
        assert found is None
        return
    assert found is not None
    chosen = next((c for c in candidates if c.settings == settings_of(found.configuration)), None)
    assert chosen is not None, "the solver chose what enumeration holds infeasible"
    assert found.objective == pytest.approx(best(instance, candidates), rel=1e-6, abs=1e-6)
    assert found.objective == pytest.approx(objective(instance, chosen), abs=1e-9)
    assert found.bound == pytest.approx(found.objective, rel=1e-6, abs=1e-6)
    assert found.prediction.latency_s == pytest.approx(chosen.latency_s, rel=1e-9)
    assert found.prediction.cores == pytest.approx(chosen.cores)
    assert found.prediction.accuracy == pytest.approx(chosen.accuracy)
    assert found.prediction.switching == pytest.approx(chosen.switching)
    preferred = ties(instance, candidates)
    assert chosen in preferred, f"{chosen} where {preferred} tie"
    assert first_by_name(chosen, preferred)


def first_by_name(chosen: Candidate, tied: list[Candidate]) -> bool:
    """Say whether no tied candidate comes first by name, being later and slower at no stage.

    A tied setting that is slower at its stage is dominated and gone before names are looked at.
    """
    return not any(
        all(other.settings[stage] <= setting for stage, setting in chosen.settings.items())
        and all(a <= b for a, b in zip(other.stage_latency_s, chosen.stage_latency_s, strict=True))
        for other in tied
        if other.settings != chosen.settings
    )


@pytest.mark.timeout(30)
def test_a_problem_that_once_sent_the_solver_into_an_endless_loop_has_an_answer() -> None:
    """Recorded from the loop: HiGHS 1.16 never returned from its presolve with a tolerance of 1e-9."""
    problem = Problem.model_validate_json(HANGING.read_text(encoding="utf-8"))

    found = optimum(problem)

    assert found is not None
    assert found.objective == pytest.approx(0.745, rel=1e-6)
