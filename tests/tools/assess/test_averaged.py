"""Where requests may wait, single seconds are chance: surges and forecasts are judged by means of ten."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pytest

from core.forecast import Forecast
from tests.core.toys import pipeline, stage
from tests.tools.assess.lives import moment, observation
from tools.assess import Moment
from tools.assess.bias import ForecastBias
from tools.assess.surge import LoadSurge

PATIENT = pipeline(stage("first"), slo_s=5.0)
CALM = (20.0,) * 10
Loads = Sequence[float | None]


def interval(end_s: float, loads_rps: Loads, told: Forecast | None = None, **fields: float) -> Moment:
    """Return a turn after ten seconds; 30 rps are what was decided for."""
    decided_rps = fields.pop("decided_rps", 30.0)
    seen = observation(end_s, loads_rps=tuple(loads_rps), **fields)
    return moment(seen, forecast=told, decided_rps=decided_rps)


def forecast(upper_rps: float, *, averaged_s: int = 10, horizon_s: float = 10.0) -> Forecast:
    return Forecast(
        point_rps=upper_rps,
        upper_rps=upper_rps,
        quantile=0.9,
        horizon_s=horizon_s,
        method="by hand",
        averaged_s=averaged_s,
    )


def surge_of(moments: Iterable[Moment]) -> float | None:
    """Return the load that the last of the turns takes for a surge."""
    detector = LoadSurge(PATIENT)
    found = None
    for each in moments:
        detector.learn(each)
        figures = [f.figure for f in detector.findings(each)]
        found = figures[0] if figures else None
    return found


def missed(moments: Iterable[Moment]) -> list[bool]:
    """Return what became of the forecasts that were scored."""
    detector = ForecastBias(PATIENT)
    for each in moments:
        detector.learn(each)
    return [miss for _, miss in detector.scored]


def test_a_second_above_what_was_decided_for_is_no_surge() -> None:
    assert surge_of([interval(10, CALM), interval(20, [110.0, *CALM[1:]])]) is None


def test_the_first_second_of_an_interval_is_not_taken_for_a_mean() -> None:
    assert surge_of([interval(10, [110.0, *CALM[1:]])]) is None


def test_the_means_of_whole_windows_are_what_a_surge_is_seen_by() -> None:
    """Four seconds of 60 among six of 20, wherever the border between intervals falls."""
    ending, beginning = (*CALM[:8], 60.0, 60.0), (60.0, 60.0, *CALM[:8])

    assert surge_of([interval(10, ending), interval(20, beginning)]) == pytest.approx(36.0)
    assert surge_of([interval(10, CALM), interval(20, (*CALM[:6], *[60.0] * 4))]) == pytest.approx(36.0)


def test_what_comes_after_a_gap_is_not_averaged_with_what_was_before() -> None:
    ending, beginning = (*CALM[:8], 60.0, 60.0), (60.0, 60.0, *CALM[:8])

    assert surge_of([interval(10, ending), moment(None, time_s=20.0), interval(30, beginning)]) is None
    assert surge_of([interval(10, ending), interval(30, beginning)]) is None


def test_intervals_shorter_than_an_average_are_put_together() -> None:
    turns = [
        interval(5, (20.0,) * 5, interval_s=5.0),
        interval(10, (60.0,) * 5, interval_s=5.0),
        interval(15, (60.0,) * 5, interval_s=5.0),
        interval(20, (20.0,) * 5, interval_s=5.0),
    ]

    found = [surge_of(turns[:k]) for k in (1, 2, 3, 4)]
    assert found == [None, *(pytest.approx(rps) for rps in (40.0, 60.0, 56.0))]


def test_chance_is_no_surge() -> None:
    """Poisson at 20 rps exceeds 28, decided for with a surplus of 40 %, in most intervals by some second."""
    rng = np.random.default_rng(1)
    loads = [tuple(map(float, rng.poisson(20.0, 10))) for _ in range(300)]
    turns = [interval(10.0 * (k + 1), load, decided_rps=28.0) for k, load in enumerate(loads)]

    assert sum(max(load) > 28.0 for load in loads) > 50
    detector, surges = LoadSurge(PATIENT), 0
    for turn in turns:
        detector.learn(turn)
        surges += bool(detector.findings(turn))

    assert surges == 0


def test_a_forecast_of_averages_is_not_missed_by_a_second() -> None:
    turns = [interval(10, CALM, forecast(29.0)), interval(20, [100.0, *CALM[1:]])]

    assert missed(turns) == [False]


def test_a_forecast_of_averages_is_missed_by_an_average() -> None:
    turns = [interval(10, CALM, forecast(29.0)), interval(20, [60.0, 60.0, 60.0, *CALM[3:]])]

    assert missed(turns) == [True]


def test_the_first_averages_of_a_horizon_are_of_the_seconds_before_it_too() -> None:
    """Of 60 rps for three seconds on both sides of the border an average sees six; of those after, three."""
    border = [interval(10, (*CALM[:7], *[60.0] * 3), forecast(40.0)), interval(20, (*[60.0] * 3, *CALM[3:]))]
    after = [interval(10, CALM, forecast(40.0)), interval(20, (*[60.0] * 3, *CALM[3:]))]

    assert missed(border) == [True]
    assert missed(after) == [False]


def test_seconds_before_a_gap_say_nothing_of_what_comes_after_it() -> None:
    made = interval(30, CALM[:5], forecast(29.0), interval_s=5.0)
    near, far = (interval(end_s, (90.0,) * 10) for end_s in (25, 20))
    target = interval(40, CALM)

    assert missed([near, made, target]) == [True]
    assert missed([far, made, target]) == [False]
    assert missed([far, moment(None, time_s=25.0), made, target]) == [False]


def test_averages_of_before_the_horizon_are_no_target() -> None:
    """The second before last but seven: its mean of few is high, that of ten from the border on is 27."""
    made = interval(10, (20.0, 90.0, *CALM[:8]), forecast(29.0))

    assert missed([made, interval(20, CALM)]) == [False]


def test_a_forecast_made_in_the_dark_is_scored_by_what_comes() -> None:
    dark = interval(10, (None,) * 10, forecast(29.0))

    assert missed([dark, interval(20, CALM)]) == [False]
    assert missed([dark, interval(20, (40.0,) * 10)]) == [True]


def test_a_short_horizon_after_seconds_nobody_saw_is_not_scored() -> None:
    """Three known seconds of ten are no average."""
    dark = interval(10, (None,) * 10, forecast(29.0, horizon_s=3.0))

    assert missed([dark, interval(20, (90.0,) * 10)]) == []


def test_a_forecast_of_single_seconds_is_held_against_them() -> None:
    turns = [interval(10, CALM, forecast(29.0, averaged_s=1)), interval(20, [30.0, *CALM[1:]])]

    assert missed(turns) == [True]
