"""Where requests may wait, the load averaged over ten seconds is forecast; a surge within is seen at once."""

from __future__ import annotations

import json
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import UsageError
from tools.forecast import Forecaster, create, names, restored
from tools.forecast._surge import RISING

Samples = list[float | None]
CALM: Samples = [20.0] * 900


def noise(rps: float, seconds: int, seed: int) -> list[float]:
    return [float(n) for n in np.random.default_rng(seed).poisson(rps, seconds)]


def fed(samples: Samples, *, averaged_s: int = 10, quantile: float = 0.5, name: str = "last") -> Forecaster:
    forecaster = create(name, quantile, averaged_s)
    forecaster.observe(samples)
    return forecaster


def by_hand(samples: Samples, seconds: int) -> Samples:
    """Return the mean of each sample and those before it, if half of them are known."""
    found: Samples = []
    for at in range(len(samples)):
        window = [samples[k] for k in range(max(0, at - seconds + 1), at + 1)]
        known = [rps for rps in window if rps is not None]
        found.append(math.fsum(known) / len(known) if len(known) >= len(window) / 2 else None)
    return found


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("averaged_s", [2, 10])
def test_the_point_is_that_of_the_averaged_load(name: str, averaged_s: int) -> None:
    raw: Samples = [*noise(30.0, 1200, seed=1)]
    raw[700:703] = raw[950:990] = [None] * 3
    raw[1000:1012] = [None] * 12

    averaging = fed(raw, averaged_s=averaged_s, name=name).forecast(20)
    plain = fed(by_hand(raw, averaged_s), averaged_s=1, name=name).forecast(20)

    assert averaging.point_rps == pytest.approx(plain.point_rps, rel=1e-9)
    assert (averaging.scored, averaging.missed) == (plain.scored, plain.missed)
    assert (averaging.averaged_s, plain.averaged_s) == (averaged_s, 1)


def test_one_high_second_of_ten_raises_what_is_expected_by_its_tenth() -> None:
    """It was 80 rps above the others, and lies further back than a surge is looked for."""
    forecast = fed([*CALM, 100.0, *[20.0] * 6]).forecast(20)

    assert forecast.point_rps == pytest.approx(28.0)
    assert forecast.upper_rps == pytest.approx(28.0)


def test_missing_seconds_are_left_out_of_the_mean_and_are_not_zero() -> None:
    assert fed([*CALM, None, None, None, None]).forecast(20).point_rps == pytest.approx(20.0)


@pytest.mark.parametrize(
    ("surging", "average_rps", "recent_rps"),
    [
        pytest.param([60.0, 60.0], 28.0, 60.0, id="two seconds"),
        pytest.param([60.0] * 5, 40.0, 60.0, id="five seconds"),
        pytest.param([80.0], 26.0, 50.0, id="one second, by the mean of two"),
        pytest.param([60.0, None, 60.0], 20.0 + 80.0 / 9, 60.0, id="with a gap"),
    ],
)
def test_a_surge_is_seen_within_seconds_and_expected_to_go_on_rising(
    surging: Samples, average_rps: float, recent_rps: float
) -> None:
    """A mean of ten seconds sees a fifth of it after two; the last two seconds show all."""
    forecaster = fed(CALM)
    forecaster.forecast(20)  # what a surge is held against
    forecaster.observe(surging)
    forecast = forecaster.forecast(20)

    assert forecast.point_rps == pytest.approx(average_rps)
    assert forecast.upper_rps == pytest.approx(recent_rps + RISING * (recent_rps - average_rps))


def test_a_surge_is_no_surge_once_the_average_has_it() -> None:
    assert fed([*CALM, *[60.0] * 10]).forecast(20).upper_rps == pytest.approx(60.0)


def test_a_load_that_falls_is_no_surge() -> None:
    forecast = fed([*CALM, *[2.0] * 5]).forecast(20)

    assert forecast.upper_rps == pytest.approx(20.0)


def test_what_chance_brings_is_no_surge() -> None:
    """26 in each of two seconds, less 1.64 deviations of such a mean, is 20.1: what is expected is 21.2."""
    assert fed([*CALM, 26.0, 26.0]).forecast(20).upper_rps == pytest.approx(21.2)


def test_seconds_nobody_saw_are_no_surge() -> None:
    forecast = fed([*CALM, *[None] * 6]).forecast(20)

    assert forecast.upper_rps == pytest.approx(20.0)


@pytest.mark.parametrize("name", names())
def test_where_nobody_may_wait_the_seconds_speak_for_themselves(name: str) -> None:
    """The highest second is forecast already; nothing comes on top, whatever the last seconds were."""
    forecaster = fed([*CALM, *[60.0] * 5], averaged_s=1, name=name)
    unaware = restored(forecaster.state() | {"newest": []})

    assert forecaster.forecast(20) == unaware.forecast(20)


@pytest.mark.parametrize("rps", [1.0, 5.0, 20.0, 100.0])
def test_noise_raises_five_of_a_hundred_forecasts_at_most(rps: float) -> None:
    """At the median, which is the easiest to exceed; one surge by chance may raise several forecasts."""
    forecasts = surges = 0
    for seed in range(4):
        samples: Samples = [*noise(rps, 1800, seed)]
        averages = by_hand(samples, 10)
        watchful, told = create("mixture", 0.5, 10), create("mixture", 0.5, 1)
        for start in range(0, 1800, 10):
            watchful.observe(samples[start : start + 10])
            told.observe(averages[start : start + 10])
            if start >= 600:
                surges += watchful.forecast(20).upper_rps > told.forecast(20).upper_rps * (1 + 1e-9)
                forecasts += 1

    assert forecasts == 480
    assert surges / forecasts <= 0.05


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("stop", [3, 9, 10, 601, 4207])
@pytest.mark.parametrize("averaged_s", [2, 7, 10])
def test_a_restart_through_json_changes_nothing_to_the_last_bit(
    name: str, stop: int, averaged_s: int
) -> None:
    before: Samples = [*noise(20.0, stop, seed=3)]
    before[stop // 2 : stop // 2 + 1] = [None]
    later: Samples = [*noise(20.0, 33, seed=4), None, 90.0, 95.0]
    running = fed(before, averaged_s=averaged_s, name=name, quantile=0.9)
    if stop > 9:
        running.forecast(20)

    again = restored(json.loads(json.dumps(running.state())))
    for forecaster in (running, again):
        forecaster.observe(later)

    assert again.state() == running.state()
    assert again.forecast(20) == running.forecast(20)


@given(cuts=st.lists(st.integers(0, 120), max_size=6), seconds=st.integers(1, 10))
@settings(max_examples=40, deadline=None)
def test_it_is_the_same_however_the_samples_are_cut(cuts: list[int], seconds: int) -> None:
    samples: Samples = [*noise(9.0, 120, seed=5)]
    samples[33:39] = [None] * 6
    whole = fed(samples, averaged_s=seconds)

    pieces = create("last", 0.5, seconds)
    borders = [0, *sorted(cuts), 120]
    for start, stop in pairwise(borders):
        pieces.observe(samples[start:stop])

    assert pieces.state() == whole.state()


def test_a_state_from_before_there_were_averages_is_one_of_single_seconds() -> None:
    state = fed(CALM, averaged_s=1).state()
    del state["averaged_s"], state["newest"]

    assert restored(state).forecast(20).averaged_s == 1


@pytest.mark.parametrize("averaged_s", [0, 11, -1])
def test_an_impossible_average_is_refused(averaged_s: int) -> None:
    with pytest.raises(UsageError, match="averaged over 1 to 10 seconds, not"):
        create("last", 0.5, averaged_s)


@pytest.mark.parametrize(
    ("field", "value"), [("averaged_s", 0), ("averaged_s", 11), ("newest", [-1.0]), ("newest", [1.0] * 11)]
)
def test_a_state_that_cannot_be_one_is_refused(field: str, value: object) -> None:
    with pytest.raises(UsageError, match=f"not the state of a forecaster: {field}"):
        restored(fed(CALM).state() | {field: value})


def test_a_bad_sample_is_refused_and_none_is_taken() -> None:
    forecaster = fed(CALM)
    before = forecaster.state()

    with pytest.raises(UsageError, match="sample 1 is"):
        forecaster.observe([3.0, -1.0])

    assert forecaster.state() == before
