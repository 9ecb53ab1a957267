"""The conformal margin: by hand, and on streams whose law is known."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import UsageError
from tools.forecast._conformal import FIRST_MARGIN, GAMMA, Calibrator


def settle(calibrator: Calibrator, *targets: float) -> None:
    for target in targets:
        upper = calibrator.upper_rps(100.0, 100.0)
        calibrator.settle(base_rps=100.0, upper_rps=upper, target_rps=target)


def test_before_anything_is_known_the_margin_is_the_first() -> None:
    assert Calibrator(0.9).upper_rps(10.0, 10.0) == 10.0 * (1 + FIRST_MARGIN)


def test_during_warm_up_one_larger_score_does_not_widen_the_margin_and_three_do() -> None:
    calibrator = Calibrator(0.9)

    settle(calibrator, 180.0)
    after_one = calibrator.upper_rps(100.0, 100.0)
    settle(calibrator, 180.0, 180.0)
    after_three = calibrator.upper_rps(100.0, 100.0)

    # rank ceil(21 * 0.9) = 19 of 20: 17 first margins and three scores of 0.8
    assert after_one == pytest.approx(100.0 * (1 + FIRST_MARGIN))
    assert after_three == pytest.approx(180.0)


def test_the_margin_is_the_conformal_rank_by_hand() -> None:
    calibrator = Calibrator(0.9)

    settle(calibrator, *range(139, 100, -1))

    # 39 hits moved a from 0.1 to 0.1 + 39 * 0.005 * 0.1 = 0.1195: rank ceil(40 * 0.8805) = 36
    assert GAMMA == 0.005
    assert calibrator.upper_rps(100.0, 100.0) == pytest.approx(136.0)


def test_a_miss_moves_the_level_nine_times_as_far_as_a_hit() -> None:
    calibrator = Calibrator(0.9)

    settle(calibrator, 1000.0)
    (after_a_miss,) = calibrator.numbers()["level"]
    settle(calibrator, 0.0)
    (after_a_hit,) = calibrator.numbers()["level"]

    assert after_a_miss == pytest.approx(0.1 - 0.0045)
    assert after_a_hit == pytest.approx(after_a_miss + 0.0005)


def test_the_level_stays_within_its_bounds() -> None:
    always, never = Calibrator(0.9), Calibrator(0.9)

    for _ in range(2000):
        always.settle(base_rps=1.0, upper_rps=1.0, target_rps=0.5)
        never.settle(base_rps=1.0, upper_rps=1.0, target_rps=2.0)

    assert always.numbers()["level"] == [pytest.approx(0.2)]
    assert never.numbers()["level"] == [pytest.approx(0.01)]


def test_the_upper_quantile_is_never_below_the_point() -> None:
    calibrator = Calibrator(0.9)

    settle(calibrator, *[50.0] * 30)

    assert calibrator.upper_rps(100.0, 100.0) == 100.0


def test_coverage_is_unknown_until_fifty_then_counted() -> None:
    calibrator = Calibrator(0.9)

    settle(calibrator, *[100.0] * 49)
    early = calibrator.coverage
    settle(calibrator, 1000.0)

    assert early is None
    assert calibrator.coverage == pytest.approx(0.98)
    assert (calibrator.scored, calibrator.missed) == (50, 1)


def test_coverage_forgets_what_is_older_than_a_thousand_targets() -> None:
    calibrator = Calibrator(0.9)

    for target in [2.0] * 500 + [1.0] * 1000:
        calibrator.settle(base_rps=1.0, upper_rps=1.0, target_rps=target)

    assert calibrator.coverage == 1.0
    assert (calibrator.scored, calibrator.missed) == (1500, 500)
    assert calibrator.numbers()["scores"] == [0.0] * 1000


def hits(quantile: float, targets: NDArray[np.float64]) -> NDArray[np.bool_]:
    calibrator = Calibrator(quantile)
    found = []
    for target in targets.tolist():
        upper = calibrator.upper_rps(100.0, 100.0)
        found.append(target <= upper)
        calibrator.settle(base_rps=100.0, upper_rps=upper, target_rps=target)
    return np.array(found)


@pytest.mark.parametrize("quantile", [0.5, 0.8, 0.9, 0.95])
def test_a_stationary_stream_is_covered(quantile: float) -> None:
    targets = np.random.default_rng(7).normal(130, 10, 6000)

    assert hits(quantile, targets)[100:].mean() == pytest.approx(quantile, abs=0.015)


def test_a_shift_of_level_and_spread_is_caught_up_with() -> None:
    rng = np.random.default_rng(8)
    targets = np.concatenate([rng.normal(110, 3, 3000), rng.normal(160, 30, 3000)])

    found = hits(0.9, targets)

    assert found[3000:3010].mean() < 0.5
    assert found[3300:].mean() == pytest.approx(0.9, abs=0.02)


def test_numbers_that_are_not_a_calibration_are_refused() -> None:
    with pytest.raises(UsageError, match="damaged"):
        Calibrator(0.9).take({"level": []})


def test_the_margin_does_not_explode_on_an_idle_base() -> None:
    calibrator = Calibrator(0.9)

    for _ in range(100):
        calibrator.settle(base_rps=0.0, upper_rps=1.0, target_rps=0.5)

    assert math.isclose(calibrator.upper_rps(0.0, 0.0), 0.5)
