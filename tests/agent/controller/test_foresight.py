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


def averaged(upper_rps: float) -> Forecast:
    changes = {"averaged_s": 10, "upper_rps": upper_rps}
    return forecast().model_copy(update=changes)


def followed(before: Observation | None, made: Observation, *after: Observation) -> list[tuple[float, bool]]:
    """Return error and cover of a forecast of averages, made after an interval that had one before."""
    foresight = Foresight()
    if before is not None:
        foresight.seen(before)
    foresight.seen(made)
    foresight.made(averaged(13.0), made)
    settled = [found for each in after for found in foresight.seen(each)]
    return [(round(found.error_rps, 9), found.covered) for found in settled]


def test_a_forecast_of_averages_is_held_against_averages() -> None:
    """A second of 40 among nine of 10 is an average of 13."""
    high = [40.0, *CALM[1:]]

    assert followed(None, interval(100, CALM), interval(110, high), interval(120, CALM)) == [(2.0, True)]


def test_the_first_averages_are_of_the_seconds_before_the_forecast_too() -> None:
    """Four seconds of 20 before the border and four after: 18 together, 14 without those before."""
    ending, beginning = [*CALM[:6], *[20.0] * 4], [*[20.0] * 4, *CALM[:6]]

    assert followed(None, interval(100, ending), interval(110, beginning), interval(120, CALM)) == [
        (7.0, False)
    ]
    assert followed(None, interval(100, CALM), interval(110, beginning), interval(120, CALM)) == [
        (3.0, False)
    ]


def test_intervals_shorter_than_an_average_are_put_together() -> None:
    def short(end_s: float, rps: float) -> Observation:
        return interval(end_s, [rps] * 5).model_copy(update={"interval_s": 5.0})

    after = [short(105, 10.0), short(110, 10.0), short(115, 10.0), short(120, 10.0)]

    assert followed(short(95, 30.0), short(100, 30.0), *after) == [(17.0, False)]


def test_seconds_before_a_gap_say_nothing_of_what_comes_after_it() -> None:
    made = interval(100, [10.0] * 5).model_copy(update={"interval_s": 5.0})
    after = interval(110, CALM), interval(120, CALM)

    assert followed(interval(90, [100.0] * 10), made, *after) == [(-1.0, True)]
    assert followed(interval(95, [100.0] * 10), made, *after) == [(35.0, False)]
