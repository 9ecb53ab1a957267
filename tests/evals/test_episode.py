"""An episode becomes a row: everybody meets the same requests, and what is told is what the twin reports."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from baselines.policy import Situation, create
from core.configuration import Configuration
from core.errors import UsageError
from evals.episode import Timed, play, ready_at_once, series_columns
from evals.frames import Row
from evals.provenance import provenance
from evals.scenario import Entrant, digest
from simulator.faults import MetricOutage
from tests.core.toys import configuration, pipeline, stage
from tests.evals.cells import ILP, ORACLE, SMALL, SPEC, TRACE, cell, figures
from tools.replay import ReplaySettings, replay


def test_a_row_holds_what_the_episode_reports() -> None:
    (played,) = play(cell(), [ILP], 3, series=False)

    episode = replay(SPEC, create("ilp"), TRACE, seed=3)
    row, report = played.row, episode.report
    assert (row.suite, row.scenario, row.pipeline, row.group, row.policy, row.seed) == (
        "made", "toy/steps", "toy", "steps", "ilp", 3,
    )  # fmt: skip
    assert (row.requests, row.completed, row.dropped) == (report.requests, report.completed, report.dropped)
    assert (row.slo_attainment, row.effective_accuracy) == (report.slo_attainment, report.effective_accuracy)
    assert (row.core_seconds, row.mean_cores) == (report.core_seconds, report.mean_cores)
    assert (row.switches, row.replica_starts) == (report.switches, report.replica_starts)
    assert [row.p50_s, row.p95_s, row.p99_s] == [report.latency_s[q] for q in ("p50", "p95", "p99")]
    assert (row.score, row.slo_s, row.extra) == (episode.score, 1.0, {})
    assert row.decisions == len(episode.steps) == 4
    assert played.series is None


def test_everybody_meets_the_same_requests() -> None:
    rows = [p.row for p in play(cell(), [ILP, SMALL, ORACLE], 5, series=False)]

    assert len({row.requests for row in rows}) == 1
    assert len({row.score for row in rows}) == 3


def test_an_entrant_does_the_same_in_whatever_company() -> None:
    alone = [play(cell(), [one], 5, series=False)[0].row for one in (ILP, SMALL, ORACLE)]
    together = [p.row for p in play(cell(), [ORACLE, SMALL, ILP], 5, series=False)]

    assert figures(alone) == figures(together[::-1])


def test_decision_times_are_those_of_the_policy_alone() -> None:
    timed = Timed(create("static-small"))

    replay(SPEC, timed, TRACE, seed=1)

    assert len(timed.taken_s) == 4
    assert all(0 <= taken_s < 1 for taken_s in timed.taken_s)
    assert not timed.foresight
    assert Timed(create("oracle")).foresight


def test_the_series_is_kept_where_it_is_asked_for_and_sums_to_the_row() -> None:
    (played,) = play(cell(), [ILP], 3, series=True)

    assert played.series is not None
    columns = series_columns(played.series)
    assert columns["second"][:3] == [0, 1, 2]
    assert {len(values) for values in columns.values()} == {len(columns["second"])}
    assert sum(n or 0 for n in columns["arrivals"]) == played.row.requests
    assert sum(n or 0 for n in columns["dropped"]) == played.row.dropped


def test_a_policy_gets_the_parameters_of_its_pipeline() -> None:
    entrant = Entrant("a", "ilp", {"settle_s": 5.0}, by_pipeline={"toy": {"settle_s": None}, "other": {}})

    assert entrant.parameters_for(SPEC) == {"settle_s": None}
    assert entrant.parameters_for(pipeline(stage("first")).model_copy(update={"name": "x"})) == {
        "settle_s": 5.0
    }


def test_without_cold_starts_replicas_are_ready_at_once_and_nothing_else_is_different() -> None:
    spec = ready_at_once(SPEC)

    assert {v.load_time_s for s in spec.stages for v in s.variants} == {0.0}
    assert spec.model_copy(update={"stages": ()}) == SPEC.model_copy(update={"stages": ()})
    assert [v.profile for v in spec.stages[0].variants] == [v.profile for v in SPEC.stages[0].variants]


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"trace_rps": (*TRACE[:-1], 25.0)}, id="the load"),
        pytest.param({"settings": ReplaySettings(interval_s=5)}, id="the settings"),
        pytest.param({"pipeline": pipeline(stage("first"), slo_s=0.9)}, id="the pipeline"),
    ],
)
def test_whatever_an_episode_depends_on_is_in_its_digest(changed: dict[str, object]) -> None:
    assert digest(replace(cell(), **changed), ILP) != digest(cell(), ILP)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(Entrant("ilp", "static-small"), id="the policy"),
        pytest.param(Entrant("ilp", "ilp", {"settle_s": 5.0}), id="its parameters"),
        pytest.param(
            Entrant("ilp", "ilp", by_pipeline={"toy": {"settle_s": 5.0}}), id="those of the pipeline"
        ),
        pytest.param(Entrant("ilp", "ilp", cold_starts=False), id="cold starts"),
    ],
)
def test_whatever_an_entrant_is_is_in_its_digest(other: Entrant) -> None:
    assert digest(cell(), other) != digest(cell(), ILP)


def test_what_is_called_or_tuned_elsewhere_is_not_in_the_digest() -> None:
    other = Entrant("mine", "ilp", by_pipeline={"other": {"settle_s": 5.0}})

    assert digest(cell("another/name"), other) == digest(cell(), ILP)


def test_the_row_says_what_made_it() -> None:
    row = play(cell(), [SMALL], 0, series=False)[0].row

    assert row.git == "none" or re.fullmatch("[0-9a-f]{40}([+][0-9a-f]{8})?", row.git)
    assert set(provenance()) <= set(Row.model_fields)
    assert row.cores >= 1
    assert row.numpy.count(".") == 2


def test_metrics_that_go_away_cannot_be_compared_on_foreknown_loads() -> None:
    outage = ReplaySettings(faults=(MetricOutage(start_s=5.0, end_s=9.0),))

    with pytest.raises(UsageError, match="outage of metrics"):
        play(replace(cell(), settings=outage), [ILP], 0, series=False)


@pytest.mark.parametrize(
    ("entrant", "message"),
    [
        (Entrant("x", "illp"), "no policy called 'illp'"),
        (Entrant("x", "ilp", {"nonsense": 1}), "policy 'ilp': .*nonsense"),
    ],
)
def test_an_entrant_that_cannot_be_is_refused(entrant: Entrant, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        play(cell(), [entrant], 0, series=False)


def test_an_episode_in_which_nobody_comes_is_a_row_without_a_score() -> None:
    row = play(cell(trace_rps=(0.0,) * 30), [ILP], 0, series=True)[0].row

    assert (row.requests, row.score, row.p99_s, row.slo_attainment) == (0, None, None, None)


class Slow:
    """A policy that holds one replica."""

    foresight = False

    def decide(self, situation: Situation) -> Configuration:
        return configuration(("first", "small", 1, 1))


def test_a_policy_under_the_stop_watch_decides_what_it_decides_alone() -> None:
    assert replay(SPEC, Timed(Slow()), TRACE, seed=1) == replay(SPEC, Slow(), TRACE, seed=1)
