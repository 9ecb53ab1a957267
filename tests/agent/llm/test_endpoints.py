"""Endpoints that fail, budgets that end and the breaker: each has its outcome, and the rules decide."""

from __future__ import annotations

import time
from typing import Any

import pytest

from agent.llm.prices import Price, Prices
from agent.llm.recorder import MemoryRecorder
from agent.llm.settings import PlannerSettings
from core.errors import UsageError
from core.spend import Budget, Spend
from tests.agent.llm.seat import SOLVE, Hands, planner_of
from tests.agent.llm.server import (
    Line,
    closed_port,
    completion,
    failing,
    scripted,
)
from tests.agent.llm.table import Table, situation

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
