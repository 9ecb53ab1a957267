"""The LLM planner in a turn: when it asks, what good, clumsy and hostile answers come to, where it ends."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from agent.llm.recorder import MemoryRecorder
from agent.llm.settings import PlannerSettings
from agent.llm.triggers import Triggers
from agent.planners.briefing import Briefing
from core.proposal import Ask
from tests.agent.llm.seat import NO_OPENING, SOLVE, Hands, planner_of
from tests.agent.llm.server import (
    KEY,
    Heard,
    Line,
    Script,
    calling,
    completion,
    failing,
    proposing,
    scripted,
)
from tests.agent.llm.table import SURGE, Table, quiet, running, situation


def test_a_good_model_reads_and_then_proposes_what_is_accepted() -> None:
    with scripted(calling("frontier"), proposing(action="solve", evidence=["t1"])) as model:
        table = Table(planner_of(model), situation(4.0))

        proposal = table.turn()

    assert proposal.ask == Ask()
    assert proposal.evidence == ("t1",)
    assert table.rulings[-1].ruled == "accepted"
    assert [use.tool for use in table.uses] == ["frontier"]
    assert table.planning.fell_back == ""
    assert table.planning.model == "scripted"
    assert table.planning.spend.calls == 2
    assert table.planning.spend.tokens == 2100
    assert "load_rps" in model.heard[1].last


def test_on_a_quiet_interval_no_model_is_called() -> None:
    with scripted(SOLVE) as model:
        table = Table(planner_of(model), quiet())

        table.turn()

    assert model.heard == []
    assert table.planning.triggers == ()
    assert table.planning.model is None


def test_the_first_prompt_already_has_the_results_of_the_opening_tools() -> None:
    with scripted(SOLVE) as model:
        table = Table(planner_of(model, settings=PlannerSettings()), situation(4.0))

        table.turn()

    assert [use.tool for use in table.uses] == ["read_metrics", "solve"]
    assert len(model.heard) == 1
    assert '<data id="t1"' in model.heard[0].last
    assert "0.9512" in model.heard[0].last


def test_a_rejected_proposal_comes_back_with_figures_and_may_be_revised() -> None:
    too_small = proposing(
        action="configure",
        stages=[
            {"stage": "find", "variant": "small", "batch": 1, "replicas": 1},
            {"stage": "read", "variant": "only", "batch": 1, "replicas": 1},
        ],
    )
    with scripted(too_small, SOLVE) as model:
        table = Table(planner_of(model), situation())

        proposal = table.turn()

    assert proposal.ask == Ask()
    assert [r.ruled for r in table.rulings] == ["infeasible", "accepted"]
    assert "capacity[find]" in model.heard[1].last
    assert "Nearest feasible" in model.heard[1].last


def test_figures_that_no_cited_result_has_are_flagged() -> None:
    line = proposing(
        action="solve", evidence=["t1"], rationale="7 replicas carry 12 rps; 31 % slower, 99 kilos of it"
    )
    with scripted(line) as model:
        table = Table(planner_of(model, settings=PlannerSettings()), situation())

        table.turn()

    assert table.planning.ungrounded == ("99",)


def test_a_figure_of_a_result_that_is_not_cited_is_flagged_too() -> None:
    line = proposing(action="solve", evidence=[], rationale="7 replicas")
    with scripted(line) as model:
        table = Table(planner_of(model, settings=PlannerSettings()), situation())

        table.turn()

    assert table.planning.ungrounded == ("7 replicas",)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        pytest.param(completion(calls=(("solve", '{"stage": '),)), "no JSON", id="malformed arguments"),
        pytest.param(completion(content="I would add replicas."), "calls no tool", id="text"),
        pytest.param(completion(content=""), "empty", id="nothing"),
        pytest.param(completion(content=None, refusal="I cannot."), "refused", id="refusal"),
        pytest.param(completion(content="It se", finish="length"), "cut off", id="truncation"),
        pytest.param(
            completion(calls=(("propose", '{"action": "so'),), finish="length"), "cut off", id="cut arguments"
        ),
        pytest.param(completion(content="", finish="content_filter"), "filtered", id="filter"),
        pytest.param(calling("apply_now"), "no tool 'apply_now'", id="unknown tool"),
        pytest.param(proposing(action="explode"), "action", id="unknown action"),
        pytest.param(proposing(action="configure"), "needs stages", id="no stages"),
        pytest.param(
            proposing(action="solve", ask={"headroom": 99}), "headroom", id="headroom out of bounds"
        ),
        pytest.param(proposing(action="hold", password="x"), "password", id="invented field"),
        pytest.param(proposing(action="hold", cause="the moon"), "cause", id="invented cause"),
        pytest.param(proposing(action="hold", confidence="high"), "confidence", id="a word for a number"),
    ],
)
def test_an_answer_that_cannot_be_used_is_answered_with_a_sentence(line: Line, complaint: str) -> None:
    with scripted(line, SOLVE) as model:
        table = Table(planner_of(model), situation(4.0))

        proposal = table.turn()

    assert proposal.ask == Ask()
    assert complaint in model.heard[1].last
    assert table.planning.fell_back == ""


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(completion(content="no"), id="text"),
        pytest.param(calling("rm"), id="unknown tool"),
        pytest.param(completion(calls=(("propose", "{"),)), id="malformed"),
        pytest.param(completion(refusal="no"), id="refusal"),
    ],
)
def test_a_model_that_does_not_learn_is_given_up(line: Line) -> None:
    hands = Hands()
    recorder = MemoryRecorder(hands.clock)
    with scripted(line) as model:
        table = Table(planner_of(model, recorder, hands=hands), situation())

        table.turn()

    assert len(model.heard) == 3
    assert "cannot be used" in table.planning.fell_back
    assert table.rulings[-1].ruled == "accepted"
    assert recorder.failures() == 1


def test_a_repeated_call_is_refused_and_a_proposal_forced() -> None:
    with scripted(calling("solve"), calling("solve"), SOLVE) as model:
        table = Table(planner_of(model), situation(4.0))

        table.turn()

    assert len(table.uses) == 1
    assert "already, in t1" in model.heard[2].last
    assert model.heard[2].choice == "propose"
    assert table.planning.fell_back == ""


def test_ping_pong_ends() -> None:
    lines = [calling(name) for name in ("solve", "frontier") * 6]
    with scripted(*lines) as model:
        table = Table(planner_of(model), situation())

        table.turn()

    assert len(table.uses) == 2
    assert len(model.heard) == 5
    assert "cannot be used" in table.planning.fell_back


def test_ever_new_calls_end_in_a_forced_proposal() -> None:
    def restless(body: dict[str, Any]) -> Line:
        return calling("solve", stage=f"s{len(body['messages'])}")

    with scripted(restless) as model:
        table = Table(planner_of(model), situation())

        table.turn()

    assert [h.choice for h in model.heard[:4]] == ["required"] * 3 + ["propose"]
    assert len(table.uses) == NO_OPENING.tool_rounds
    assert table.planning.fell_back


AS_IT_IS = {"action": "solve", "cause": "none", "rationale": "as it is"}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            f"```json\n{json.dumps({'name': 'propose', 'arguments': AS_IT_IS})}\n```", id="in a fence"
        ),
        pytest.param(f"propose {json.dumps(AS_IT_IS)}", id="as corrections show it"),
    ],
)
def test_a_call_written_as_text_is_understood(text: str) -> None:
    with scripted(completion(content=text)) as model:
        table = Table(planner_of(model, tool_choice="auto"), situation(4.0))

        proposal = table.turn()

    assert proposal.ask == Ask()
    assert model.heard[0].choice == "auto"


def test_a_weak_model_is_only_ever_asked_to_propose_and_sees_no_other_tool() -> None:
    with scripted(SOLVE) as model:
        table = Table(planner_of(model, settings=PlannerSettings(), tool_choice="propose"), situation(4.0))

        table.turn()

    assert model.heard[0].choice == "propose"
    assert [t["function"]["name"] for t in model.heard[0].body["tools"]] == ["propose"]
    assert [use.tool for use in table.uses] == ["read_metrics", "solve"]


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(failing(401, f"Incorrect API key provided: {KEY}"), id="an error that has it"),
        pytest.param(completion(content=f"your key is {KEY}"), id="an answer that has it"),
        pytest.param(calling(f"tool-{KEY}"), id="a tool name that has it"),
        pytest.param(Line(body=KEY.encode()), id="garbage that has it"),
        pytest.param(proposing(action="hold", cause=KEY), id="an invalid field that has it"),
        pytest.param(
            proposing(action="hold", rationale=f"because {KEY}", diagnosis=KEY), id="a proposal that has it"
        ),
    ],
)
def test_the_key_goes_to_the_endpoint_and_nowhere_else(
    script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    hands = Hands()
    recorder = MemoryRecorder(hands.clock)
    with scripted(script) as model:
        table = Table(planner_of(model, recorder, hands=hands), situation())

        table.turn()

    assert model.heard[0].headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in caplog.text
    assert KEY not in repr(recorder.noted)
    assert KEY not in repr(table.thoughts)
    assert KEY not in json.dumps([h.body for h in model.heard])


def test_the_first_part_of_every_prompt_is_the_same() -> None:
    def prefix(heard: Heard) -> str:
        return json.dumps([heard.body["messages"][0], heard.body["tools"]])

    with scripted(SOLVE) as model:
        Table(planner_of(model), situation(4.0)).turn()
        Table(planner_of(model), situation(9.0, now=running(replicas=3))).turn()

    assert prefix(model.heard[0]) == prefix(model.heard[1])
    assert model.heard[0].body["messages"][0]["role"] == "system"


def test_the_record_has_every_prompt_and_answer_with_its_cost() -> None:
    hands = Hands()
    recorder = MemoryRecorder(hands.clock)
    with scripted(failing(503), completion(content="hm"), SOLVE) as model:
        table = Table(planner_of(model, recorder, hands=hands), situation(4.0))

        table.turn()

    kinds = [note.kind for note in recorder.noted]
    assert kinds == ["prompt", "error", "prompt", "response", "error", "prompt", "response"]
    assert recorder.spent(0).calls == table.planning.spend.calls == 3
    assert recorder.spent(0).tokens == table.planning.spend.tokens
    assert table.planning.day == recorder.spent(0)
    assert recorder.failures() == 0


def test_triggers_are_recorded_and_can_be_chosen() -> None:
    nothing = Triggers(findings=(), infeasible=False, worth=None, events=False, quarantine=False)
    with scripted(SOLVE) as model:
        asked = Table(planner_of(model), situation())
        asked.turn()
        settings = PlannerSettings(opening=(), triggers=nothing)
        unasked = Table(planner_of(model, settings=settings), situation())
        unasked.turn()

    assert "load surge of toy" in asked.planning.triggers
    assert unasked.planning.triggers == ()
    assert len(model.heard) == 1


OWN_S = 0.02
"""What the planner itself may take for a decision, in seconds of the processor."""


def test_the_planner_itself_takes_little_time() -> None:
    with scripted(SOLVE) as model:
        planner = planner_of(model)
        Table(planner, situation(4.0)).turn()
        own_s = []
        for _ in range(15):
            began = time.thread_time()
            planner.plan(Briefing("toy-1", situation(4.0)))
            own_s.append(time.thread_time() - began)

    assert sorted(own_s)[len(own_s) // 2] < OWN_S


def test_nothing_hostile_comes_through_as_anything_but_a_refusal_or_the_optimum() -> None:
    hostile: list[Callable[[dict[str, Any]], Line] | Line] = [
        proposing(
            action="configure",
            stages=[
                {"stage": "find", "variant": "large", "batch": 1, "replicas": 1_000_000},
                {"stage": "read", "variant": "only", "batch": 1, "replicas": 1_000_000},
            ],
        ),
        proposing(action="solve", ask={"excluded": [{"stage": "find", "variant": "nope"}]}),
        proposing(action="solve", ask={"load_factor": 10}, cause="announced event", evidence=["t1", "t9"]),
        proposing(action="hold", cause=SURGE.kind, evidence=["t1"]),
    ]
    for line in hostile:
        with scripted(line) as model:
            table = Table(planner_of(model), situation(now=running("small", 1, 1)))

            table.turn()

        assert table.rulings[-1].ruled != "accepted"
