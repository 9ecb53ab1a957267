"""Answers without a language model; counterfactuals are worked out by hand.

The toy at 10 requests/s: two large replicas and one of `read`, 10 x 0.72 - 0.1 x 5 = 6.7. With the small
variant one replica of each does: 10 x 0.45 - 0.1 x 2 = 4.3.
"""

from __future__ import annotations

import pytest

from agent.explain.answer import answer
from agent.explain.reply import FROM_RECORD
from core.assessment import Finding, Signal
from core.decision import Decision
from core.problem import VariantName
from core.trial import Quarantine
from tests.agent.explain.records import SLOWER, SMALL, change, seen, subject, turn
from tests.agent.toy import ENOUGH


def told(question: str, decision: Decision | None = None, **changes: object) -> str:
    """Return the answer's sentences."""
    return "\n".join(s.text for s in answer(question, subject(decision, **changes)).statements)  # type: ignore[arg-type]


def test_the_smaller_model_loses_in_the_objective_and_saves_cores() -> None:
    assert told("why not the smaller model?") == (
        "with find/small the best is find=small/1x1, read=only/1x1: objective 4.3, accuracy 0.45, 2 cores, "
        "latency 0.2 s\n"
        "worse than the optimum by 2.4 in the objective; against the optimum as decided: -3 cores, "
        "-0.1 s latency, -0.27 accuracy"
    )


def test_the_larger_model_of_a_stage_at_its_largest_does_not_exist() -> None:
    assert told("why not the larger model?") == "no stage has a larger model than what it runs"


def test_a_variant_that_is_chosen_needs_no_excuse() -> None:
    assert told("why not large?") == "find/large is what was chosen"


def test_a_variant_that_no_limit_allows_is_answered_with_the_limit() -> None:
    decision = turn(3, load_rps=39.0, running=ENOUGH, belief=SLOWER)

    assert "find/large cannot be had: " in told(
        "why not large", decision.model_copy(update={"running": SMALL})
    )
    assert "carries at most 30.5344 rps within its limits" in told(
        "why not large", decision.model_copy(update={"running": SMALL})
    )


def test_a_variant_in_quarantine_is_solved_all_the_same_and_said_so() -> None:
    barred = Quarantine(
        configuration=ENOUGH,
        variants=(VariantName(stage="find", variant="large"),),
        until_s=900,
        decision="toy-000001",
        evidence="late",
    )

    said = told("why not large?", turn(3, running=SMALL, quarantine=(barred,)))

    assert said.startswith("find/large was left out: a change to it failed")
    assert "better by 2.4, but it was left out" in said


def test_twice_the_load_needs_twice_the_cores() -> None:
    said = told("what if load doubles?")

    assert "would not do for 20 rps and an SLO of 2 s" in said
    assert "capacity[find] is 10, the limit 20" in said
    assert "the best would be find=large/1x4, read=only/1x2: objective 6.2, accuracy 0.72, 10 cores" in said
    assert "+5 cores, 0 s latency, 0 accuracy" in said


def test_less_load_is_still_carried_and_the_regret_is_said() -> None:
    assert "would still carry 5 rps and an SLO of 2 s, with a regret of 0.2" in told("what if load is 5 rps?")


def test_an_slo_that_only_the_small_variant_keeps() -> None:
    said = told("what if the SLO is 250 ms?")

    assert "latency is 0.3, the limit 0.25" in said
    assert "the best would be find=small/1x1, read=only/1x1: objective 4.3" in said


def test_a_load_that_nothing_carries_says_what_would_fit() -> None:
    said = told("what if load is 60 rps?")

    assert "nothing would be feasible: stage 'read' carries at most 40 rps" in said
    assert "; a load of 39.99" in said


@pytest.mark.parametrize(
    "question", ["what if load is 99999999999999 rps", "what if the SLO is 0.0000000001 s"]
)
def test_figures_beyond_belief_are_not_solved(question: str) -> None:
    assert told(question) == "that load or SLO is beyond what any pipeline has; nothing was solved"


def test_why_gives_the_load_the_reason_the_check_and_the_tightest_limit() -> None:
    reply = answer("why this configuration?", subject(change(3)))

    text = "\n".join(s.text for s in reply.statements)
    assert {s.source for s in reply.statements} == {"decision toy-000003"}
    assert reply.label == FROM_RECORD
    for part in (
        "find=large/1x2, read=only/1x1 at 30 s: applied",
        "decided for 10 rps; at most 10 rps are forecast",
        "proposed because: a gain of 2.4",
        "objective 6.7, the exact optimum has 6.7: regret 0",
        "tightest limit: capacity[find] is 10, the limit 10",
    ):
        assert part in text


def test_what_changed_is_told_against_the_decision_before() -> None:
    surge = Finding(kind="load surge", subject="toy", statement="more")

    said = told("what changed?", change(3, findings=(surge,)), earlier=(change(1), turn(2, load_rps=8.0)))

    assert said.splitlines() == [
        "changed: find: small/1x1 → large/1x2",
        "load decided for: 8 rps before, 10 rps now",
        "found now, not before: load surge",
        "last change before: find: small/1x1 → large/1x2, at 10 s",
    ]
    assert told("what changed?").startswith("it changed nothing: held what runs")


def test_all_is_well_only_where_it_was_measured_and_nothing_was_found() -> None:
    breach = Finding(kind="slo breach", subject="toy", statement="90.0% of 100")
    unseen = turn(3, observation=seen(30, in_time=None), signals=(Signal(name="latency", state="missing"),))

    assert told("is it all right?").startswith("yes: ")
    assert told("is it all right?", turn(3, findings=(breach,))).startswith("no: slo breach found")
    assert told("is it all right?", turn(3, degraded=True, note="gives up 4 rps")).startswith(
        "no: gives up 4 rps"
    )
    assert told("is it all right?", unseen).startswith("not known: ")
    assert "not known now: latency" in told("is it all right?", unseen)


def test_what_cannot_be_solved_is_said_and_not_guessed() -> None:
    blind = turn(
        3, observation=None, forecast=None, load_rps=None, proposals=(), rulings=(), note="held: no metrics"
    )

    for question in ("why not small?", "what if load doubles?", "what would make it switch?"):
        assert told(question, blind).startswith("nothing can be solved for this decision")


def test_what_is_not_understood_gets_the_list_of_what_is() -> None:
    assert "what would make it switch?" in told("sing")
    assert "variants: find/small, find/large, read/only" in told("sing")


def test_a_hostile_question_comes_back_as_plain_text() -> None:
    reply = answer("why\x1b[2J\u202e not small?\n\n[red]", subject())

    assert reply.question.isprintable()
    assert all(s.text.isprintable() and s.source.isprintable() for s in reply.statements)


def test_hostile_records_are_answered_from_as_plain_text() -> None:
    hostile = turn(
        3, note="late\x1b[2J\u202e", findings=(Finding(kind="slo breach", subject="toy", statement="a\rb"),)
    )

    for question in ("why?", "is it all right?"):
        assert all(s.text.isprintable() for s in answer(question, subject(hostile)).statements)
