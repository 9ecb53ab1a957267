"""A decision laid out as a timeline says all that is on record, in the order in which it happened."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import pytest

from agent.planners import create
from core.assessment import Finding
from core.decision import Decision
from core.proposal import Proposal
from core.tooluse import ToolUse
from core.trial import Quarantine
from tests.agent.explain.records import LAUNCH, OPTIMUM, SLOWER, SMALL, change, turn
from tests.agent.llm.server import calling, completion, failing, proposing
from tests.agent.toy import agreeing, pipeline_of, running, toy_run, turns
from tests.ui.decisions.decided import ELSEWHERE, NOWHERE, by_model, by_rules, decisions, entries
from tools.flight import Entry
from ui.decisions.exchanges import Said
from ui.decisions.steps import (
    Acted,
    Approved,
    Assessed,
    Came,
    Change,
    Checked,
    Foreseen,
    Observed,
    Proposed,
    Proved,
    Revised,
    Spent,
    Step,
)
from ui.decisions.timeline import LEAST_AFTER, timeline


@pytest.fixture(scope="module")
def ruled(tmp_path_factory: pytest.TempPathFactory) -> list[Decision]:
    return decisions(by_rules(tmp_path_factory.mktemp("rules")))


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Decision, tuple[Entry, ...]]:
    data = by_model(tmp_path_factory.mktemp("llm"))
    decision = decisions(data)[0]
    return decision, entries(data, decision)


def kinds(steps: tuple[Step, ...]) -> list[str]:
    return [type(step).__name__ for step in steps]


def of(decision: Decision, *later: Decision, said: tuple[Entry, ...] = ()) -> tuple[Step, ...]:
    return timeline(decision, pipeline_of(), said, later)


T = TypeVar("T", bound=Step)


def every(steps: tuple[Step, ...], kind: type[T]) -> list[T]:
    return [step for step in steps if isinstance(step, kind)]


def only(steps: tuple[Step, ...], kind: type[T]) -> T:
    found = every(steps, kind)
    assert len(found) == 1
    return found[0]


def test_a_change_by_the_rules_is_told_from_what_was_seen_to_what_came_of_it(ruled: list[Decision]) -> None:
    applied = ruled[0]

    steps = of(applied, *ruled[1:])

    assert kinds(steps) == [
        "Observed",
        "Foreseen",
        "Assessed",
        "Proposed",
        "Checked",
        "Acted",
        "Proved",
        "Came",
        "Spent",
    ]
    assert only(steps, Observed).observation == applied.observation
    assert only(steps, Foreseen).load_rps == applied.load_rps
    assert only(steps, Assessed).findings == applied.findings
    assert only(steps, Proposed).author == "no model"
    assert only(steps, Checked).ruling == applied.rulings[-1]
    assert only(steps, Proved).certificate == applied.certificate
    assert only(steps, Spent).planning == applied.planning


def test_a_talk_with_a_model_is_told_in_the_order_in_which_it_happened(
    asked: tuple[Decision, tuple[Entry, ...]],
) -> None:
    decision, said = asked

    steps = of(decision, said=said)

    assert kinds(steps)[3:-4] == [
        "ToolUse",  # read_metrics and solve, with which every turn begins
        "ToolUse",
        "Said",  # useless
        "Said",
        "ToolUse",  # frontier
        "Said",
        "Proposed",
        "Checked",
        "Revised",
        "Said",
        "Proposed",
        "Checked",
    ]
    assert [use.tool for use in every(steps, ToolUse)] == ["read_metrics", "solve", "frontier"]
    assert [(p.number, p.author) for p in every(steps, Proposed)] == [(1, "model"), (2, "model")]
    assert [c.ruling.ruled for c in every(steps, Checked)] == ["infeasible", "accepted"]
    assert only(steps, Revised) == Revised(accepted=False, next_author="model")


def test_every_message_to_the_model_is_told_once(asked: tuple[Decision, tuple[Entry, ...]]) -> None:
    decision, said = asked

    talk = every(of(decision, said=said), Said)

    assert [[m.role for m in exchange.sent] for exchange in talk] == [
        ["system", "user"],
        ["user"],  # the correction
        ["tool"],  # what the frontier is
        ["tool"],  # what is wrong with the proposal
    ]
    texts = [m.content for exchange in talk for m in exchange.sent]
    assert len(set(texts)) == len(texts)
    assert [exchange.failures for exchange in talk] == [("it calls no tool",), (), (), ()]
    assert talk[0].text == "let me think"
    assert [exchange.calls[0].tool for exchange in talk[1:]] == ["frontier", "propose", "propose"]
    assert sum(exchange.spend.tokens for exchange in talk) == decision.planning.spend.tokens


def test_invented_figures_are_found_in_every_proposal_of_the_model(
    asked: tuple[Decision, tuple[Entry, ...]],
) -> None:
    decision, said = asked

    first, second = every(of(decision, said=said), Proposed)

    assert decision.planning.ungrounded == (ELSEWHERE,), "the record lists those of the last one"
    assert first.loose == (NOWHERE,)
    assert second.loose == (ELSEWHERE,)


def test_without_the_flight_recorder_the_record_alone_says_which_figures_are_invented(
    asked: tuple[Decision, tuple[Entry, ...]],
) -> None:
    steps = of(asked[0])

    assert [(p.author, p.loose) for p in every(steps, Proposed)] == [
        ("unknown", ()),
        ("unknown", (ELSEWHERE,)),
    ]
    assert [use.tool for use in every(steps, ToolUse)] == ["read_metrics", "solve", "frontier"]


def test_a_call_that_a_weak_model_wrote_as_text_is_its_proposal(tmp_path: Path) -> None:
    text = 'propose {"action": "solve", "cause": "none", "rationale": "7777 of them", "evidence": ["t1"]}'
    data = by_model(tmp_path, completion(content=text))
    decision = decisions(data)[0]

    proposal = every(of(decision, said=entries(data, decision)), Proposed)[0]

    assert (proposal.author, proposal.loose) == ("model", ("7777",))


def test_where_the_model_fails_the_rules_are_not_held_to_its_figures(tmp_path: Path) -> None:
    data = by_model(tmp_path, failing(500))
    decision = decisions(data)[0]

    steps = of(decision, said=entries(data, decision))

    talk = every(steps, Said)
    assert talk
    assert not any(exchange.answered for exchange in talk)
    assert all(exchange.failures for exchange in talk)
    assert {(p.author, p.loose) for p in every(steps, Proposed)} == {("no model", ())}
    assert only(steps, Spent).planning.fell_back


def test_a_rejected_model_that_is_then_overruled_is_told_apart_from_the_loop(tmp_path: Path) -> None:
    wish = running("small", 2, read=4).model_dump(mode="json")["stages"]
    data = by_model(tmp_path, proposing(action="configure", stages=wish, rationale="31337 is cheaper"))
    decision = decisions(data)[0]

    steps = of(decision, said=entries(data, decision))

    found = [(p.author, p.loose) for p in every(steps, Proposed)]
    assert found[0] == ("model", ("31337",))
    assert found[-1] == ("no model", ())
    assert every(steps, Revised)[-1].next_author == "no model"


def test_attempts_that_brought_no_answer_belong_to_their_prompt(tmp_path: Path) -> None:
    data = by_model(tmp_path, failing(503), calling("propose", action="hold", rationale="r", cause="none"))
    decision = decisions(data)[0]

    first = every(of(decision, said=entries(data, decision)), Said)[0]

    assert first.answered
    assert len(first.failures) == 1
    assert "503" in first.failures[0]
    assert first.spend.calls == 2


def test_a_quiet_turn_has_nothing_to_tell_of_findings_approval_or_proof() -> None:
    steps = of(turn(3))

    assert kinds(steps) == ["Observed", "Foreseen", "Proposed", "Checked", "Acted", "Came", "Spent"]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(
            {"findings": (Finding(kind="slo breach", subject="toy", statement="late"),)}, id="finding"
        ),
        pytest.param({"belief": SLOWER}, id="belief"),
        pytest.param({"events": (LAUNCH,)}, id="event"),
        pytest.param(
            {
                "quarantine": (
                    Quarantine(configuration=SMALL, until_s=99, decision="toy-000001", evidence="failed"),
                )
            },
            id="quarantine",
        ),
    ],
)
def test_whatever_was_made_of_it_is_assessed(changes: dict[str, object]) -> None:
    assert len(every(of(turn(3, **changes)), Assessed)) == 1


def test_a_quarantine_that_is_over_is_not_told() -> None:
    over = Quarantine(configuration=SMALL, until_s=30, decision="toy-000001", evidence="failed")

    assert not every(of(turn(3, quarantine=(over,))), Assessed)


def test_an_approval_is_told_between_the_verdict_and_what_was_done(tmp_path: Path) -> None:
    with toy_run(tmp_path, create("rules"), mode="approve", approver=agreeing) as run:
        decision = turns(run, 1)[0]

    steps = of(decision)

    assert only(steps, Approved).approval.approver == "ann"
    told = kinds(steps)
    assert told.index("Checked") < told.index("Approved") < told.index("Acted")


def test_what_was_applied_is_told_stage_by_stage() -> None:
    done = only(of(change(3)), Acted)

    assert done.changes == (
        Change("find", "small, batch 1, 1 replica", "large, batch 1, 2 replicas"),
        Change("read", "only, batch 1, 1 replica", "only, batch 1, 1 replica"),
    )
    assert [c.changed for c in done.changes] == [True, False]


def test_what_was_only_recommended_is_told_against_what_runs() -> None:
    wanted = (Proposal(configuration=OPTIMUM, rationale="better"),)

    done = only(of(turn(3, running=SMALL, proposals=wanted, outcome="recommended")), Acted)

    assert done.changes[0] == Change("find", "small, batch 1, 1 replica", "large, batch 1, 2 replicas")


def test_what_is_held_changes_nothing() -> None:
    assert not any(c.changed for c in only(of(turn(3)), Acted).changes)


def test_what_was_predicted_stands_for_as_long_as_the_change_ran() -> None:
    applied = change(3)
    later = [turn(k, running=OPTIMUM) for k in (4, 5)] + [turn(k, running=SMALL) for k in range(6, 20)]

    came = only(of(applied, *later), Came)

    assert came.under_s == 50.0
    verdict = applied.rulings[-1].verdict
    assert verdict is not None
    assert (came.expected.latency_s, came.expected.accuracy) == (verdict.latency_s, verdict.accuracy)
    assert [o.time_s for o in came.measured] == [10.0 * k for k in range(4, 4 + LEAST_AFTER)]


def test_nothing_is_predicted_of_what_never_ran() -> None:
    wanted = (Proposal(configuration=OPTIMUM, rationale="better"),)
    later = [turn(k, running=SMALL) for k in (4, 5)]

    came = only(of(turn(3, running=SMALL, proposals=wanted, outcome="recommended"), *later), Came)

    assert (came.expected.latency_s, came.expected.accuracy) == (None, None)


def test_what_was_not_measured_is_not_drawn() -> None:
    later = (turn(4, observation=None, forecast=None), turn(5))

    assert [o.time_s for o in only(of(turn(3), *later), Came).measured] == [50.0]


def test_a_turn_without_metrics_or_pipeline_is_told_all_the_same() -> None:
    blind = turn(3, observation=None, forecast=None, load_rps=None, proposals=(), rulings=(), running=None)

    steps = timeline(blind, None)

    assert only(steps, Observed).observation is None
    assert only(steps, Acted).changes == ()
    assert only(steps, Came).lines


def test_what_the_limits_on_change_put_in_its_place_is_no_rejection() -> None:
    both = (Proposal(configuration=OPTIMUM, rationale="better"), Proposal(rationale="not so fast"))

    assert only(of(turn(3, proposals=both)), Revised).accepted
