"""The account of a decision, word by word for records made by hand, and for whatever a real run leaves."""

from __future__ import annotations

import json
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from agent.asking import WIDTH, explain, written
from agent.explain.account import account, quiet
from agent.explain.text import MOST_LINE, neutral
from agent.planners import create
from core.approval import Approval
from core.assessment import Finding, Signal
from core.decision import Decision
from core.errors import UsageError
from core.proposal import Ask, Proposal
from core.spend import Planning, Spend
from core.tooluse import ToolUse
from core.trial import Quarantine
from tests.agent.explain.records import LAUNCH, OPTIMUM, SLOWER, SMALL, change, seen, turn
from tests.agent.toy import CHEAPER, TOO_SMALL, Scripted, never_asked, pipeline_of, refusing, toy_run, turns


def text_of(decision: Decision, *later: Decision) -> str:
    """Return the account as it is printed."""
    lines = written(account(decision, pipeline_of(), later))
    return "\n".join(f"{title:<12}{line}" if title else line for title, line in lines)


def test_a_quiet_turn_is_told_in_a_few_lines() -> None:
    assert text_of(turn(3), turn(4)).splitlines() == [
        "toy-000003: held at 30 s (pipeline toy, planner rules, mode auto)",
        "seen        load 10 to 10 rps, mean 10; 100.0% of 100 within the SLO of 2 s, latency 0.3 s",
        "considered  forecast (ar): at most 10 rps in 10 s at 90%, 8 expected; 95.0% of 20 stayed below, 1",
        "              did not; decided for 10 rps",
        "proposed    hold what runs: good enough",
        "checked     accepted: feasible",
        "            objective 6.7 of 6.7 at best, regret 0; accuracy 0.72, 5 cores, latency 0.3 s",
        "            8 constraints kept; tightest is capacity[find]: 10 against 10, 0% to spare",
        "done        held what runs",
        "            runs on: find=large/1x2, read=only/1x1",
        "came of it  the load reached 10 rps in the 10 seconds after, below the 10 forecast",
    ]


def test_a_change_is_told_from_what_was_seen_to_what_came_of_it() -> None:
    decision = change(3)
    assert decision.certificate is not None

    told = text_of(decision, turn(4, trial=decision.trial), turn(5, observation=seen(50, in_time=0.98)))

    assert told[told.index("checked") :].splitlines() == [
        "checked     accepted: feasible",
        "            objective 6.7 of 6.7 at best, regret 0; accuracy 0.72, 5 cores, latency 0.3 s",
        "            constraint                      value      limit      slack",
        "            latency                           0.3          2        1.7",
        "            capacity[find]                     10         10          0",
        "            capacity[read]                     10         10          0",
        "            replicas.min[read]                  1          1          0",
        "            cores                               5         40         35",
        "            and 3 replica bounds with room to spare",
        "done        applied",
        "            changed: find: small/1x1 → large/1x2",
        f"            proof: optimal by HiGHS, problem {decision.certificate.problem_digest[:12]} "
        "(trimtab decisions --verify toy-000003)",
        "came of it  kept at 50 s (toy-000005)",
        "            measured up to 50 s: 99.0% of 200 in time, at least 97.0% expected; 5 cores in use at",
        "              the end, 5 expected",
        "            the load reached 10 rps in the 10 seconds after, below the 10 forecast",
        "            next: toy-000004 at 40 s, held",
    ]


def test_a_failed_trial_says_why_and_until_when() -> None:
    decision = change(3)
    failed = Quarantine(
        configuration=OPTIMUM, until_s=900, decision=decision.id, evidence="80.0% of 200 requests in time"
    )

    told = text_of(decision, turn(4, trial=decision.trial), turn(5, quarantine=(failed,), running=OPTIMUM))

    assert "failed at 50 s, the last good configuration came back (toy-000005): 80.0% of 200" in told
    assert "not again before 900 s" in told


def test_a_trial_that_another_change_replaces_is_neither_kept_nor_failed() -> None:
    decision, second = change(3), change(4, before=OPTIMUM, after=SMALL)
    assert decision.trial is not None
    assert second.trial is not None
    second = second.model_copy(update={"trial": second.trial.model_copy(update={"before": SMALL})})

    assert "replaced before it was confirmed (toy-000004)" in text_of(decision, second)
    assert "still on trial" in text_of(decision, turn(4, trial=decision.trial))


def test_what_ran_after_the_change_was_replaced_is_not_measured_as_its_own() -> None:
    decision, back = change(3), turn(5, running=SMALL, observation=seen(50, in_time=0.0))

    told = text_of(decision, turn(4, trial=decision.trial), back)

    assert "measured up to 40 s: 100.0% of 100 in time" in told


def test_a_load_above_the_forecast_is_said_so() -> None:
    told = text_of(turn(3), turn(4, observation=seen(40, load_rps=14)))

    assert "the load reached 14 rps in the 10 seconds after, above the 10 forecast" in told


def test_everything_a_turn_considered_is_there() -> None:
    surge = Finding(
        kind="load surge",
        subject="toy",
        statement="12 rps, decided for 10",
        false_alarm=1e-3,
        since_s=20,
        low=11,
        high=13,
    )
    decision = turn(
        3,
        planner="llm",
        findings=(surge,),
        belief=SLOWER,
        events=(LAUNCH,),
        signals=(
            Signal(name="accuracy", state="missing"),
            Signal(name="queue[read]", state="stale", age_s=20),
        ),
        uses=(
            ToolUse(
                id="t1",
                call="c",
                tool="solve",
                arguments='{"headroom": 1.2}',
                ok=True,
                result='{"cores": 9}',
                shows=("load surge",),
            ),
            ToolUse(
                id="t2", call="c", tool="frontier", arguments="{}", ok=False, result="nothing is feasible"
            ),
        ),
        proposals=(
            Proposal(
                ask=Ask(headroom=1.2, load_factor=3),
                rationale="99 cores",
                cause="load surge",
                confidence=0.7,
                evidence=("t1",),
                diagnosis="it grows",
            ),
        ),
        rulings=turn(3).rulings,
        planning=Planning(
            triggers=("load surge of toy",),
            model="m",
            prompt="plan@1",
            fell_back="it timed out",
            ungrounded=("99 cores",),
            spend=Spend(calls=2, input_tokens=900, output_tokens=100, seconds=4.5, usd=None),
            day=Spend(calls=5, input_tokens=9000, usd=0.25),
        ),
    )

    told = " ".join(text_of(decision).split())

    for part in (
        "load surge in toy: 12 rps, decided for 10 (since 20 s, between 11 and 13, false alarm",
        "not fresh: missing: accuracy; stale: queue[read] (20 s old)",
        "belief: find/large takes 1.31 times its profile (1.25 to 1.37): 9 batches took 0.262 s",
        "calendar: launch by ann, 3 times the load from 100 s to 200 s (ahead): we launch",
        "language model m was asked (prompt plan@1): load surge of toy; the rules decided instead: it",
        't1 solve {"headroom": 1.2} → {"cores": 9} [shows load surge]',
        "t2 frontier {} → could not answer: nothing is feasible",
        "solve for headroom 1.2, 3 times the load: 99 cores",
        "diagnosis: it grows",
        "cause: load surge; confidence 0.7; rests on t1",
        "not grounded: no tool result it cites has 99 cores",
        "2 calls, 900 tokens in, 100 out, 4.5 s, price unknown; breaker closed",
        "last 24 hours: 5 calls, 9000 tokens, 0.2500 USD",
    ):
        assert part in told, part


def test_an_abandoned_turn_has_an_account_although_little_is_known() -> None:
    cut_off = Decision(
        id="toy-000009",
        pipeline="toy",
        time_s=90,
        mode="auto",
        planner="rules",
        observation=None,
        forecast=None,
        outcome="abandoned",
        note="the turn was cut off",
    )

    told = text_of(cut_off)

    assert "abandoned: the turn was cut off before it changed anything; the turn was cut off" in told
    assert "nothing: no metrics could be read" in told
    assert "nothing: no proposal came to the check" in told


def test_a_person_who_said_no_is_named_with_the_reason() -> None:
    word = Approval(proposal="ab" * 32, agreed=False, approver="ann", at=1, comment="not today")

    assert "ann said no, to proposal abababababab: not today" in text_of(
        turn(3, outcome="refused", approval=word)
    )


@pytest.mark.parametrize(
    "hostile",
    [
        pytest.param("\x1b[2J\x1b]0;owned\x07", id="escape sequences"),
        pytest.param("a\r\nb\x00c\x85d\u2028e", id="line breaks"),
        pytest.param("\u202egnp.exe\u2066\u200b\ufeff", id="bidirectional and zero-width"),
        pytest.param("\ud800 lone", id="half a surrogate pair"),
        pytest.param("[red]x[/red][/bold][link=http://e]y[/link]", id="markup"),
        pytest.param("x" * 100_000, id="endless"),
    ],
)
def test_hostile_text_reaches_a_terminal_as_one_plain_line(hostile: str) -> None:
    use = ToolUse.model_construct(
        id="t1",
        call="c",
        tool=hostile,
        arguments=hostile,
        ok=True,
        result=hostile[:8000],
        shows=(),
        seconds=0.0,
    )
    decision = turn(3).model_copy(
        update={
            "note": hostile,
            "uses": (use,),
            "events": (LAUNCH.model_copy(update={"note": hostile}),),
            "findings": (
                Finding.model_construct(
                    kind="slo breach",
                    subject="toy",
                    statement=hostile,
                    false_alarm=None,
                    since_s=None,
                    figure=None,
                    low=None,
                    high=None,
                ),
            ),
            "proposals": (
                turn(3).proposals[0].model_copy(update={"rationale": hostile, "diagnosis": hostile}),
            ),
        }
    )

    found = account(decision, pipeline_of(), ())

    lines = [line for section in found.sections for line in section.lines]
    assert all(line.isprintable() for line in lines)
    assert all(len(line) <= MOST_LINE for line in lines)
    assert all(len(f"{title}{line}") <= WIDTH for title, line in written(found))


def test_neutral_text_stays_as_it_is() -> None:
    assert neutral("größer als 5 → 7, 日本") == "größer als 5 → 7, 日本"
    assert neutral("a\n\n  b") == "a b"
    assert neutral("abc", 2) == "a…"


@pytest.mark.parametrize(
    ("planner", "mode"),
    [("rules", "auto"), ("ilp", "observe"), ("scripted", "approve"), ("scripted", "auto")],
)
def test_whatever_a_real_run_leaves_has_an_account_that_fits(tmp_path: Path, planner: str, mode: str) -> None:
    made = Scripted([TOO_SMALL, CHEAPER, None]) if planner == "scripted" else create(planner)
    approver = refusing if mode == "approve" else never_asked
    load = (10.0,) * 20 + (25.0,) * 20 + (200.0,) * 40
    with toy_run(tmp_path, made, mode=mode, trace_rps=load, approver=approver) as run:  # type: ignore[arg-type]
        run.loop.recover()
        decisions = turns(run, 5)

    for number, decision in enumerate(decisions):
        found = account(decision, pipeline_of(), tuple(decisions[number + 1 :]))
        titles = [section.title for section in found.sections]
        assert titles[:6] == ["seen", "considered", "proposed", "checked", "done", "came of it"]
        lines = written(found)
        assert max(len(title.ljust(12)) + len(line) if title else len(line) for title, line in lines) <= WIDTH
        assert not quiet(decision) or len(lines) <= 12
        out = StringIO()
        with redirect_stdout(out):
            explain(tmp_path / "data", decision.id, as_json=True)
        answer = json.loads(out.getvalue())
        assert (answer["id"], answer["outcome"]) == (decision.id, decision.outcome)
        assert Decision.model_validate(answer["decision"]) == decision


def test_an_unknown_decision_is_one_clear_error(tmp_path: Path) -> None:
    with toy_run(tmp_path, create("rules")) as run:
        turns(run, 1)

    with pytest.raises(UsageError, match="there is no decision 'toy-9'"):
        explain(tmp_path / "data", "toy-9", as_json=False)


def test_a_store_reads_what_followed_a_decision_oldest_first(tmp_path: Path) -> None:
    with toy_run(tmp_path, create("rules")) as run:
        turns(run, 4)

        following = run.loop.context.store.after("toy-000001", 2)

    assert [d.id for d in following] == ["toy-000002", "toy-000003"]
