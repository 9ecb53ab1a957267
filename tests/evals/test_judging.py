"""One turn, judged: against an optimum worked out by hand, and against what was injected."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.planners import create
from core.errors import TrimtabError
from core.proposal import Cause, Proposal
from evals.agent.disturbances import EVENT
from evals.agent.judging import attribution
from evals.agent.scene import THINKING
from tests.evals.deciding import (
    BEST,
    OPTIMUM,
    POOR,
    SURGE,
    TOO_LITTLE,
    TOO_MUCH,
    Saying,
    case_of,
    row_of,
    toy_situation,
    wanting,
)


def test_the_exact_planner_agrees_with_the_optimum_and_names_no_cause() -> None:
    row = row_of(create("ilp"), toy_situation(SURGE, runs=POOR))

    assert row.optimum == pytest.approx(OPTIMUM)
    assert row.agrees is True
    assert row.regret == pytest.approx(0.0, abs=1e-9)
    assert (row.feasible_first, row.revisions, row.overruled, row.fell_back) == (True, 0, False, "")
    assert (row.cause, row.attribution) == ("none", "none")
    assert row.ready is None


def test_what_loses_too_much_is_overruled_and_its_own_regret_is_kept() -> None:
    row = row_of(wanting(TOO_MUCH), toy_situation(runs=TOO_LITTLE))

    assert row.feasible_first is True
    assert row.first_regret_share == pytest.approx(0.2 / OPTIMUM)
    assert row.overruled is True
    assert row.agrees is True
    assert row.revisions == 0


def test_what_loses_little_runs_and_does_not_agree() -> None:
    lenient = replace(THINKING, epsilon=0.1)

    row = row_of(wanting(TOO_MUCH), toy_situation(runs=TOO_LITTLE), settings=lenient)

    assert row.agrees is False
    assert row.regret == pytest.approx(0.2)
    assert row.regret_share == pytest.approx(0.2 / OPTIMUM)
    assert row.overruled is False


def test_a_proposal_that_carries_too_little_is_revised() -> None:
    row = row_of(wanting(TOO_LITTLE, BEST), toy_situation(runs=POOR))

    assert row.feasible_first is False
    assert row.first_regret_share is None
    assert row.revisions == 1
    assert row.overruled is False
    assert row.agrees is True


def test_a_planner_that_never_learns_is_overruled_after_its_revisions() -> None:
    planner = wanting(TOO_LITTLE)
    row = row_of(planner, toy_situation(runs=POOR))

    assert row.revisions == len(planner.made) - 1 == THINKING.max_revisions
    assert row.overruled is True
    assert row.agrees is True


def test_where_nothing_is_feasible_there_is_nothing_to_agree_with() -> None:
    situation = toy_situation()
    swamped = replace(situation, problem=situation.problem.replaced(load_rps=400.0))

    row = row_of(create("ilp"), swamped)

    assert row.degraded is True
    assert (row.optimum, row.agrees, row.regret, row.feasible_first) == (None, None, None, None)


def test_who_reads_the_calendar_is_ready_and_pays_for_it() -> None:
    situation, case = toy_situation(announced=EVENT), case_of("announced event")

    exact, rules = row_of(create("ilp"), situation, case), row_of(create("rules"), situation, case)

    assert (exact.ready, exact.attribution) == (False, "none")
    assert exact.regret == pytest.approx(0.0, abs=1e-9)
    # 32 rps: 7 large and 4 readers, 18 cores, 7.2 - 1.8 = 5.4
    assert (rules.ready, rules.attribution) == (True, "right")
    assert rules.regret == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("named", "right", "judged_as"),
    [
        pytest.param("load surge", ("load surge",), "right", id="the one"),
        pytest.param("latency drift", ("slo breach", "latency drift"), "right", id="one of two"),
        pytest.param("slo breach", ("load surge",), "wrong", id="a symptom"),
        pytest.param("none", ("load surge",), "none", id="none named"),
        pytest.param("none", ("none",), "right", id="nothing is wrong"),
        pytest.param("load surge", ("none",), "wrong", id="a false alarm"),
    ],
)
def test_a_cause_is_right_only_where_it_was_injected(
    named: Cause, right: tuple[Cause, ...], judged_as: str
) -> None:
    assert attribution(named, right) == judged_as


def test_the_last_cause_that_was_named_counts() -> None:
    planner = Saying(
        [
            Proposal(configuration=TOO_LITTLE, rationale="first", cause="capacity loss"),
            Proposal(configuration=BEST, rationale="then", cause="load surge"),
        ]
    )

    row = row_of(planner, toy_situation(SURGE, runs=POOR))

    assert (row.cause, row.attribution) == ("load surge", "right")


def test_every_row_says_where_it_comes_from() -> None:
    row = row_of(create("ilp"))

    assert (row.git, row.machine) == ("0123abc", "a machine")
    assert row.versions == '{"dirty": false, "python": "3.11"}'
    assert row.started.endswith("+00:00")


def test_a_row_without_a_commit_is_refused() -> None:
    with pytest.raises(TrimtabError, match="the provenance has no git"):
        row_of(create("ilp"), provenance={"machine": "a machine"})
