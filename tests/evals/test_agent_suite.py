"""The agent suite: every planner meets the same situations, and is judged by what is known of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from agent.llm.settings import PlannerSettings
from agent.planners import Planner, create
from core.assessment import Finding
from core.configuration import Configuration, StageConfiguration
from core.errors import TrimtabError, UsageError
from core.proposal import Cause, Proposal
from evals.agent.disturbances import EVENT, LEFT, UNDER, Biased, faults_of
from evals.agent.judging import Judged, attribution, judged
from evals.agent.scene import THINKING, played
from evals.agent.situations import KINDS, Case, all_cases
from evals.agent.subjects import Model
from evals.agent.tables import by_kind
from evals.suites.agent import DECISIONS, read, run_agent_suite
from pipelines.reader import read_pipeline
from simulator.faults import CapacityLoss, LatencyDrift, MetricOutage
from tests.agent.llm.server import ScriptedModel, closed_port, completion, proposing, scripted
from tests.evals.deciding import (
    BEST,
    OPTIMUM,
    POOR,
    TOO_LITTLE,
    TOO_MUCH,
    Saying,
    case_of,
    made,
    toy_situation,
    wanting,
)
from tools.forecast import create as create_forecaster
from tools.toolkit.situation import Situation

SURGE = Finding(kind="load surge", subject="toy", statement="16 rps, 10 were expected")


@pytest.fixture(scope="module")
def burst(tmp_path_factory: pytest.TempPathFactory) -> Situation:
    return played(case_of("burst"), tmp_path_factory.mktemp("burst"))


def row_of(
    planner: Planner,
    situation: Situation | None = None,
    case: Case | None = None,
    **changes: Any,  # noqa: ANN401 - of `judged`
) -> Judged:
    told = {"label": planner.name, "repeat": 1, "provenance": made(), **changes}
    return judged(case or case_of("burst"), situation or toy_situation(), planner, **told)


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
    honest, biased = create_forecaster("last", 0.9), Biased(create_forecaster("last", 0.9), UNDER)
    for forecaster in (honest, biased):
        forecaster.observe([10.0] * 60)

    told, meant = biased.forecast(10), honest.forecast(10)

    assert told.upper_rps == pytest.approx(UNDER * meant.upper_rps)
    assert told.point_rps == pytest.approx(UNDER * meant.point_rps)
    assert biased.state() == honest.state()


def test_the_exact_planner_agrees_with_the_optimum_and_names_no_cause() -> None:
    row = row_of(create("ilp"), toy_situation(SURGE, runs=POOR))

    assert row.optimum == pytest.approx(OPTIMUM)
    assert row.agrees is True
    assert row.regret == pytest.approx(0.0, abs=1e-9)
    assert (row.feasible_first, row.revisions, row.overruled, row.fell_back) == (True, 0, False, "")
    assert (row.cause, row.attribution) == ("none", "none")
    assert row.ready is None


def test_what_loses_too_much_is_overruled_and_its_own_regret_is_kept() -> None:
    row = row_of(wanting(TOO_MUCH), toy_situation(runs=TOO_LITTLE))

    assert row.feasible_first is True
    assert row.first_regret_share == pytest.approx(0.2 / OPTIMUM)
    assert row.overruled is True
    assert row.agrees is True
    assert row.revisions == 0


def test_what_loses_little_runs_and_does_not_agree() -> None:
    lenient = replace(THINKING, epsilon=0.1)

    row = row_of(wanting(TOO_MUCH), toy_situation(runs=TOO_LITTLE), settings=lenient)

    assert row.agrees is False
    assert row.regret == pytest.approx(0.2)
    assert row.regret_share == pytest.approx(0.2 / OPTIMUM)
    assert row.overruled is False


def test_a_proposal_that_carries_too_little_is_revised() -> None:
    row = row_of(wanting(TOO_LITTLE, BEST), toy_situation(runs=POOR))

    assert row.feasible_first is False
    assert row.first_regret_share is None
    assert row.revisions == 1
    assert row.overruled is False
    assert row.agrees is True


def test_a_planner_that_never_learns_is_overruled_after_its_revisions() -> None:
    planner = wanting(TOO_LITTLE)
    row = row_of(planner, toy_situation(runs=POOR))

    assert row.revisions == len(planner.made) - 1 == THINKING.max_revisions
    assert row.overruled is True
    assert row.agrees is True


def test_where_nothing_is_feasible_there_is_nothing_to_agree_with() -> None:
    situation = toy_situation()
    swamped = replace(situation, problem=situation.problem.replaced(load_rps=400.0))

    row = row_of(create("ilp"), swamped)

    assert row.degraded is True
    assert (row.optimum, row.agrees, row.regret, row.feasible_first) == (None, None, None, None)


def test_who_reads_the_calendar_is_ready_and_pays_for_it() -> None:
    situation, case = toy_situation(announced=EVENT), case_of("announced event")

    exact, rules = row_of(create("ilp"), situation, case), row_of(create("rules"), situation, case)

    assert (exact.ready, exact.attribution) == (False, "none")
    assert exact.regret == pytest.approx(0.0, abs=1e-9)
    # 32 rps: 7 large and 4 readers, 18 cores, 7.2 - 1.8 = 5.4
    assert (rules.ready, rules.attribution) == (True, "right")
    assert rules.regret == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("named", "right", "judged_as"),
    [
        pytest.param("load surge", ("load surge",), "right", id="the one"),
        pytest.param("latency drift", ("slo breach", "latency drift"), "right", id="one of two"),
        pytest.param("slo breach", ("load surge",), "wrong", id="a symptom"),
        pytest.param("none", ("load surge",), "none", id="none named"),
        pytest.param("none", ("none",), "right", id="nothing is wrong"),
        pytest.param("load surge", ("none",), "wrong", id="a false alarm"),
    ],
)
def test_a_cause_is_right_only_where_it_was_injected(
    named: Cause, right: tuple[Cause, ...], judged_as: str
) -> None:
    assert attribution(named, right) == judged_as


def test_the_last_cause_that_was_named_counts() -> None:
    planner = Saying(
        [
            Proposal(configuration=TOO_LITTLE, rationale="first", cause="capacity loss"),
            Proposal(configuration=BEST, rationale="then", cause="load surge"),
        ]
    )

    row = row_of(planner, toy_situation(SURGE, runs=POOR))

    assert (row.cause, row.attribution) == ("load surge", "right")


def test_every_row_says_where_it_comes_from() -> None:
    row = row_of(create("ilp"))

    assert (row.git, row.machine) == ("0123abc", "a machine")
    assert row.versions == '{"dirty": false, "python": "3.11"}'
    assert row.started.endswith("+00:00")


def test_a_row_without_a_commit_is_refused() -> None:
    with pytest.raises(TrimtabError, match="the provenance has no git"):
        row_of(create("ilp"), provenance={"machine": "a machine"})


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
