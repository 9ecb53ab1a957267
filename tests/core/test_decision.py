"""Only the check can make what an actuator accepts."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from core.errors import UsageError
from core.problem import Problem
from core.verdict import Verdict
from core.verify import Approved, approve, verify
from tests.core.toys import configuration, pipeline, stage

PROBLEM = Problem.of(pipeline(), 10.0)
ENOUGH = configuration(("first", "small", 1, 1))
TOO_SMALL = configuration(("first", "large", 1, 1))


def test_an_accepted_configuration_is_approved_for_the_problem_it_was_held_against() -> None:
    approved = approve(PROBLEM, ENOUGH)

    assert isinstance(approved, Approved)
    assert approved.configuration == ENOUGH
    assert approved.problem_digest == PROBLEM.digest
    assert approved.verdict == verify(PROBLEM, ENOUGH)


def test_a_rejected_configuration_gets_the_verdict_instead() -> None:
    verdict = approve(PROBLEM, TOO_SMALL)

    assert isinstance(verdict, Verdict)
    assert [c.constraint for c in verdict.violations] == ["capacity[first]"]


def test_nothing_is_approved_where_no_configuration_is_feasible() -> None:
    verdict = approve(Problem.of(pipeline(), 1000.0), ENOUGH)

    assert isinstance(verdict, Verdict)
    assert verdict.optimum is None
    assert verdict.nearest is None


@pytest.mark.parametrize("proof", [None, object(), True, "proof"])
def test_an_approval_cannot_be_made_by_hand(proof: object) -> None:
    verdict = verify(PROBLEM, ENOUGH)

    with pytest.raises(UsageError, match=r"comes from core\.verify\.approve only"):
        Approved(TOO_SMALL, PROBLEM.digest, verdict, proof)


def test_an_approval_cannot_be_carried_over_to_another_configuration() -> None:
    approved = approve(PROBLEM, ENOUGH)
    assert isinstance(approved, Approved)

    with pytest.raises(ValueError, match="proof"):
        replace(approved, configuration=TOO_SMALL)  # type: ignore[call-arg] # mypy sees it too


def test_an_approval_cannot_be_altered() -> None:
    approved = approve(PROBLEM, ENOUGH)
    assert isinstance(approved, Approved)

    with pytest.raises(AttributeError):
        approved.configuration = TOO_SMALL  # type: ignore[misc] # frozen: mypy sees it too
    assert copy.copy(approved) == approved


def test_stages_are_approved_in_the_order_of_the_pipeline() -> None:
    problem = Problem.of(pipeline(stage("first"), stage("second")), 10.0)
    backwards = configuration(("second", "small", 1, 1), ("first", "small", 1, 1))

    approved = approve(problem, backwards)

    assert isinstance(approved, Approved)
    assert [s.stage for s in approved.configuration.stages] == ["first", "second"]
