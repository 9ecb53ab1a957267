"""The routes of a turn: who hears what, when a person is asked, and what reaches the cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.context import MAX_REVISIONS
from agent.state import Json
from core.configuration import Configuration
from core.decision import check_certificate
from core.errors import UsageError
from simulator.faults import MetricOutage
from tests.agent.toy import (
    CHEAPER,
    ENOUGH,
    INTERVAL_S,
    TEXT,
    TOO_SMALL,
    Scripted,
    pipeline_of,
    running,
    toy_run,
    turns,
)

RISING = [10.0] * INTERVAL_S + [60.0] * 60
"""More than stage `read` can carry with its four replicas, 40 requests/s, from the second interval on."""


def test_a_rejected_planner_hears_why_and_tries_again(tmp_path: Path) -> None:
    planner = Scripted([TOO_SMALL, ENOUGH])

    with toy_run(tmp_path, planner) as run:
        (decision,) = turns(run, 1)

        first, second = planner.heard
        assert first.rejected == ()
        ((proposal, verdict),) = second.rejected
        assert proposal.configuration == TOO_SMALL
        assert {c.constraint for c in verdict.violations} >= {"capacity[find]", "capacity[read]"}
        assert [v.accepted for v in decision.verdicts] == [False, True]
        assert decision.outcome == "applied"
        assert run.cluster.desired().configuration == ENOUGH


def test_a_stubborn_planner_is_overruled_by_the_exact_optimum(tmp_path: Path) -> None:
    planner = Scripted([ENOUGH, TOO_SMALL])

    with toy_run(tmp_path, planner) as run:
        _, decision = turns(run, 2)

        assert len(planner.heard) == 1 + 1 + MAX_REVISIONS
        assert [p.configuration for p in decision.proposals[:-1]] == [TOO_SMALL] * (1 + MAX_REVISIONS)
        assert "exact optimum" in decision.proposals[-1].rationale
        assert [v.accepted for v in decision.verdicts] == [False] * (1 + MAX_REVISIONS) + [True]
        assert decision.verdicts[-1].regret == pytest.approx(0, abs=1e-9)
        assert decision.certificate is not None
        assert decision.certificate.status == "optimal"
        assert run.cluster.desired().configuration == decision.certificate.configuration


def test_a_planner_that_names_what_is_not_there_does_no_harm_and_is_quoted(tmp_path: Path) -> None:
    with toy_run(tmp_path, Scripted([CHEAPER, running("gpt", 4)])) as run:
        first, decision = turns(run, 2)

        assert decision.outcome == "held"
        assert "stage 'find' has no variant 'gpt', only small, large" in decision.proposals[0].rationale
        assert run.cluster.desired().change == first.id


def test_the_order_of_stages_in_a_proposal_is_no_change(tmp_path: Path) -> None:
    reordered = Configuration(stages=CHEAPER.stages[::-1])

    with toy_run(tmp_path, Scripted([CHEAPER, reordered])) as run:
        assert [d.outcome for d in turns(run, 2)] == ["applied", "held"]


def test_an_applied_change_carries_a_proof_with_its_regret(tmp_path: Path) -> None:
    with toy_run(tmp_path, Scripted([CHEAPER])) as run:
        (decision,) = turns(run, 1)

    assert decision.certificate is not None
    assert decision.certificate.configuration == CHEAPER
    assert decision.certificate.status == "feasible"
    assert decision.certificate.objective < decision.certificate.bound
    assert check_certificate(decision.certificate) == ()


def test_holding_touches_nothing(tmp_path: Path) -> None:
    with toy_run(tmp_path, Scripted([CHEAPER, None, CHEAPER])) as run:
        first, *later = turns(run, 3)

        assert [d.outcome for d in later] == ["held", "held"]
        assert [d.certificate for d in later] == [None, None]
        assert run.cluster.desired().change == first.id


def test_a_person_who_agrees_is_asked_once_with_all_the_figures(tmp_path: Path) -> None:
    questions: list[Json] = []

    def agree(question: Json) -> bool:
        questions.append(question)
        return True

    with toy_run(tmp_path, Scripted([TOO_SMALL, CHEAPER]), mode="approve", approver=agree) as run:
        before = run.cluster.desired().configuration
        (decision,) = turns(run, 1)

        (question,) = questions
        assert question["id"] == decision.id
        assert Configuration.model_validate(question["running"]) == before
        assert Configuration.model_validate(question["proposal"]["configuration"]) == CHEAPER
        assert question["verdict"]["accepted"] is True
        assert decision.outcome == "applied"
        assert run.cluster.desired().configuration == CHEAPER


def test_nothing_happens_when_a_person_says_no(tmp_path: Path) -> None:
    planner = Scripted([CHEAPER])

    with toy_run(tmp_path, planner, mode="approve", approver=lambda _: False) as run:
        decisions = turns(run, 2)

        assert [(d.outcome, d.note) for d in decisions] == [("refused", "a person said no")] * 2
        assert run.cluster.desired().change == "initial"
        assert run.loop.context.store.intent(decisions[0].id) is None
        assert len(planner.heard) == 2, "asking a person does not ask the planner again"


def test_a_question_left_open_is_abandoned_on_restart(tmp_path: Path) -> None:
    def gone(_: Json) -> bool:
        raise UsageError("the terminal has gone")

    with (
        toy_run(tmp_path, Scripted([CHEAPER]), mode="approve", approver=gone) as run,
        pytest.raises(UsageError, match="the terminal has gone"),
    ):
        turns(run, 1)

    with toy_run(tmp_path, Scripted([CHEAPER]), mode="approve", approver=lambda _: True) as run:
        (cut_off,) = run.loop.recover()
        (decision,) = turns(run, 1)

    assert (cut_off.id, cut_off.outcome) == ("toy-000001", "abandoned")
    assert cut_off.proposals[-1].configuration == CHEAPER, "what was asked is on record"
    assert (decision.id, decision.outcome) == ("toy-000002", "applied")


def test_observing_never_applies(tmp_path: Path) -> None:
    with toy_run(tmp_path, Scripted([ENOUGH, CHEAPER, TOO_SMALL, CHEAPER]), mode="observe") as run:
        decisions = turns(run, 3)

        assert [d.outcome for d in decisions] == ["recommended"] * 3
        assert [d.proposals[-1].configuration for d in decisions] == [ENOUGH, CHEAPER, CHEAPER]
        assert [d.certificate for d in decisions] == [None] * 3
        assert run.cluster.desired().change == "initial"


def test_without_metrics_the_loop_holds_still_and_asks_nobody(tmp_path: Path) -> None:
    planner = Scripted([CHEAPER, ENOUGH])

    with toy_run(tmp_path, planner, faults=[MetricOutage(start_s=15, end_s=25)]) as run:
        before, blind, half_blind, after = turns(run, 4)

        assert (before.outcome, after.outcome) == ("applied", "applied")
        for decision in (blind, half_blind):
            assert decision.outcome == "held"
            assert decision.observation is None
            assert [f.kind for f in decision.findings] == ["missing metrics"]
            assert decision.note == f"held: no metrics at {decision.time_s:g} s"
        assert len(planner.heard) == 2


def test_while_warming_up_what_runs_is_kept(tmp_path: Path) -> None:
    slow = TEXT.replace("cores: 2\n", "cores: 2\n          loadTime: 12.0\n")
    slow = slow.replace("min: 1, max: 8", "min: 8, max: 8").replace("min: 1, max: 4", "min: 4, max: 4")
    planner = Scripted([running("small", 8)])

    with toy_run(tmp_path, planner, text=slow) as run:
        decisions = turns(run, 3)

    assert [d.outcome for d in decisions] == ["held", "held", "applied"]
    assert [f.statement for d in decisions[:2] for f in d.findings if f.kind == "warming up"] == [
        "10 s of load seen, 22 s are one full window",
        "20 s of load seen, 22 s are one full window",
    ]
    assert len(planner.heard) == 1


def test_where_the_load_is_too_much_as_much_as_possible_is_served_and_said(tmp_path: Path) -> None:
    with toy_run(tmp_path, Scripted([ENOUGH]), trace_rps=RISING) as run:
        _, decision = turns(run, 2)

        assert decision.degraded
        assert decision.load_rps is not None
        assert 30 < decision.load_rps < 40
        assert decision.note.startswith("degraded: gives up ")
        assert "would fit" in decision.note
        served = run.cluster.desired().configuration
        check_hard_limits(served, max_cores=40)
        assert served["read"].replicas == 4


def test_an_accuracy_floor_that_cannot_be_kept_is_given_up_first(tmp_path: Path) -> None:
    text = TEXT.replace("{alpha: 10.0, beta: 0.1}", "{minimise: cost, minAccuracy: 0.7}")
    text = text.replace("maxCores: 40", "maxCores: 10")
    trace = [5.0] * INTERVAL_S + [30.0] * 60

    with toy_run(tmp_path, Scripted([None]), trace_rps=trace, text=text) as run:
        _, decision = turns(run, 2)

        assert (decision.outcome, decision.degraded) == ("applied", True)
        assert decision.note.startswith("degraded: gives up the accuracy floor of 0.7")
        assert decision.load_rps is not None
        assert decision.load_rps > 30
        served = run.cluster.desired().configuration
        check_hard_limits(served, max_cores=10)
        assert served["find"].variant == "small"
        assert decision.certificate is not None
        assert check_certificate(decision.certificate) == ()


def check_hard_limits(configuration: Configuration, *, max_cores: float) -> None:
    """Check the replica bounds and the budget."""
    assert 1 <= configuration["find"].replicas <= 8
    assert 1 <= configuration["read"].replicas <= 4
    assert configuration.cores(pipeline_of()) <= max_cores
