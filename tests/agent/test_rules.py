"""The planner without a model says what it answers to, also where it changes nothing."""

from __future__ import annotations

import pytest

from agent.planners.briefing import Briefing
from agent.planners.rules import RulesPlanner
from core.assessment import Assessment, Finding, FindingKind
from core.problem import Problem
from core.proposal import Cause, Proposal
from core.solution import Optimum
from core.solve import solve
from tests.core.toys import configuration, pipeline, stage
from tools.toolkit.situation import Situation

TOY = pipeline(stage("only"), slo_s=5.0)
MANY = configuration(("only", "small", 1, 30))


def proposed(*found: FindingKind, best: bool) -> Proposal:
    """Return the proposal at 20 rps where what runs is the optimum, or else wasteful."""
    problem = Problem.of(TOY, 20.0)
    optimum = solve(problem)
    assert isinstance(optimum, Optimum)
    running = optimum.configuration if best else MANY
    situation = Situation(
        problem=problem.replaced(running=running),
        observation=None,
        forecast=None,
        assessment=Assessment(
            findings=tuple(Finding(kind=k, subject="only", statement="so it is") for k in found)
        ),
        running=running,
        time_s=100.0,
        horizon_s=20.0,
    )
    thought = RulesPlanner().plan(Briefing(decision="d-1", situation=situation))
    assert thought.proposal is not None
    return thought.proposal


@pytest.mark.parametrize("best", [True, False])
@pytest.mark.parametrize(
    ("found", "cause"),
    [
        pytest.param((), "none", id="nothing"),
        pytest.param(("load surge",), "load surge", id="one thing"),
        pytest.param(("slo breach", "latency drift"), "latency drift", id="what explains a breach"),
        pytest.param(("flapping", "warming up"), "none", id="nothing that tells"),
    ],
)
def test_a_proposal_names_what_it_answers_to_whether_it_holds_or_changes(
    found: tuple[FindingKind, ...], cause: Cause, *, best: bool
) -> None:
    proposal = proposed(*found, best=best)

    assert (proposal.configuration is None) is best
    assert proposal.cause == cause
