"""The controller's own metrics: what a decision says is a series, what it does not say is none."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest
from prometheus_client.parser import text_string_to_metric_families

from agent.controller.states import State
from agent.controller.telemetry import PREFIX, Telemetry
from core.decision import Decision
from core.problem import Problem
from core.ruling import Ruling
from core.spend import Planning, Spend
from core.verify import verify
from tests.core.toys import configuration
from tests.tools.toolkit.moments import OBSERVATION, PIPELINE, RUNNING, decided, finding
from tools.kubernetes.events import Reason

VERDICT = verify(Problem.of(PIPELINE, 12.0), RUNNING)


def told(*decisions: Decision) -> Telemetry:
    telemetry = Telemetry()
    for decision in decisions:
        telemetry.decided("shop", PIPELINE, decision, 0.2)
    return telemetry


def value(telemetry: Telemetry, name: str, **labels: str) -> float | None:
    found: float | None = telemetry.registry.get_sample_value(f"{PREFIX}{name}", labels)
    return found


def of_toy(telemetry: Telemetry, name: str, **labels: str) -> float | None:
    return value(telemetry, name, namespace="shop", pipeline="toy", **labels)


def thought(**changes: Any) -> Planning:  # noqa: ANN401 - of `Spend`
    spend = Spend(calls=2, input_tokens=900, output_tokens=100, seconds=3.0, usd=0.01)
    return Planning(triggers=("surge",), spend=spend).model_copy(update=changes)


def test_decisions_are_counted_by_outcome_cause_and_verdict() -> None:
    rulings = (Ruling(ruled="accepted", candidate=RUNNING, verdict=VERDICT, reason="so"),)
    surge = decided(1, outcome="applied", findings=(finding("load surge"),), rulings=rulings)

    telemetry = told(surge, surge, decided(2))

    surged = {"outcome": "applied", "cause": "load surge", "verdict": "accepted"}
    assert of_toy(telemetry, "decisions_total", **surged) == 2
    assert of_toy(telemetry, "decisions_total", outcome="held", cause="none", verdict="none") == 1


def test_the_regret_is_that_of_the_last_proposal() -> None:
    # At 12 rps three large replicas would do: two cores less, at 0.1 each.
    rulings = (Ruling(ruled="accepted", candidate=RUNNING, verdict=VERDICT, reason="so"),)

    assert of_toy(told(decided(1, rulings=rulings)), "regret") == pytest.approx(0.2)


def test_the_figures_are_those_of_the_interval_and_of_what_was_asked_for() -> None:
    telemetry = told(decided(1))

    figures = ("load_rps", "forecast_upper_rps", "slo_attainment", "cores", "accuracy")
    assert {name: of_toy(telemetry, name) for name in figures} == pytest.approx(
        {"load_rps": 9.5, "forecast_upper_rps": 12, "slo_attainment": 0.987, "cores": 10, "accuracy": 0.45}
    )


def test_what_was_applied_is_what_is_asked_for_from_then_on() -> None:
    problem = Problem.of(PIPELINE, 4.0)
    smaller = configuration(("find", "large", 1, 1), ("read", "only", 1, 1))
    verdict = verify(problem, smaller)
    proof = {
        "problem": problem,
        "problem_digest": problem.digest,
        "configuration": smaller,
        "solver": "HiGHS",
        "status": "optimal",
        "objective": verdict.objective,
        "bound": verdict.objective,
        "constraints": verdict.constraints,
    }

    assert of_toy(told(decided(1, outcome="applied", certificate=proof)), "cores") == 3
    assert of_toy(told(decided(1, outcome="failed", certificate=proof)), "cores") == 10


def test_what_is_not_known_any_more_has_no_series() -> None:
    telemetry = told(decided(1), decided(2, observation=None, forecast=None, running=None))

    figures = ("load_rps", "forecast_upper_rps", "slo_attainment", "cores", "accuracy", "regret")
    assert {of_toy(telemetry, name) for name in figures} == {None}


def test_a_forecast_is_held_against_what_was_then_observed() -> None:
    def seen(end_s: float, load_rps: float) -> Decision:
        changes = {"time_s": end_s, "interval_s": 30.0, "loads_rps": (load_rps,) * 30}
        return decided(1, observation=OBSERVATION.model_copy(update=changes))

    telemetry = told(seen(100, 10), seen(130, 11), seen(160, 20))

    assert of_toy(telemetry, "forecast_judged_total") == 2
    assert of_toy(telemetry, "forecast_covered_total") == 1
    assert of_toy(telemetry, "forecast_error_rps") == 10


def test_what_thinking_costs_is_summed() -> None:
    telemetry = told(*[decided(n, planning=thought()) for n in (1, 2)], decided(3))

    assert of_toy(telemetry, "tokens_total") == 2000
    assert of_toy(telemetry, "spend_usd_total") == pytest.approx(0.02)
    assert value(telemetry, "planner_seconds_count") == 2
    assert value(telemetry, "planner_seconds_sum") == 6
    assert value(telemetry, "turn_seconds_count") == 3


def test_an_unknown_price_is_no_number() -> None:
    free = thought().spend.model_copy(update={"usd": None})

    assert of_toy(told(decided(1, planning=thought(spend=free))), "spend_usd_total") == 0


def test_the_breaker_is_what_the_last_turn_that_needed_the_model_saw() -> None:
    opened = decided(1, planning=thought(breaker="open"))

    assert of_toy(told(opened, decided(2)), "breaker_open") == 1
    assert of_toy(told(opened, decided(2, planning=thought(breaker="half-open"))), "breaker_open") == 0


def test_a_pipeline_is_in_one_state() -> None:
    telemetry = Telemetry()
    telemetry.state("shop", "toy", "blind")
    telemetry.state("shop", "toy", "degraded")

    states = ("fine", "degraded", "breached", "paused", "blind")
    assert [of_toy(telemetry, "pipeline_state", state=s) for s in states] == [0, 1, 0, 0, 0]


def test_a_pipeline_that_is_gone_leaves_no_series_and_others_stay() -> None:
    telemetry = told(decided(1), decided(2, planning=thought()))
    telemetry.state("shop", "toy", "fine")
    other = PIPELINE.model_copy(update={"name": "other"})
    telemetry.decided("shop", other, decided(1), 0.1)

    telemetry.forget("shop", "toy")

    text = telemetry.exposed().decode()
    assert 'pipeline="toy"' not in text
    assert 'pipeline="other"' in text


def test_what_was_never_told_can_be_forgotten() -> None:
    Telemetry().forget("shop", "nobody")


def test_a_thousand_decisions_of_a_pipeline_are_no_more_series_than_ten() -> None:
    def series(count: int) -> int:
        text = told(*[decided(n, note=f"note {n}") for n in range(count)]).exposed().decode()
        return sum(not line.startswith("#") for line in text.splitlines())

    assert series(1000) == series(10)


def test_the_controllers_own_signals_have_their_documented_names() -> None:
    telemetry = told(decided(1))
    telemetry.leading(True)
    telemetry.swept(1.5)
    telemetry.api_error("Forbidden")
    telemetry.prometheus_error()

    assert value(telemetry, "leader") == 1
    assert value(telemetry, "interval_seconds") == 1.5
    assert value(telemetry, "api_errors_total", kind="Forbidden") == 1
    assert value(telemetry, "prometheus_errors_total") == 1
    assert value(telemetry, "sweeps_total") == 1
    names = {family.name for family in text_string_to_metric_families(telemetry.exposed().decode())}
    assert {"process_resident_memory_bytes", f"{PREFIX}pipeline_state"} <= names


PAGE = (Path(__file__).parents[3] / "docs" / "telemetry.md").read_text(encoding="utf-8")


def first_column(heading: str) -> set[str]:
    """Return the words in code in the first column of the tables under a heading of docs/telemetry.md."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return {word for cell in cells for word in re.findall("`([^`]+)`", cell)}


def test_the_page_lists_every_metric_and_every_state_and_no_other() -> None:
    families = [f for f in Telemetry().registry.collect() if f.name.startswith(PREFIX)]
    names = {f.name.removeprefix(PREFIX) + ("_total" if f.type == "counter" else "") for f in families}

    assert first_column("Metrics") == names | set(get_args(State))


def test_the_page_lists_every_reason_of_an_event_and_no_other() -> None:
    assert first_column("Events") == set(get_args(Reason))
