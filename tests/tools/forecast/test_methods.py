"""Every method against numbers by hand or an independent, slow reference."""

import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import UsageError
from simulator.workload import bursty
from tools.forecast import create
from tools.forecast._registry import Guess
from tools.forecast._windows import Window
from tools.forecast.ar import Ar
from tools.forecast.holt import Holt, smoothed
from tools.forecast.mixture import Mixture, pinball

NAN = float("nan")


def window(*maxima: float) -> Window:
    tops = [maxima[0]] * (12 - len(maxima)) + list(maxima)
    return Window(tops, tops, whole=not np.isnan(tops).any())


def holed(*maxima: float) -> Window:
    """A window with an unknown first block: the regressions stay at `max`, the others unmoved."""
    tops = [NAN, *window(*maxima).maxima[1:]]
    return Window(tops, tops, whole=False)


def saw(seconds: int) -> list[float | None]:
    rng = np.random.default_rng(3)
    return [float(x) for x in rng.poisson(80 + 40 * np.sin(np.arange(seconds) / 150))]


@pytest.mark.parametrize(
    ("name", "expected"),
    [pytest.param("last", 4.0, id="last"), pytest.param("max", 6.0, id="max of three")],
)
def test_the_simple_methods_by_hand(name: str, expected: float) -> None:
    forecaster = create(name)

    forecaster.observe([9.0] * 10 + [6.0] * 10 + [5.0] * 10 + [4.0] * 10)

    assert forecaster.forecast(20).point_rps == expected


def test_holt_by_hand() -> None:
    # level 10, then 20: 10 + 0.3 * 10 = 13, trend 0.2 * 3 = 0.6
    assert smoothed([10.0, 20.0]) == pytest.approx((13.0, 0.6))
    # then 20 again: expected 13.36, level 15.352; trend 0.2 * 2.352 + 0.8 * 0.36 = 0.7584
    assert smoothed([10.0, 20.0, 20.0]) == pytest.approx((15.352, 0.7584))


def test_holt_reaches_as_many_blocks_as_the_horizon() -> None:
    rising = window(10.0, 20.0)

    one, two = Holt(10, 0.9).guess(rising), Holt(11, 0.9).guess(rising)

    assert one.point_rps == pytest.approx(13.0 + 0.6 * 0.6)
    assert two.point_rps == pytest.approx(13.0 + (0.6 + 0.36) * 0.6)


def test_holt_expects_the_next_block_when_the_load_falls() -> None:
    assert Holt(20, 0.9).guess(window(20.0, 10.0)).point_rps == pytest.approx(17.0 - 0.6 * 0.6)


def test_holt_bridges_an_unknown_block_with_its_own_forecast() -> None:
    level_rps, trend_rps = smoothed([10.0, 20.0, NAN])

    assert level_rps == pytest.approx(13.36)
    assert trend_rps == pytest.approx(0.2 * 0.36 + 0.8 * 0.36)


def reference(pairs: list[tuple[NDArray[np.float64], float]], fitted: int) -> float:
    """The last pair's fitted value by numpy's lstsq on all rows at once, ridge as extra rows."""
    levels = np.array([np.mean([x[-1] for x, _ in pairs[: k + 1]]) for k in range(fitted)])
    rows = np.array([[*np.log(x / v), 1.0] for (x, _), v in zip(pairs, levels, strict=False)])
    goals = np.array([np.log(y / v) for (_, y), v in zip(pairs, levels, strict=False)])
    root = np.sqrt(0.9999 ** np.arange(fitted - 1, -1, -1))
    design = np.vstack([rows * root[:, None], np.sqrt(0.1) * np.eye(13)])
    weights = np.linalg.lstsq(design, np.r_[goals * root, np.zeros(13)], rcond=None)[0]
    level = np.mean([x[-1] for x, _ in pairs])
    return float(level * np.exp(np.r_[np.log(pairs[-1][0] / level), 1.0] @ weights))


@pytest.mark.parametrize("count", [60, 89, 90, 200, 500])
def test_the_regression_equals_a_refit_from_scratch(count: int) -> None:
    samples = np.array(saw(120 + 10 * count + 20), dtype=float)
    method = Ar(20, 0.9)
    pairs = []
    for at in range(120, 120 + 10 * count, 10):
        tops = samples[at - 120 : at].reshape(12, 10).max(axis=1)
        target = float(samples[at : at + 20].max())
        pairs.append((tops, target))
        method.learn(window(*tops.tolist()), Guess(0.0, 0.0), target)

    guess = method.guess(window(*pairs[-1][0].tolist()))

    fitted = count - count % 30
    assert guess.point_rps == pytest.approx(reference(pairs, fitted), rel=1e-7)


def test_the_regression_learns_a_law_that_no_simple_method_knows() -> None:
    # log-load alternates: after a high block comes a low one
    rng = np.random.default_rng(4)
    method = Ar(10, 0.9)
    for _ in range(600):
        tops = np.exp(rng.normal(3, 0.3, 12))
        method.learn(window(*tops.tolist()), Guess(0, 0), float(400 / tops[-1]))

    assert method.guess(window(*[20.0] * 11, 40.0)).point_rps == pytest.approx(10.0, rel=0.05)


def test_before_ten_minutes_the_regression_says_it_is_warming_up() -> None:
    forecaster = create("ar")
    forecaster.observe(saw(700))
    early = forecaster.forecast(20)
    forecaster.observe(saw(200))

    assert early.method == "ar (warming up: max)"
    assert forecaster.forecast(20).method == "ar"


def test_an_absurd_fit_stays_near_the_window() -> None:
    method = Ar(20, 0.9)
    for k in range(60):
        method.learn(window(*[float(10 + k % 2)] * 12), Guess(0, 0), 1e9)

    assert method.guess(window(10.0)).point_rps == pytest.approx(40.0)


def test_pinball_by_hand() -> None:
    assert pinball(10.0, 14.0, 0.9) == pytest.approx(3.6)
    assert pinball(14.0, 10.0, 0.9) == pytest.approx(0.4)


def test_the_mixture_starts_with_equal_weights() -> None:
    guess = Mixture(20, 0.9).guess(window(10.0, 20.0))

    # last 20, max 20, holt 13.576, ar and ar-means fall back to max
    assert guess.point_rps == pytest.approx((20 + 20 + 13.576 + 20 + 20) / 5)


def test_the_mixture_moves_to_the_expert_that_is_right() -> None:
    method, seen = Mixture(20, 0.9), window(10.0, 20.0)

    for _ in range(50):
        method.learn(seen, method.guess(seen), 13.576)

    assert method.guess(seen).point_rps == pytest.approx(13.576, rel=0.01)


def test_the_mixture_forgets_who_was_right_long_ago() -> None:
    method, seen = Mixture(20, 0.9), holed(10.0, 20.0)

    # 1000 windows of holt's being right charge the others 237, then 1000 charge holt 160:
    # without forgetting holt would stay ahead, with it the charges are 55 and 102
    for target in [13.576] * 1000 + [20.0] * 1000:
        method.learn(seen, method.guess(seen), target)

    assert method.guess(seen).point_rps == pytest.approx(20.0, rel=0.01)


def test_the_points_are_weighed_at_the_median_not_at_the_quantile() -> None:
    method, seen = Mixture(20, 0.9), holed(10.0, 20.0)

    # at 0.9 a forecast of 20 would lose less; at the median, right two times in three wins
    for target in [13.576, 20.0, 13.576] * 30:
        method.learn(seen, method.guess(seen), target)

    assert method.guess(seen).point_rps == pytest.approx(13.576, rel=0.01)


def test_a_surge_enters_the_upper_quantile_once() -> None:
    """The experts' margins must not come on top of the mixture's own: that gave five times the most seen."""
    loads = bursty(400, base_rps=6.0, peak_rps=30.0, seed=0)
    forecaster = create("mixture", 0.9)

    for now in range(10, 400, 10):
        forecaster.observe(loads[now - 10 : now])
        upper_rps = forecaster.forecast(20).upper_rps
        assert upper_rps < 3 * max(loads[:now])


def test_the_mixtures_experts_learn() -> None:
    rng = np.random.default_rng(4)
    method = Mixture(10, 0.9)
    for _ in range(600):
        seen = window(*np.exp(rng.normal(3, 0.3, 12)).tolist())
        method.learn(seen, method.guess(seen), 400 / seen.maxima[-1])

    assert method.guess(window(*[20.0] * 11, 40.0)).point_rps == pytest.approx(10.0, rel=0.05)


def test_numbers_of_another_method_are_refused() -> None:
    with pytest.raises(UsageError, match="damaged"):
        Mixture(20, 0.9).take({"points": [0.0]})
    with pytest.raises(UsageError, match="damaged"):
        Ar(20, 0.9).take({"level": [1.0, 2.0], "gram": [1.0], "moment": [], "weights": []})
