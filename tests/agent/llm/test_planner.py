"""The LLM planner in a turn: when it asks, what good, clumsy and hostile answers come to, where it ends."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from agent.llm.prices import Price, Prices
from agent.llm.recorder import MemoryRecorder
from agent.llm.settings import PlannerSettings
from agent.llm.triggers import Triggers
from agent.planners.briefing import Briefing
from agent.planners.llm import LlmPlanner
from core.errors import UsageError
from core.proposal import Ask
from core.spend import Budget, Spend
from tests.agent.llm.server import (
    KEY,
    Heard,
    Line,
    Script,
    ScriptedModel,
    calling,
    closed_port,
    completion,
    failing,
    proposing,
    scripted,
)
from tests.agent.llm.table import SURGE, TOOLS, Table, quiet, running, situation

NO_OPENING = PlannerSettings(opening=())
SOLVE = proposing(action="solve")
FREE = Prices(prices=(Price(model="*", input_usd=0, output_usd=0),))


class Hands:
    """A clock that moves when someone sleeps."""

    def __init__(self) -> None:
        self.now_s = 1e9
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds


def planner_of(
    model: ScriptedModel,
    recorder: MemoryRecorder | None = None,
    *,
    settings: PlannerSettings = NO_OPENING,
    hands: Hands | None = None,
    prices: Prices | None = None,
    **client: Any,  # noqa: ANN401 - of `ClientSettings`
) -> LlmPlanner:
    hands = hands or Hands()
    return LlmPlanner(
        model.settings(**client),
        MemoryRecorder(hands.clock) if recorder is None else recorder,
        settings=settings,
        clock=hands.clock,
        sleep=hands.sleep,
        tools=TOOLS,
        prices=prices,
    )


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


def test_a_call_written_as_text_is_understood() -> None:
    text = (
        "```json\n"
        + json.dumps(
            {"name": "propose", "arguments": {"action": "solve", "cause": "none", "rationale": "as it is"}}
        )
        + "\n```"
    )
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


TRANSPORT: list[Any] = [
    pytest.param(Line(wait_s=30), "no answer within|too long", id="slow"),
    pytest.param(Line(body=SOLVE.body, drip_s=0.05), "no answer within", id="a dripping body"),
    pytest.param(
        Line(drip_headers=True, drip_s=0.05), "no answer within|cannot be reached", id="drip of headers"
    ),
    pytest.param(failing(429, "slow down", Retry_After="1"), "HTTP 429", id="429"),
    pytest.param(failing(500), "HTTP 500", id="500"),
    pytest.param(failing(503), "HTTP 503", id="503"),
    pytest.param(Line(hang_up=True), "cannot be reached", id="hangs up"),
    pytest.param(Line(body=b"<html>hello"), "not OpenAI's protocol", id="garbage"),
    pytest.param(Line(body=b"[" * 100_000), "not OpenAI's protocol", id="nested garbage"),
    pytest.param(completion(calls=(("solve", "[1]"),)), "not OpenAI's protocol", id="a list of arguments"),
    pytest.param(Line(body=b'{"choices": null}'), "not OpenAI's protocol", id="null choices"),
    pytest.param(Line(body=b'{"choices": []}'), "not OpenAI's protocol", id="empty choices"),
    pytest.param(Line(body=b'{"choices": [{"message": 7}]}'), "not OpenAI's protocol", id="no message"),
]
FINAL: list[Any] = [
    pytest.param(failing(400, "bad tool_choice"), "HTTP 400", id="400"),
    pytest.param(failing(401), "HTTP 401", id="401"),
    pytest.param(Line(307, headers={"Location": "/v1/elsewhere"}), "redirects", id="redirect"),
    pytest.param(Line(body=b" " * 3_000_000), "longer than", id="huge"),
    pytest.param(Line(body=b"x", headers={"Content-Encoding": "gzip"}), "compressed", id="compressed"),
]


@pytest.mark.parametrize(("line", "why"), TRANSPORT)
def test_an_endpoint_that_fails_is_tried_again_and_then_the_rules_decide(line: Line, why: str) -> None:
    hands = Hands()
    recorder = MemoryRecorder(hands.clock)
    began = time.monotonic()
    with scripted(line) as model:
        table = Table(planner_of(model, recorder, hands=hands, timeout_s=0.3), situation())

        table.turn()

    assert len(model.heard) == 3
    assert time.monotonic() - began < 5
    assert any(part in table.planning.fell_back for part in why.split("|")), table.planning.fell_back
    assert table.rulings[-1].ruled == "accepted"
    assert recorder.failures() == 1


@pytest.mark.parametrize(("line", "why"), TRANSPORT)
def test_an_endpoint_that_recovers_is_used(line: Line, why: str) -> None:
    del why
    with scripted(line, SOLVE) as model:
        table = Table(planner_of(model, timeout_s=0.3), situation(4.0))

        table.turn()

    assert table.planning.fell_back == ""
    assert table.planning.spend.calls == 2


@pytest.mark.parametrize(("line", "why"), FINAL)
def test_what_will_not_pass_is_not_tried_again(line: Line, why: str) -> None:
    with scripted(line) as model:
        table = Table(planner_of(model), situation())

        table.turn()

    assert len(model.heard) == 1
    assert why in table.planning.fell_back


def test_a_dead_endpoint_leaves_the_decision_to_the_rules() -> None:
    with scripted(SOLVE) as model:
        dead = f"http://127.0.0.1:{closed_port()}/v1"
        table = Table(planner_of(model, base_url=dead), situation())

        table.turn()

    assert "cannot be reached" in table.planning.fell_back
    assert table.rulings[-1].ruled == "accepted"


def test_retry_after_is_kept_to_where_there_is_time() -> None:
    hands = Hands()
    with scripted(failing(429, Retry_After="7"), SOLVE) as model:
        Table(planner_of(model, hands=hands), situation(4.0)).turn()

    assert hands.slept == [7.0]


def test_no_time_is_waited_that_the_budget_has_not() -> None:
    hands = Hands()
    settings = PlannerSettings(opening=(), decision=Budget(seconds=5))
    with scripted(failing(429, Retry_After="60")) as model:
        table = Table(planner_of(model, hands=hands, settings=settings), situation())

        table.turn()

    assert hands.slept == []
    assert len(model.heard) == 1
    assert "HTTP 429" in table.planning.fell_back


def test_the_decisions_seconds_are_the_deadline_of_the_call() -> None:
    settings = PlannerSettings(opening=(), decision=Budget(seconds=0.3))
    began = time.monotonic()
    with scripted(Line(wait_s=30)) as model:
        Table(planner_of(model, settings=settings, timeout_s=60), situation()).turn()

    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("budget", "why"),
    [
        pytest.param(Budget(calls=1), "calls", id="calls"),
        pytest.param(Budget(tokens=1500), "tokens", id="tokens"),
        pytest.param(Budget(usd=0.002), "usd", id="usd"),
    ],
)
@pytest.mark.parametrize("which", ["decision", "day"])
def test_no_call_is_made_beyond_a_budget(budget: Budget, why: str, which: str) -> None:
    dollar = Prices(prices=(Price(model="*", input_usd=1.0, output_usd=1.0),))
    settings = PlannerSettings.model_validate({"opening": (), which: budget})
    with scripted(completion(content="no call")) as model:
        table = Table(planner_of(model, settings=settings, prices=dollar), situation())

        table.turn()

    assert len(model.heard) <= 1
    assert why in table.planning.fell_back
    assert which in table.planning.fell_back


def test_what_the_day_has_used_counts() -> None:
    hands = Hands()
    recorder = MemoryRecorder(hands.clock)
    recorder.record("earlier", "response", {}, spend=Spend(calls=5))
    settings = PlannerSettings(opening=(), day=Budget(calls=5))
    with scripted(SOLVE) as model:
        planner = planner_of(model, recorder, settings=settings, hands=hands)
        spent = Table(planner, situation(4.0))
        spent.turn()
        hands.now_s += 86_401
        fresh = Table(planner, situation(4.0))
        fresh.turn()

    assert "the day's budget" in spent.planning.fell_back
    assert spent.planning.day.calls == 5
    assert fresh.planning.fell_back == ""
    assert recorder.failures() == 0


def test_a_limit_in_money_needs_a_price() -> None:
    nothing = Prices(prices=())
    with scripted(SOLVE) as model, pytest.raises(UsageError, match="--prices"):
        planner_of(model, settings=PlannerSettings(day=Budget(usd=1)), prices=nothing)


def test_the_breaker_opens_and_tries_again_after_its_cool_down() -> None:
    hands = Hands()
    settings = PlannerSettings(opening=(), most_failures=2, cool_down_s=60)
    recorder = MemoryRecorder(hands.clock)
    states = []
    with scripted(failing(401), failing(401), failing(401), SOLVE) as model:
        planner = planner_of(model, recorder, settings=settings, hands=hands)
        for number, wait_s in enumerate((1, 1, 1, 61, 61, 1)):
            hands.now_s += wait_s
            table = Table(planner, situation(4.0), decision=f"toy-{number}")
            table.turn()
            states.append((table.planning.breaker, len(model.heard)))

    assert states == [
        ("closed", 1),
        ("open", 2),
        ("open", 2),
        ("open", 3),
        ("closed", 4),
        ("closed", 5),
    ]


def test_a_new_process_knows_of_the_failures_before_it_and_tries_once() -> None:
    hands = Hands()
    recorder = MemoryRecorder(hands.clock)
    for number in range(3):
        recorder.record(f"old-{number}", "error", {})
    with scripted(failing(401)) as model:
        planner = planner_of(model, recorder, hands=hands)
        first, second = Table(planner, situation()), Table(planner, situation())
        before = planner.breaker.state
        first.turn()
        second.turn()

    assert before == "half-open"
    assert len(model.heard) == 1
    assert "left alone" in second.planning.fell_back


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
