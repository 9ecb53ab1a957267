"""The agent suite: every planner meets the same situations, and is judged by what is known of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from agent.llm.settings import PlannerSettings
from core.configuration import Configuration, StageConfiguration
from core.errors import TrimtabError, UsageError
from evals.agent.disturbances import LEFT, UNDER, faults_of
from evals.agent.judged import DECISIONS, read
from evals.agent.scene import played
from evals.agent.situations import KINDS, Case, all_cases
from evals.agent.subjects import Model
from evals.agent.tables import by_kind
from evals.bias import BiasedForecaster
from evals.suites.agent import run_agent_suite
from pipelines.reader import read_pipeline
from simulator.faults import CapacityLoss, LatencyDrift, MetricOutage
from tests.agent.llm.server import ScriptedModel, closed_port, completion, proposing, scripted
from tests.evals.deciding import (
    SURGE,
    TOO_LITTLE,
    case_of,
    made,
    row_of,
    toy_situation,
)
from tools.forecast import create as create_forecaster
from tools.toolkit.situation import Situation


@pytest.fixture(scope="module")
def burst(tmp_path_factory: pytest.TempPathFactory) -> Situation:
    return played(case_of("burst"), tmp_path_factory.mktemp("burst"))


def model_at(server: ScriptedModel) -> Model:
    return Model(server.settings(attempts=1), PlannerSettings())


def test_there_are_situations_enough_and_no_two_are_the_same() -> None:
    cases = all_cases()

    assert len(cases) >= 24
    assert {case.kind for case in cases} == set(KINDS)
    assert Counter(case.name for case in cases).most_common(1)[0][1] == 1
    assert len({case.seed for case in cases}) == len(cases)
    assert all(case.file.is_file() and case.causes for case in cases)


@pytest.mark.parametrize("kind", ["burst", "announced event", "latency drift", "loss and burst"])
def test_what_was_injected_is_there_to_be_found(kind: Any, tmp_path: Path) -> None:  # noqa: ANN401 - a `Kind`
    case = case_of(kind)

    situation = played(case, tmp_path)

    shown: set[str] = {f.kind for f in situation.assessment.findings}
    shown |= {"announced event"} if situation.announced > 1.5 else set()
    assert shown >= set(case.causes)
    assert situation.time_s == case.judged_s


@pytest.mark.slow
@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in all_cases()])
def test_every_situation_shows_its_cause_unless_metrics_are_out(case: Case, tmp_path: Path) -> None:
    situation = played(case, tmp_path)

    shown: set[str] = {f.kind for f in situation.assessment.findings}
    shown |= {"announced event"} if situation.announced > 1.5 else set()
    if case.kind in ("stationary", "metrics outage"):
        assert not shown - {"flapping"}
    else:
        assert shown & set(case.causes)


def test_the_same_situation_is_played_twice_the_same(burst: Situation, tmp_path: Path) -> None:
    again = played(case_of("burst"), tmp_path)

    assert again.problem.digest == burst.problem.digest
    assert again.observation == burst.observation


def test_what_goes_wrong_hits_the_stage_that_takes_most_cores() -> None:
    pipeline = read_pipeline(case_of("stationary").file)
    runs = Configuration(
        stages=(
            StageConfiguration(stage="locate", variant="grid-fine", batch=1, replicas=2),
            StageConfiguration(stage="classify", variant="large", batch=1, replicas=5),
        )
    )

    (slower,) = faults_of(case_of("latency drift"), pipeline, runs)
    (fewer,) = faults_of(case_of("capacity loss"), pipeline, runs)
    (blind,) = faults_of(case_of("metrics outage"), pipeline, runs)

    assert isinstance(slower, LatencyDrift)
    assert (slower.stage, slower.variant) == ("classify", "large")
    assert isinstance(fewer, CapacityLoss)
    assert (fewer.stage, fewer.replicas) == ("classify", int(5 * LEFT))
    assert isinstance(blind, MetricOutage)
    assert faults_of(case_of("burst"), pipeline, runs) == ()


def test_a_biased_forecaster_tells_its_share_and_learns_like_the_honest_one() -> None:
    honest, biased = (
        create_forecaster("last", 0.9),
        BiasedForecaster(create_forecaster("last", 0.9), UNDER),
    )
    for forecaster in (honest, biased):
        forecaster.observe([10.0] * 60)

    told, meant = biased.forecast(10), honest.forecast(10)

    assert told.upper_rps == pytest.approx(UNDER * meant.upper_rps)
    assert told.point_rps == pytest.approx(UNDER * meant.point_rps)
    assert biased.state() == honest.state()


def test_a_model_is_judged_over_http_with_what_it_cost(burst: Situation) -> None:
    answer = proposing(action="solve", cause="load surge", evidence=["t1"], rationale="more load")
    with scripted(answer) as server:
        model = model_at(server)
        row = row_of(model.planner_for_a_turn(), burst, label=model.label)

    assert (row.planner, row.model) == ("llm scripted", "scripted")
    assert (row.calls, row.input_tokens, row.output_tokens) == (1, 1000, 50)
    assert (row.agrees, row.feasible_first, row.fell_back) == (True, True, "")
    assert (row.cause, row.attribution) == ("load surge", "right")
    assert row.usd == 0.0  # on loopback


def test_a_model_is_asked_where_nothing_is_wrong_too() -> None:
    with scripted(proposing(action="solve")) as server:
        row = row_of(model_at(server).planner_for_a_turn(), toy_situation(), case_of("stationary"))

    assert row.calls == 1
    assert (row.attribution, row.agrees) == ("right", True)


def test_what_the_rules_decide_for_a_model_is_not_its_own() -> None:
    with scripted(completion(content="I would rather not.")) as server:
        row = row_of(model_at(server).planner_for_a_turn(), toy_situation(SURGE, runs=TOO_LITTLE))

    assert "cannot be used" in row.fell_back
    assert row.agrees is True
    assert (row.feasible_first, row.first_regret_share) == (False, None)
    assert (row.cause, row.attribution) == ("none", "none")


def test_a_run_is_resumed_and_thinks_nothing_twice(tmp_path: Path) -> None:
    cases, told = [case_of("burst"), case_of("stationary")], []
    with scripted(proposing(action="solve")) as server:
        model = model_at(server)
        run_agent_suite(tmp_path, planners=("rules",), cases=cases[:1], provenance=made)
        summary = run_agent_suite(
            tmp_path,
            planners=("rules", "llm"),
            model=model,
            cases=cases,
            provenance=made,
            progress=lambda done, total, what: told.append((done, total, what)),
        )
        run_agent_suite(tmp_path, planners=("llm",), model=model, cases=cases, provenance=made)

        assert len(server.heard) == 2
    assert [done for done, _, _ in told] == [1, 2, 3, 4]
    assert told[0] == (1, 4, f"llm scripted in {cases[0].name}")
    assert [row[:2] for row in summary.rows] == [("rules", "2"), ("llm scripted", "2")]
    assert pq.read_table(tmp_path / DECISIONS).num_rows == 4
    assert all(row.git == "0123abc" for row in read(tmp_path))
    assert [row[0] for row in by_kind(read(tmp_path)).rows] == ["burst", "stationary"]


def test_an_endpoint_that_never_answered_is_an_error_and_tried_again(tmp_path: Path) -> None:
    cases = [case_of("burst")]
    with scripted(proposing(action="solve")) as server:
        there = model_at(server)
        away = Model(server.settings(base_url=f"http://127.0.0.1:{closed_port()}/v1", attempts=1))

        with pytest.raises(UsageError, match="'llm scripted': the endpoint never answered"):
            run_agent_suite(tmp_path, planners=("llm",), model=away, cases=cases, provenance=made)
        summary = run_agent_suite(tmp_path, planners=("llm",), model=there, cases=cases, provenance=made)

    assert summary.rows[0][:2] == ("llm scripted", "1")
    assert read(tmp_path)[0].fell_back == ""


def test_a_run_without_a_decision_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(TrimtabError, match="0 decisions"):
        run_agent_suite(tmp_path, cases=(), provenance=made)


@pytest.mark.parametrize(
    ("planners", "message"),
    [
        pytest.param(("rulez",), "no planner called 'rulez'. Known: ilp, rules, llm", id="unknown"),
        pytest.param(("llm",), "needs a model: set OPENAI_BASE_URL", id="no model"),
        pytest.param((), "no planner is named", id="none"),
    ],
)
def test_who_cannot_be_judged_is_said_before_anything_is_played(
    planners: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        run_agent_suite(tmp_path, planners=planners, provenance=made)


def test_a_turn_needs_no_repeat_below_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there cannot be 0 repeats"):
        run_agent_suite(tmp_path, repeats=0, provenance=made)
