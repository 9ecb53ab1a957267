"""A certificate is worth what a second solution of its problem says, and nothing in it can be altered."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from core.belief import Belief, Evidence, LatencyFactor
from core.decision import Certificate, agrees, certify, check_certificate
from core.errors import UsageError
from core.ilp import optimum
from core.objective import Limits, Objective
from core.problem import Margins, Problem
from core.solution import Optimum
from core.verify import verify
from tests.core.brute import feasible
from tests.core.instances import case, configuration_of, problem_of
from tests.core.toys import configuration, pipeline, stage

PROBLEM = Problem.of(
    pipeline(stage("first", maxCores=9), stage("second"), limits={"maxCores": 12}),
    10.0,
    running=configuration(("first", "small", 1, 1), ("second", "small", 1, 1)),
)
"""The optimum is one small replica at each stage: accuracy 0.36, 2 cores, objective 1.6."""
BEST = configuration(("first", "small", 1, 1), ("second", "small", 1, 1))
DEARER = configuration(("first", "small", 1, 2), ("second", "small", 1, 1))
TOO_SMALL = configuration(("first", "large", 1, 1), ("second", "small", 1, 1))


def certificate(problem: Problem = PROBLEM, chosen: Any = BEST) -> Certificate:  # noqa: ANN401 - a configuration
    return certify(problem, best_of(problem), verify(problem, chosen), chosen)


def best_of(problem: Problem) -> Optimum:
    best = optimum(problem)
    assert best is not None
    return best


def test_the_optimum_is_certified_as_optimal() -> None:
    made = certificate()

    assert made.status == "optimal"
    assert made.objective == pytest.approx(10 * 0.36 - 2)
    assert made.bound == pytest.approx(made.objective)
    assert made.problem_digest == PROBLEM.digest
    assert check_certificate(made) == ()


def test_an_accepted_configuration_with_a_regret_is_certified_as_feasible() -> None:
    made = certificate(chosen=DEARER)

    assert made.status == "feasible"
    assert made.objective == pytest.approx(0.6)
    assert made.bound == pytest.approx(1.6)
    assert check_certificate(made) == ()


def test_a_rejected_configuration_cannot_be_certified() -> None:
    with pytest.raises(UsageError, match="only an accepted configuration can be certified"):
        certificate(chosen=TOO_SMALL)


@pytest.mark.parametrize("seed", range(0, 120, 2))
def test_what_is_certified_passes_its_own_check_after_a_round_trip(seed: int) -> None:
    instance = case(seed)
    problem, candidates = problem_of(instance), feasible(instance)
    if not candidates:
        return
    some = configuration_of(random.Random(seed).choice(candidates).settings).checked(problem.pipeline)

    for chosen in (best_of(problem).configuration, some):
        text = certificate(problem, chosen).model_dump_json()

        assert check_certificate(Certificate.model_validate_json(text)) == ()


SLOWER = LatencyFactor(
    stage="first",
    variant="large",
    factor=1.5,
    evidence=Evidence(statement="measured", low=1.4, high=1.6, since_s=0.0),
)


def altered_problem(**changes: Any) -> Callable[[Certificate], Certificate]:  # noqa: ANN401 - any field
    return lambda c: c.model_copy(update={"problem": c.problem.replaced(**changes)})


def altered(**changes: Any) -> Callable[[Certificate], Certificate]:  # noqa: ANN401 - any field
    return lambda c: c.model_copy(update=changes)


def first_constraint(**changes: Any) -> Callable[[Certificate], Certificate]:  # noqa: ANN401 - any field
    return lambda c: c.model_copy(
        update={"constraints": (c.constraints[0].model_copy(update=changes), *c.constraints[1:])}
    )


ALTERATIONS = [
    pytest.param(altered_problem(load_rps=9.0), "hash", id="load"),
    pytest.param(altered_problem(objective=Objective(alpha=11.0, beta=1.0)), "hash", id="objective"),
    pytest.param(altered_problem(limits=Limits(max_cores=13.0)), "hash", id="limits"),
    pytest.param(altered_problem(margins=Margins(headroom=1.01)), "hash", id="margins"),
    pytest.param(altered_problem(belief=Belief(latency=(SLOWER,))), "hash", id="belief"),
    pytest.param(altered_problem(running=None), "hash", id="running"),
    pytest.param(altered_problem(pipeline=pipeline(stage("first"), stage("second"))), "hash", id="pipeline"),
    pytest.param(altered(problem_digest="0" * 64), "hash", id="digest"),
    pytest.param(altered(configuration=DEARER), "the objective is", id="configuration"),
    pytest.param(altered(configuration=TOO_SMALL), "capacity[first] is broken", id="infeasible"),
    pytest.param(altered(status="feasible"), "recorded as feasible", id="status"),
    pytest.param(altered(objective=1.7), "recorded 1.7", id="objective's value"),
    pytest.param(altered(bound=1.7), "the optimum is 1.6, recorded 1.7", id="bound"),
    pytest.param(altered(constraints=()), "constraints are not those", id="no constraints"),
    pytest.param(
        first_constraint(constraint="patience"), "constraints are not those", id="another constraint"
    ),
    pytest.param(first_constraint(value=0.1), "latency has slack", id="a constraint's value"),
    pytest.param(first_constraint(limit=2.0), "latency has slack", id="a constraint's limit"),
    pytest.param(first_constraint(slack=0.9), "latency has slack", id="a constraint's slack"),
    pytest.param(first_constraint(slack=None), "latency has slack", id="a constraint without slack"),
    pytest.param(first_constraint(kept=False), "latency has slack", id="whether it is kept"),
]


@pytest.mark.parametrize(("alter", "complaint"), ALTERATIONS)
def test_every_altered_field_is_noticed(alter: Callable[[Certificate], Certificate], complaint: str) -> None:
    found = check_certificate(alter(certificate()))

    assert any(complaint in line for line in found), found


def test_a_constraint_said_twice_is_noticed() -> None:
    made = certificate()
    twice = made.model_copy(update={"constraints": (*made.constraints, made.constraints[0])})

    assert check_certificate(twice) == ("the recorded constraints are not those of the problem",)


def test_a_problem_without_an_answer_is_noticed() -> None:
    made = certificate()
    starved = made.problem.replaced(load_rps=1e6)
    forged = made.model_copy(update={"problem": starved, "problem_digest": starved.digest})

    assert "the problem has no feasible configuration" in check_certificate(forged)


@pytest.mark.parametrize("name", sorted(Certificate.model_fields.keys() - {"solver"}))
def test_no_field_but_the_solver_goes_unchecked(name: str) -> None:
    tested = {str(p.id) for p in ALTERATIONS}
    also = {"problem": "load", "problem_digest": "digest", "constraints": "no constraints"}
    also |= {"objective": "objective's value"}

    assert also.get(name, name) in tested


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param(1.0, 1.0 + 9e-7, True, id="below the tolerance"),
        pytest.param(1.0, 1.0 + 2e-6, False, id="above it"),
        pytest.param(0.0, 9e-7, True, id="absolute where small"),
        pytest.param(1000.0, 1000.0009, True, id="relative where large"),
        pytest.param(1000.0, 1000.002, False, id="relative, above"),
        pytest.param(-5.0, 5.0, False, id="sign"),
    ],
)
def test_objectives_agree_within_a_millionth(one: float, other: float, same: bool) -> None:
    assert agrees(one, other) is same
    assert agrees(other, one) is same
