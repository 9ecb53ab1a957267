"""Models of every kind through the very graph, tools, check and recorder of the product."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.llm.settings import PlannerSettings
from agent.planners.llm import LlmPlanner
from core.configuration import Configuration
from core.decision import Decision, check_certificate
from core.ruling import EPSILON
from core.solution import Optimum
from core.solve import solve
from core.verify import verify
from tests.agent.llm.server import (
    KEY,
    Line,
    Script,
    ScriptedModel,
    calling,
    completion,
    failing,
    proposing,
    scripted,
)
from tests.agent.toy import AT_ONCE, CHEAPER, TOO_SMALL, toy_run, turns
from tools.flight import FlightRecorder

TURNS = 2
RISING = (4.0,) * 10 + (25.0,) * 300
"""A load that surges after one interval."""
STRICT = replace(AT_ONCE, epsilon=EPSILON)


@pytest.fixture
def flight(tmp_path: Path) -> Iterator[FlightRecorder]:
    recorder = FlightRecorder(tmp_path / "flight.sqlite", lambda: 1e9, secrets=[KEY])
    yield recorder
    recorder.close()


def decisions_of(model: ScriptedModel, flight: FlightRecorder, folder: Path) -> list[Decision]:
    planner = LlmPlanner(
        model.settings(),
        flight,
        settings=PlannerSettings(most_failures=100),
        clock=lambda: 1e9,
        sleep=lambda _: None,
    )
    with toy_run(folder, planner, trace_rps=RISING, settings=STRICT) as run:
        return turns(run, TURNS)


def asked(decisions: list[Decision]) -> list[Decision]:
    return [d for d in decisions if d.planning.triggers]


SOLVING = proposing(action="solve", evidence=["t1", "t2"], rationale="the optimum, as it is")


def test_a_good_model_takes_the_optimum_and_the_record_is_complete(
    flight: FlightRecorder, tmp_path: Path
) -> None:
    with scripted(SOLVING) as model:
        decisions = decisions_of(model, flight, tmp_path)

    first = asked(decisions)[0]
    assert first.planning.fell_back == ""
    assert first.planning.model == "scripted"
    assert first.planning.prompt == "plan@1+situation@1"
    assert [use.tool for use in first.uses][:2] == ["read_metrics", "solve"]
    assert all(use.ok for use in first.uses)
    assert [e.kind for e in flight.entries(first.id)] == ["prompt", "response"]
    assert first.planning.spend.calls == 1
    assert flight.spent(0).calls == len(model.heard)


def test_a_figure_from_nowhere_is_flagged_in_the_record(flight: FlightRecorder, tmp_path: Path) -> None:
    with scripted(proposing(action="solve", evidence=["t1"], rationale="73.77 % of all users")) as model:
        decisions = decisions_of(model, flight, tmp_path)

    assert asked(decisions)[0].planning.ungrounded == ("73.77 %",)


def configuring(configuration: Configuration) -> Line:
    stages = configuration.model_dump(mode="json")["stages"]
    return proposing(action="configure", stages=stages, evidence=["t1"], cause="accuracy drift")


MODELS: list[Any] = [
    pytest.param((SOLVING,), id="good"),
    pytest.param((calling("frontier"), calling("solve", headroom=1.5), SOLVING), id="curious"),
    pytest.param((completion(content="hm"), SOLVING), id="clumsy, once"),
    pytest.param((completion(content="hm"),), id="never calls a tool"),
    pytest.param((calling("frontier"),), id="repeats itself"),
    pytest.param((calling("kubectl", command="delete"),), id="wants what there is not"),
    pytest.param((calling("solve", stage="; rm -rf /", load_factor="many"),), id="arguments of nonsense"),
    pytest.param((configuring(TOO_SMALL),), id="starves the pipeline"),
    pytest.param((configuring(CHEAPER),), id="prefers the worse"),
    pytest.param(
        (proposing(action="solve", ask={"load_factor": 10}, cause="announced event", evidence=["t1"]),),
        id="invents an event",
    ),
    pytest.param(
        (
            proposing(
                action="solve",
                cause="latency drift",
                evidence=["t1"],
                ask={"latency": [{"stage": "find", "variant": "large", "factor": 9}]},
            ),
        ),
        id="invents drift",
    ),
    pytest.param((failing(500),), id="broken"),
    pytest.param((Line(body=b"\x00\xff"),), id="garbled"),
    pytest.param((failing(429, Retry_After="1"), SOLVING), id="busy"),
]


@pytest.mark.parametrize("script", MODELS)
def test_whatever_a_model_says_only_the_optimum_is_applied_where_nothing_backs_another(
    script: tuple[Script, ...], flight: FlightRecorder, tmp_path: Path
) -> None:
    with scripted(*script) as model:
        decisions = decisions_of(model, flight, tmp_path)

    assert asked(decisions), "the load surges: a model is asked"
    for certificate in [d.certificate for d in decisions if d.certificate is not None]:
        best = solve(certificate.problem)
        assert verify(certificate.problem, certificate.configuration).accepted
        assert check_certificate(certificate) == ()
        assert isinstance(best, Optimum)
        assert certificate.objective >= best.objective - EPSILON * abs(best.objective)
    for decision in asked(decisions):
        assert decision.planning.spend.calls <= 8
        assert len(decision.rulings) == len(decision.proposals)
        assert decision.planning.spend.calls == sum(e.kind == "prompt" for e in flight.entries(decision.id))
