"""Forecasts are judged by the highest load of their own horizon, and only where all of it was measured."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from agent.controller.foresight import Foresight, Judgement
from core.forecast import Forecast
from core.observation import Observation
from tests.tools.toolkit.moments import OBSERVATION

CALM = [10.0] * 10


def interval(end_s: float, loads_rps: Sequence[float | None]) -> Observation:
    changes = {"time_s": end_s, "interval_s": 10.0, "loads_rps": tuple(loads_rps)}
    return OBSERVATION.model_copy(update=changes)


def forecast(horizon_s: float = 20.0) -> Forecast:
    return Forecast(point_rps=11.0, upper_rps=13.0, quantile=0.9, horizon_s=horizon_s, method="last")


def judged(*intervals: Observation | None, horizon_s: float = 20.0) -> list[Judgement]:
    foresight = Foresight()
    foresight.made(forecast(horizon_s), interval(100, CALM))
    return [found for each in intervals for found in foresight.seen(each)]


def test_the_highest_load_of_the_whole_horizon_counts() -> None:
    peak = [10.0, 12.5, *CALM[2:]]

    assert judged(interval(110, CALM), interval(120, peak)) == [Judgement(1.5, covered=True)]


def test_what_comes_after_the_horizon_does_not_count() -> None:
    late = [10.0] * 5 + [99.0] * 5

    assert judged(interval(110, CALM), interval(120, late), horizon_s=15.0) == [Judgement(-1.0, covered=True)]


def test_a_load_above_the_upper_quantile_is_a_miss() -> None:
    assert judged(interval(110, [13.5, *CALM[1:]]), interval(120, CALM)) == [Judgement(2.5, covered=False)]


def test_before_the_horizon_is_over_nothing_is_said() -> None:
    assert judged(interval(110, CALM)) == []


@pytest.mark.parametrize(
    "gap",
    [
        pytest.param([interval(110, [10.0, None, *CALM[2:]]), interval(120, CALM)], id="a second is unknown"),
        pytest.param([None, interval(120, CALM), interval(130, CALM)], id="nothing was measured"),
        pytest.param([interval(120, CALM), interval(130, CALM)], id="an interval is missing"),
        pytest.param([interval(110, []), interval(120, CALM)], id="an interval is empty"),
    ],
)
def test_a_forecast_with_a_gap_is_never_judged(gap: list[Observation | None]) -> None:
    assert judged(*gap, interval(140, CALM), interval(150, CALM)) == []


def test_samples_may_be_further_apart_than_a_second() -> None:
    assert judged(interval(110, [10.0, 12.0]), interval(120, [10.0, 10.0])) == [Judgement(1.0, covered=True)]


def test_each_of_several_open_forecasts_is_judged_once() -> None:
    foresight = Foresight()
    found: list[Judgement] = []
    for number in range(10):
        seen = interval(100 + 10 * number, CALM)
        found += foresight.seen(seen)
        foresight.made(forecast(), seen)

    assert found == [Judgement(-1.0, covered=True)] * 8
