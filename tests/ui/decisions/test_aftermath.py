"""What came of a decision is drawn as measured, against what was expected for as long as it held."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import pytest

from core.decision import Decision
from tests.agent.explain.records import OPTIMUM, SMALL, change, forecast, seen, turn
from tests.agent.toy import pipeline_of
from ui.charts import Across, Chart
from ui.decisions.aftermath import accuracy_after, latency_after, load_after
from ui.decisions.steps import Came
from ui.decisions.timeline import came
from ui.when import When

MINUTES = Across(When(None, UTC))


def of(mark: str, chart: Chart | None) -> list[list[dict[str, Any]]]:
    """Return the data of each layer with that mark."""
    assert chart is not None
    drawn = chart.to_dict()
    return [
        layer["data"].get("values") or drawn["datasets"][layer["data"]["name"]]
        for layer in drawn["layer"]
        if layer["mark"]["type"] == mark
    ]


def came_of(*later: Decision, decision: Decision | None = None) -> Came:
    return came(decision or change(3), pipeline_of(), later)


def after(number: int, **measured: Any) -> Decision:  # noqa: ANN401 - of the record
    return turn(number, running=OPTIMUM, observation=seen(10.0 * number, **measured))


def test_the_load_is_drawn_at_its_highest_against_the_forecast_over_its_horizon() -> None:
    spiky = (2.0,) * 9 + (12.0,)

    chart = load_after(came_of(after(4, loads_rps=spiky), after(5)), MINUTES)

    assert of("line", chart) == [[{"x": 40 / 60, "y": 12.0}, {"x": 50 / 60, "y": 10.0}]]
    ((band,),) = of("rect", chart)
    assert (band["x"], band["x2"]) == (0.5, pytest.approx(40 / 60))
    assert (band["point"], band["upper"]) == (8.0, 10.0)


def test_the_load_is_averaged_as_the_forecast_is() -> None:
    smooth = forecast().model_copy(update={"averaged_s": 10})
    spiky = (2.0,) * 9 + (12.0,)

    chart = load_after(came_of(after(4, loads_rps=spiky), decision=change(3, forecast=smooth)), MINUTES)

    assert of("line", chart) == [[{"x": 40 / 60, "y": 3.0}]]


def test_the_latency_is_drawn_against_the_prediction_while_it_ran_and_the_slo_all_along() -> None:
    later = (after(4, latency_s=0.5), after(5, latency_s=0.7), turn(6, running=SMALL))

    chart = latency_after(came_of(*later), MINUTES)

    assert [row["y"] for row in of("line", chart)[0]] == [0.5, 0.7, 0.3]
    (predicted,), (slo,) = of("rule", chart)
    verdict = change(3).rulings[-1].verdict
    assert verdict is not None
    assert (predicted["y"], predicted["x2"]) == (verdict.latency_s, pytest.approx(50 / 60))
    assert (slo["y"], slo["x2"]) == (2.0, 1.0)


def test_the_accuracy_is_drawn_where_it_was_measured() -> None:
    chart = accuracy_after(came_of(after(4), after(5, accuracy=0.7, labelled=9)), MINUTES)

    assert of("line", chart) == [[{"x": 50 / 60, "y": 0.7}]]
    ((predicted,),) = of("rule", chart)
    assert predicted["y"] == pytest.approx(0.8 * 0.9)


def test_what_was_not_measured_has_no_chart() -> None:
    blind = after(4, loads_rps=(None,) * 10, latency_s=None)

    found = came_of(blind)

    assert (load_after(found, MINUTES), latency_after(found, MINUTES), accuracy_after(found, MINUTES)) == (
        None,
        None,
        None,
    )


def test_where_the_clock_is_the_walls_the_charts_are_too() -> None:
    chart = load_after(came_of(after(4)), Across(When(1e9, UTC)))

    assert of("line", chart) == [[{"x": (1e9 + 40) * 1000, "y": 10.0}]]
