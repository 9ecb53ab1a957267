"""Charts show the figures of the points, and leave out nothing that matters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest

from core.configuration import Configuration, StageConfiguration
from core.decision import Outcome
from core.frontier import frontier
from core.pipeline import Slo
from core.prediction import predict
from core.problem import Problem
from tests.agent.toy import CHEAPER, ENOUGH, pipeline_of
from tools.points import Point
from ui.charts import Across, Chart, load_chart, thinned
from ui.pipeline import curves
from ui.pipeline.tradeoffs import SHAPES, Spot, frontier_chart, spot
from ui.when import When

SIMULATED = Across(When(None, UTC))
POINT = Point(
    seq=1,
    id="toy-1",
    pipeline="toy",
    time_s=60.0,
    outcome="held",
    degraded=False,
    mode="auto",
    load_mean=10.0,
    load_max=14.0,
    load_rps=12.0,
    forecast_point=11.0,
    forecast_upper=15.0,
    latency_s=0.4,
    p50_s=0.1,
    p95_s=0.3,
    p99_s=0.4,
    in_time=0.995,
    judged=100,
    dropped_rps=0.0,
    accuracy=0.7,
    labelled=10,
    queue=3.0,
    ready=8,
    running=CHEAPER.model_dump_json(),
    chosen=None,
    candidate=None,
    digest=pipeline_of().digest,
    findings=(),
    predicted_latency_s=None,
    predicted_accuracy=None,
    objective=None,
    optimum=None,
    regret=None,
    tokens=0,
    usd=0.0,
)


def points(count: int, **changes: Sequence[Any]) -> list[Point]:
    """Return so many points, a minute apart; each change is a value for each of them."""
    return [
        replace(
            POINT,
            seq=i + 1,
            id=f"toy-{i + 1}",
            time_s=60.0 * i,
            **{name: values[i] for name, values in changes.items()},
        )
        for i in range(count)
    ]


def rows_of(chart: Chart, *fields: str) -> list[tuple[Any, ...]]:
    """Return what is drawn: of every layer's rows that have these fields, the fields."""
    return [
        tuple(row[f] for f in fields)
        for values in data_of(chart.to_dict())
        for row in values
        if all(f in row for f in fields)
    ]


def data_of(spec: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
    """Return the inline data of a chart and its layers."""
    own = [spec["data"]["values"]] if "values" in spec.get("data", {}) else []
    own += list(spec.get("datasets", {}).values())
    return own + [values for layer in spec.get("layer", ()) for values in data_of(layer)]


def test_the_load_is_drawn_with_the_band_of_its_forecast() -> None:
    drawn = load_chart(points(2, load_mean=[1.0, None], forecast_upper=[5.0, 6.0]), SIMULATED)

    assert rows_of(drawn, "x", "mean", "point", "upper") == [(0.0, 1.0, 11.0, 5.0), (1.0, None, 11.0, 6.0)]


MINUTE = ["2023-11-14T22:13:20+00:00", "2023-11-14T22:14:20+00:00"]
"""From Unix time 1.7e9 on; as dates, since Vega takes a number in a domain for a year."""


@pytest.mark.parametrize(
    ("zero", "first_s", "expected"),
    [
        pytest.param(None, 0.0, [0.0, 1.0], id="a simulated run, in minutes"),
        pytest.param(1.7e9, 0.0, MINUTE, id="a clock with a beginning, as dates"),
        pytest.param(None, 1.7e9, MINUTE, id="a clock from 1970, as dates"),
    ],
)
def test_every_chart_of_a_range_has_the_same_axis(
    zero: float | None, first_s: float, expected: list[float] | list[str]
) -> None:
    across = Across(When(zero, UTC), (first_s, first_s + 60.0))
    some = [replace(POINT, time_s=first_s)]

    axes = [
        across.x().to_dict(),
        curves.chart(some, across, curves.QUEUE).to_dict()["layer"][0]["encoding"]["x"],
    ]

    assert across.wall is (expected == MINUTE)
    assert all(axis["scale"]["domain"] == expected for axis in axes)


def test_thinned_points_keep_the_worst_of_those_they_stand_for() -> None:
    many = points(
        1000,
        latency_s=[9.0 if i == 501 else 0.1 for i in range(1000)],
        in_time=[0.2 if i == 502 else 1.0 for i in range(1000)],
        accuracy=[0.3 if i == 503 else None for i in range(1000)],
        queue=[77.0 if i == 504 else 0.0 for i in range(1000)],
        dropped_rps=[5.0 if i == 505 else 0.0 for i in range(1000)],
        load_max=[99.0 if i == 506 else 1.0 for i in range(1000)],
        forecast_upper=[88.0 if i == 507 else 1.0 for i in range(1000)],
    )

    kept = thinned(many, 100)

    assert len(kept) <= 100
    assert kept[-1].time_s == many[-1].time_s
    assert max(p.latency_s or 0 for p in kept) == 9.0
    assert min(p.in_time or 0 for p in kept) == 0.2
    assert [p.accuracy for p in kept if p.accuracy is not None] == [0.3]
    assert max(p.queue or 0 for p in kept) == 77.0
    assert max(p.dropped_rps or 0 for p in kept) == 5.0
    assert max(p.load_max or 0 for p in kept) == 99.0
    assert max(p.forecast_upper or 0 for p in kept) == 88.0


def test_few_points_are_all_drawn_as_they_are() -> None:
    few = points(7)

    assert thinned(few, 7) == few


def test_latency_is_drawn_at_every_known_quantile_against_the_slo() -> None:
    some = points(2, latency_s=[0.5, 0.6], p99_s=[0.7, None], p95_s=[None, None])

    drawn = curves.chart(some, SIMULATED, curves.latency(Slo(latency_s=2.0, quantile=0.9)))

    assert rows_of(drawn, "what", "value") == [
        ("p90", 0.5),
        ("p90", 0.6),
        ("p99", 0.7),
        ("p99", None),
        ("p50", 0.1),
        ("p50", 0.1),
    ]
    assert (2.0, "SLO 2 s at p90") in rows_of(drawn, "limit", "text")


def test_the_quantile_of_the_slo_is_drawn_once() -> None:
    drawn = curves.chart(points(1), SIMULATED, curves.latency(Slo(latency_s=2.0, quantile=0.99)))

    assert [what for (what,) in rows_of(drawn, "what")] == ["p99", "p95", "p50"]


def test_what_was_never_measured_is_not_drawn() -> None:
    unknown = points(3, accuracy=[None] * 3, queue=[None, 0.0, None])

    assert not curves.drawable(unknown, curves.ACCURACY)
    assert curves.drawable(unknown, curves.QUEUE)


def test_the_share_in_time_stands_against_what_was_promised() -> None:
    drawn = curves.chart(points(1), SIMULATED, curves.in_time(Slo(latency_s=2.0, quantile=0.999)))

    assert rows_of(drawn, "value") == [(0.995,)]
    assert (0.999, "aim 99.900%") in rows_of(drawn, "limit", "text")


def test_cores_are_those_of_what_ran_and_unknown_under_an_unknown_pipeline() -> None:
    toy = pipeline_of()
    other = Configuration(stages=ENOUGH.stages[:1]).model_dump_json()
    some = points(
        5,
        running=[CHEAPER.model_dump_json(), ENOUGH.model_dump_json(), None, ENOUGH.model_dump_json(), other],
        digest=[toy.digest, toy.digest, toy.digest, "0" * 64, toy.digest],
    )

    drawn = curves.chart(some, SIMULATED, curves.cores({toy.digest: toy}))

    assert [value for (value,) in rows_of(drawn, "value")] == [8.0, 20.0, None, None, None]


def test_each_decision_that_did_something_is_marked_where_the_load_was() -> None:
    outcomes: list[Outcome] = ["applied", "held", "failed", "refused", "held", "recommended"]
    some = points(6, outcome=outcomes, load_mean=[4.0, 5.0, None, 7.0, 8.0, 9.0])

    drawn = curves.load_with_decisions(some, curves.marked(some), SIMULATED, {"toy-1": "noon"})

    assert rows_of(drawn, "x", "y", "id", "outcome") == [
        (0.0, 4.0, "toy-1", "applied"),
        (2.0, 0.0, "toy-3", "failed"),
        (3.0, 7.0, "toy-4", "refused"),
        (5.0, 9.0, "toy-6", "recommended"),
    ]
    assert [when for (when,) in rows_of(drawn, "when")] == ["noon", "", "", ""]
    assert curves.PICKED in str(drawn.to_dict()["params"])


def test_a_recommendation_that_is_only_repeated_is_marked_once() -> None:
    some = points(5, outcome=["recommended"] * 5, candidate=["a", "a", "b", "b", "a"])

    assert [p.id for p in curves.marked(some)] == ["toy-1", "toy-3", "toy-5"]


def test_of_too_many_decisions_the_gravest_are_marked() -> None:
    outcomes: list[Outcome] = ["failed" if i in (17, 83) else "applied" for i in range(100)]

    kept = curves.marked(points(100, outcome=outcomes), 10)

    assert len(kept) == 10
    assert [p.id for p in kept if p.outcome == "failed"] == ["toy-18", "toy-84"]


def test_where_nothing_was_done_the_load_is_drawn_alone() -> None:
    drawn = curves.load_with_decisions(points(3), (), SIMULATED, {})

    assert rows_of(drawn, "outcome") == []
    assert len(rows_of(drawn, "mean")) == 3


def test_the_frontier_has_every_trade_off_and_what_runs_in_a_shape_of_its_own() -> None:
    toy = Problem.of(pipeline_of(), 10.0)
    tradeoffs = frontier(toy)
    spots = spot("runs", CHEAPER, predict(toy, CHEAPER))

    drawn = frontier_chart(tradeoffs, spots)

    dots = rows_of(drawn, "cores", "accuracy", "latency", "configuration")
    assert dots[:-1] == [
        (t.cores, t.accuracy, t.latency_s, ", ".join(text(s) for s in t.configuration.stages))
        for t in tradeoffs
    ]
    assert rows_of(drawn, "what", "cores", "accuracy") == [("runs", 8.0, pytest.approx(0.45))]
    assert len(set(SHAPES.values())) == len(SHAPES)


def text(setting: StageConfiguration) -> str:
    return f"{setting.stage}={setting.variant}/{setting.batch}x{setting.replicas}"


def test_a_configuration_without_a_known_accuracy_has_no_spot() -> None:
    unknown = replace(predict(Problem.of(pipeline_of(), 10.0), CHEAPER), accuracy=None)

    assert spot("runs", CHEAPER, unknown) == ()
    assert spot("runs", None, None) == ()


def test_the_frontier_can_be_drawn_over_the_one_before() -> None:
    toy = Problem.of(pipeline_of(), 10.0)
    marks = (Spot("optimum", 0.5, 3.0, 0.2, ENOUGH),)

    drawn = frontier_chart((), marks, before=frontier(toy))

    assert [(t.cores, t.accuracy) for t in frontier(toy)] == rows_of(drawn, "cores", "accuracy")[:-1]


def test_figures_are_written_out_and_never_as_powers_of_ten() -> None:
    toy = Problem.of(pipeline_of(), 10.0)

    drawn = [
        frontier_chart(frontier(toy), ()),
        *(
            curves.chart(points(2), SIMULATED, figure)
            for figure in (curves.QUEUE, curves.latency(toy.pipeline.slo))
        ),
    ]

    assert not any("~g" in str(chart.to_dict()) for chart in drawn)
