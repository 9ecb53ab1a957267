"""The routes of a turn: who hears what, when a person is asked, and what reaches the cluster."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agent.context import MAX_REVISIONS
from core.approval import Approval, proposal_hash
from core.configuration import Configuration
from core.decision import check_certificate
from core.ruling import EPSILON
from simulator.faults import MetricOutage
from tests.agent.toy import (
    AT_ONCE,
    CHEAPER,
    ENOUGH,
    INTERVAL_S,
    TEXT,
    TOO_SMALL,
    Scripted,
    agreeing,
    pipeline_of,
    refusing,
    running,
    silent,
    toy_run,
    turns,
)
from tools.requests import Request

RISING = [10.0] * INTERVAL_S + [60.0] * 60
"""More than stage `read` can carry with its four replicas, 40 requests/s, from the second interval on."""


def test_a_rejected_planner_hears_why_and_tries_again(tmp_path: Path) -> None:
    planner = Scripted([TOO_SMALL, ENOUGH])

    with toy_run(tmp_path, planner) as run:
        (decision,) = turns(run, 1)

        first, second = planner.heard
        assert first.rejected == ()
        ((proposal, ruling),) = second.rejected
        assert proposal.configuration == TOO_SMALL
        assert ruling.verdict is not None
        assert {c.constraint for c in ruling.verdict.violations} >= {"capacity[find]", "capacity[read]"}
        assert [r.ruled for r in decision.rulings] == ["infeasible", "accepted"]
        assert decision.outcome == "applied"
        assert run.cluster.desired().configuration == ENOUGH


def test_a_stubborn_planner_is_overruled_by_the_exact_optimum(tmp_path: Path) -> None:
    planner = Scripted([ENOUGH, TOO_SMALL])

    with toy_run(tmp_path, planner) as run:
        _, decision = turns(run, 2)

        assert len(planner.heard) == 1 + 1 + MAX_REVISIONS
        assert [p.configuration for p in decision.proposals[:-1]] == [TOO_SMALL] * (1 + MAX_REVISIONS)
        assert "exact optimum" in decision.proposals[-1].rationale
        assert [r.ruled for r in decision.rulings] == ["infeasible"] * (1 + MAX_REVISIONS) + ["accepted"]
        verdict = decision.rulings[-1].verdict
        assert verdict is not None
        assert verdict.regret == pytest.approx(0, abs=1e-9)
        assert decision.certificate is not None
        assert decision.certificate.status == "optimal"
        assert run.cluster.desired().configuration == decision.certificate.configuration


def test_a_planner_that_names_what_is_not_there_hears_what_there_is_and_does_no_harm(tmp_path: Path) -> None:
    planner = Scripted([running("gpt", 4), CHEAPER])

    with toy_run(tmp_path, planner) as run:
        (decision,) = turns(run, 1)

        ((_, ruling),) = planner.heard[1].rejected
        assert (ruling.ruled, ruling.candidate) == ("impossible", None)
        assert ruling.reason == "stage 'find' has no variant 'gpt', only small, large"
        assert decision.outcome == "applied"
        assert run.cluster.desired().configuration == CHEAPER


def test_a_planner_without_a_cause_gets_the_optimum_at_once(tmp_path: Path) -> None:
    planner = Scripted([CHEAPER])

    with toy_run(tmp_path, planner, settings=replace(AT_ONCE, epsilon=EPSILON)) as run:
        (decision,) = turns(run, 1)

        assert [r.ruled for r in decision.rulings] == ["unsupported", "accepted"]
        assert "cause 'none' is no reason to deviate" in decision.rulings[0].reason
        assert len(planner.heard) == 1
        served = run.cluster.desired().configuration
        assert served["find"].variant == "large"


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
    asked: list[Request] = []

    def agree(request: Request) -> Approval:
        asked.append(request)
        return agreeing(request)

    with toy_run(tmp_path, Scripted([TOO_SMALL, CHEAPER]), mode="approve", approver=agree) as run:
        before = run.cluster.desired().configuration
        (decision,) = turns(run, 1)

        (request,) = asked
        assert request.decision == decision.id
        assert request.running == before
        assert request.proposed == CHEAPER
        assert request.proposal == proposal_hash("toy", before, CHEAPER)
        assert decision.outcome == "applied"
        assert decision.approval is not None
        assert decision.approval.approver == "ann"
        assert run.cluster.desired().configuration == CHEAPER


def test_nothing_happens_when_a_person_says_no(tmp_path: Path) -> None:
    planner = Scripted([CHEAPER])

    with toy_run(tmp_path, planner, mode="approve", approver=refusing) as run:
        decisions = turns(run, 2)

        assert [(d.outcome, d.note) for d in decisions] == [("refused", "ann said no: not today")] * 2
        assert run.cluster.desired().change == "initial"
        assert run.loop.context.store.intent(decisions[0].id) is None
        assert len(planner.heard) == 2, "asking a person does not ask the planner again"


def test_a_question_is_asked_again_after_a_restart_and_checked_anew(tmp_path: Path) -> None:
    with toy_run(tmp_path, Scripted([CHEAPER]), mode="approve", approver=silent) as run:
        run.cluster.pass_time(INTERVAL_S)
        assert run.loop.tick() is None
        (asked,) = run.loop.context.requests.open_requests()

    with toy_run(tmp_path, Scripted([ENOUGH]), mode="approve", approver=agreeing) as run:
        assert run.loop.recover() == ()
        (decision,) = turns(run, 1)

        assert (decision.id, decision.outcome) == ("toy-000001", "applied")
        assert decision.proposals[-1].rationale == "ann agreed to it; checked again"
        assert decision.approval is not None
        assert decision.approval.proposal == asked.proposal
        assert run.cluster.desired().configuration == CHEAPER
        assert run.loop.context.requests.open_requests() == ()


def test_while_a_person_thinks_the_loop_goes_on_looking(tmp_path: Path) -> None:
    planner = Scripted([CHEAPER])
    with toy_run(tmp_path, planner, mode="approve", approver=silent) as run:
        run.cluster.pass_time(INTERVAL_S)
        assert run.loop.tick() is None
        (later,) = turns(run, 1)

        assert (later.id, later.outcome) == ("toy-000002", "recommended")
        assert later.note == "waits for the answer to toy-000001, which is the same change"
        assert run.cluster.desired().change == "initial"


def test_another_change_supersedes_the_question(tmp_path: Path) -> None:
    with toy_run(tmp_path, Scripted([CHEAPER, ENOUGH]), mode="approve", approver=silent) as run:
        for _ in range(2):
            run.cluster.pass_time(INTERVAL_S)
            assert run.loop.tick() is None

        (open_now,) = run.loop.context.requests.open_requests()
        assert (open_now.decision, open_now.proposed) == ("toy-000002", ENOUGH)
        older = run.loop.context.store.decision("toy-000001")
        assert (older.outcome, older.note) == ("refused", "superseded by toy-000002")


def test_a_question_nobody_answers_expires(tmp_path: Path) -> None:
    now = [1000.0]
    with toy_run(tmp_path, Scripted([CHEAPER]), mode="approve", approver=silent, unix=lambda: now[0]) as run:
        run.cluster.pass_time(INTERVAL_S)
        assert run.loop.tick() is None
        now[0] += AT_ONCE.approval_s
        run.cluster.pass_time(INTERVAL_S)
        assert run.loop.tick() is None

        (again,) = run.loop.context.requests.open_requests()
        assert again.decision == "toy-000002"
        asked = run.loop.context.store.decision("toy-000001")
        assert (asked.outcome, asked.note) == ("refused", "nobody answered in time")


def test_an_answer_to_another_proposal_is_refused(tmp_path: Path) -> None:
    def stale(request: Request) -> Approval:
        other = proposal_hash("toy", request.running, ENOUGH)
        return Approval(proposal=other, agreed=True, approver="ann", at=1.0)

    with toy_run(tmp_path, Scripted([CHEAPER]), mode="approve", approver=stale) as run:
        (decision,) = turns(run, 1)

        assert (decision.outcome, decision.note) == ("refused", "the answer is to another proposal")
        assert run.cluster.desired().change == "initial"


def test_a_late_yes_to_what_is_no_longer_feasible_changes_nothing(tmp_path: Path) -> None:
    answers: list[Request] = []

    def late(request: Request) -> Approval | None:
        answers.append(request)
        return agreeing(request) if len(answers) > 1 else None

    small = running("small", 3, read=3)
    with toy_run(
        tmp_path, Scripted([small]), mode="approve", approver=late, trace_rps=[10.0] * 10 + [36.0] * 60
    ) as run:
        run.cluster.pass_time(INTERVAL_S)
        assert run.loop.tick() is None
        (decision,) = turns(run, 1)

        assert (decision.id, decision.outcome) == ("toy-000001", "refused")
        assert decision.note.startswith("agreed to, but no longer possible: ")
        assert "capacity[find] is 30, the limit is" in decision.note
        assert run.cluster.desired().change == "initial"


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
