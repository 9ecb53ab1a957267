"""What every registered forecaster promises, tested the day its file appears."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import MetricsUnavailable, UsageError
from core.forecast import Forecast
from tools.forecast import Forecaster, create, names, restored

Samples = list[float | None]

every = pytest.mark.parametrize("name", names())


def bursty(seconds: int, seed: int = 1, scale: float = 1.0) -> Samples:
    rng = np.random.default_rng(seed)
    wave = 60 + 25 * np.sin(np.arange(seconds) / 90)
    return [scale * float(count) for count in rng.poisson(wave)]


def fed(name: str, samples: Samples, quantile: float = 0.9) -> Forecaster:
    forecaster = create(name, quantile)
    forecaster.observe(samples)
    return forecaster


def answer(forecaster: Forecaster, horizon_s: float) -> Forecast | str:
    try:
        return forecaster.forecast(horizon_s)
    except MetricsUnavailable as error:
        return str(error)


def test_the_methods_of_the_design_are_there() -> None:
    assert {"last", "max", "holt", "ar", "mixture"} <= set(names())


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"no forecaster called 'mixtur'. Did you mean 'mixture'"):
        create("mixtur")


def test_a_name_like_no_other_is_answered_with_all() -> None:
    with pytest.raises(UsageError, match="Known: ar, ar-means, holt, last, max, mixture"):
        create("qqqqqqqq")


@pytest.mark.parametrize("quantile", [0.4, 1.0, math.nan])
def test_an_impossible_quantile_is_refused(quantile: float) -> None:
    with pytest.raises(UsageError, match="quantile"):
        create("last", quantile)


@every
@pytest.mark.parametrize("horizon_s", [0.0, -1.0, 1801.0, math.nan, math.inf])
def test_an_impossible_horizon_is_refused(name: str, horizon_s: float) -> None:
    with pytest.raises(UsageError, match="horizon"):
        fed(name, [1.0] * 20).forecast(horizon_s)


@every
@pytest.mark.parametrize(
    "samples",
    [
        pytest.param([], id="empty"),
        pytest.param([None] * 300, id="all missing"),
        pytest.param([5.0] * 60 + [None] * 120, id="missing for two minutes"),
        pytest.param([5.0] * 4, id="fewer than half a block"),
    ],
)
def test_no_data_is_never_an_idle_pipeline(name: str, samples: Samples) -> None:
    with pytest.raises(MetricsUnavailable):
        fed(name, samples).forecast(20)


@every
@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf])
def test_a_bad_sample_is_refused_and_none_of_its_batch_is_taken(name: str, bad: float) -> None:
    forecaster = fed(name, bursty(600))
    before = forecaster.state()

    with pytest.raises(UsageError, match="sample 1 is"):
        forecaster.observe([3.0, bad])

    assert forecaster.state() == before


@every
@pytest.mark.parametrize("load_rps", [0.0, 0.3, 7.0, 1e9])
def test_a_constant_load_is_forecast_as_itself(name: str, load_rps: float) -> None:
    forecaster = create(name)
    forecaster.observe([load_rps] * 120)
    forecaster.forecast(20)
    forecaster.observe([load_rps] * 1500)

    forecast = forecaster.forecast(20)

    assert forecast.point_rps == pytest.approx(load_rps, rel=1e-9)
    assert forecast.upper_rps == pytest.approx(load_rps, rel=1e-9)
    assert forecast.coverage == 1.0


@every
def test_a_gap_of_thirty_seconds_is_bridged_and_said(name: str) -> None:
    forecaster = fed(name, bursty(1800))
    forecaster.forecast(20)
    forecaster.observe([None] * 30)

    forecast = forecaster.forecast(20)

    assert "gap" in forecast.method
    assert 25 < forecast.point_rps <= forecast.upper_rps < 250


@every
def test_after_a_gap_the_forecast_is_whole_again(name: str) -> None:
    forecaster = fed(name, bursty(1800))
    forecaster.forecast(20)
    forecaster.observe([None] * 30)
    forecaster.observe(bursty(120))

    assert forecaster.forecast(20).method == name


@every
def test_a_target_in_a_gap_is_neither_hit_nor_miss(name: str) -> None:
    forecaster = fed(name, bursty(600))
    before = forecaster.forecast(20)
    forecaster.observe([None] * 600)
    forecaster.observe([9.0] * 10)

    after = forecaster.forecast(20)

    # the forecast made at 590 s saw half of its target, the one at 600 s nothing of it
    assert after.scored == before.scored + 1
    assert after.missed <= before.missed + 1


@every
@pytest.mark.parametrize("stop", [5, 120, 605, 1803, 4207])
def test_a_restart_through_json_changes_nothing(name: str, stop: int) -> None:
    before, after = bursty(stop), bursty(900, seed=2)
    before[stop // 2 : stop // 2 + 2] = [None, None]
    running = create(name)
    running.observe(before[: stop // 2])
    for horizon_s in (20, 33.5):
        if stop > 60:
            running.forecast(horizon_s)
    running.observe(before[stop // 2 :])

    resumed = restored(json.loads(json.dumps(running.state())))

    for start in range(0, 900, 13):
        assert answer(resumed, 20) == answer(running, 20)
        assert answer(resumed, 7) == answer(running, 7)
        resumed.observe(after[start : start + 13])
        running.observe(after[start : start + 13])
    assert resumed.state() == running.state()


@every
def test_rebuilding_from_the_last_hour_needs_no_state(name: str) -> None:
    samples = bursty(3600)
    asked_early = create(name)
    asked_early.observe(samples[:10])
    asked_early.forecast(20)
    asked_early.observe(samples[10:])

    point_rps = fed(name, samples).forecast(20).point_rps

    assert point_rps == pytest.approx(asked_early.forecast(20).point_rps, rel=0.02)


@every
def test_how_samples_are_cut_into_batches_does_not_matter(name: str) -> None:
    samples = bursty(1000)
    at_once, one_by_one = fed(name, samples[:100]), fed(name, samples[:100])
    at_once.forecast(20)
    one_by_one.forecast(20)

    at_once.observe(samples[100:])
    for sample in samples[100:]:
        one_by_one.observe([sample])

    assert at_once.forecast(20) == one_by_one.forecast(20)


@every
@given(scale=st.sampled_from([2.0, 0.5, 3.0, 1000.0]), seed=st.integers(0, 3))
@settings(max_examples=6, deadline=None)
def test_twice_the_load_is_twice_the_forecast(name: str, scale: float, seed: int) -> None:
    plain = fed(name, bursty(1500, seed)).forecast(20)
    scaled = fed(name, bursty(1500, seed, scale)).forecast(20)

    assert scaled.point_rps == pytest.approx(scale * plain.point_rps, rel=1e-6)
    assert scaled.upper_rps == pytest.approx(scale * plain.upper_rps, rel=1e-6)


@every
@given(
    samples=st.lists(
        st.one_of(st.none(), st.floats(0, 1e12), st.sampled_from([0.0, 1e-300, 1e12])),
        min_size=1,
        max_size=200,
    ),
    repeats=st.integers(1, 15),
    horizon_s=st.floats(0.1, 1800),
    quantile=st.floats(0.5, 0.999),
)
@settings(max_examples=60, deadline=None)
def test_upper_is_at_least_point_is_at_least_zero(
    name: str, samples: Samples, repeats: int, horizon_s: float, quantile: float
) -> None:
    forecaster = create(name, quantile)
    for _ in range(repeats):
        forecaster.observe(samples)
        try:
            forecast = forecaster.forecast(horizon_s)
        except MetricsUnavailable:
            continue
        assert 0 <= forecast.point_rps <= forecast.upper_rps < math.inf
        assert forecast.missed <= forecast.scored


@every
@pytest.mark.parametrize("horizon_s", [3, 20, 60])
def test_every_horizon_is_calibrated_for_itself(name: str, horizon_s: int) -> None:
    samples = bursty(12_000, seed=5)
    forecaster = create(name)
    forecaster.observe(samples[:2000])
    forecaster.forecast(horizon_s)
    hits = []

    for at in range(2000, len(samples) - horizon_s, 10):
        forecast = forecaster.forecast(horizon_s)
        hits.append(max(float(s or 0) for s in samples[at : at + horizon_s]) <= forecast.upper_rps)
        forecaster.observe(samples[at : at + 10])

    # `max` over a short horizon is above most targets by itself: it may cover more, never less
    assert np.mean(hits) == pytest.approx(0.9, abs=0.03) or (name, horizon_s) == ("max", 3)
    assert np.mean(hits) > 0.87


def test_a_longer_horizon_has_a_higher_upper_quantile() -> None:
    forecaster = fed("mixture", bursty(3600))

    short, medium, long = (forecaster.forecast(horizon_s).upper_rps for horizon_s in (3, 20, 120))

    assert short < medium
    assert medium == pytest.approx(long, rel=0.02) or medium < long  # each learns its own quantile


def test_a_horizon_is_rounded_up_to_whole_seconds() -> None:
    assert fed("last", bursty(60)).forecast(19.2).horizon_s == 20


def test_only_the_horizons_asked_for_last_are_kept() -> None:
    forecaster = fed("last", bursty(600))

    for horizon_s in (1, 2, 3, 4, 5, 6, 7, 8, 1, 9):
        forecaster.forecast(horizon_s)

    tracks = forecaster.state()["tracks"]
    assert isinstance(tracks, list)
    assert [track["horizon_s"] for track in tracks] == [3, 4, 5, 6, 7, 8, 1, 9]


def test_a_new_horizon_starts_calibrated_from_the_samples_held() -> None:
    forecast = fed("last", bursty(3600)).forecast(20)

    assert forecast.scored == 347  # every 10 s from 120 s, the first whole window, to 3580 s
    assert forecast.coverage == pytest.approx(1 - forecast.missed / forecast.scored)


def late() -> dict[str, object]:
    forecaster = fed("last", [1.0] * 200)
    forecaster.forecast(20)
    state = forecaster.state()
    tracks = state["tracks"]
    assert isinstance(tracks, list)
    tracks[0]["pending"][0]["origin"] = 100
    return state


def damaged(**changes: object) -> dict[str, object]:
    return fed("last", [1.0] * 30).state() | changes


@pytest.mark.parametrize(
    ("state", "clue"),
    [
        pytest.param({}, "name", id="empty"),
        pytest.param(damaged(version=2), "version", id="another version"),
        pytest.param(damaged(name="lost"), "no forecaster called 'lost'", id="unknown method"),
        pytest.param(damaged(seconds=29), "30 samples do not fit 29 seconds", id="samples"),
        pytest.param(damaged(samples=[-1.0] * 30), "samples.0", id="negative sample"),
        pytest.param(late(), "pending forecast over 20 s is out of its time", id="late pending"),
        pytest.param(damaged(quantile=2), "quantile", id="quantile"),
    ],
)
def test_a_state_that_is_none_is_refused_in_one_line(state: dict[str, object], clue: str) -> None:
    with pytest.raises(UsageError, match=clue) as caught:
        restored(state)

    assert "\n" not in str(caught.value)
