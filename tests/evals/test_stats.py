from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from core.errors import UsageError
from evals.stats import compare, estimate, holm, least_p, quantile, ratio, sign_flip_p, student

TRIALS = 400
SCORES = st.lists(st.floats(-100, 100), min_size=1, max_size=8)


@pytest.mark.parametrize("seeds", [10, 20])
def test_a_95_percent_interval_holds_the_truth_in_95_percent_of_all_cases(seeds: int) -> None:
    drawn = np.random.default_rng(1).normal(3.0, 2.0, size=(TRIALS, seeds))

    intervals = [estimate(sample) for sample in drawn.tolist()]

    held = [i.low is not None and i.high is not None and i.low <= 3.0 <= i.high for i in intervals]
    assert np.mean(held) == pytest.approx(0.95, abs=0.04)


def test_an_interval_lies_around_the_mean_and_inside_of_what_was_measured() -> None:
    values = [1.0, 2.0, 4.0, 8.0, 9.0]

    found = estimate(values)

    assert found.mean == pytest.approx(4.8)
    assert found.low is not None
    assert found.high is not None
    assert 1.0 <= found.low < 4.8 < found.high <= 9.0


def test_an_interval_of_few_seeds_is_as_wide_as_students() -> None:
    drawn = np.random.default_rng(3).normal(size=(100, 10))

    widths = [(found.high or 0.0) - (found.low or 0.0) for found in map(estimate, drawn.tolist())]

    students = 2 * scipy_stats.t.ppf(0.975, 9) * drawn.std(axis=1, ddof=1) / math.sqrt(10)
    assert np.mean(widths / students) == pytest.approx(1.0, abs=0.05)


def test_the_same_episodes_give_the_same_interval() -> None:
    assert estimate([1.0, 2.0, 5.0]) == estimate([1.0, 2.0, 5.0])


def test_one_seed_has_no_interval_and_decides_nothing() -> None:
    found = compare([2.0], [1.0])

    assert (found.difference.low, found.difference.high) == (None, None)
    assert found.outcome == "tie"


def test_no_episodes_have_no_mean() -> None:
    with pytest.raises(UsageError, match="no episodes"):
        estimate([])


def test_what_cannot_be_paired_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot pair 2 and 1"):
        compare([1.0, 2.0], [1.0])


def test_pairing_finds_a_small_difference_that_the_spread_of_the_seeds_would_hide() -> None:
    hard = np.array([1.0, 5.0, 9.0, 13.0, 17.0, 21.0, 25.0, 29.0])
    gain = np.array([0.1, 0.2, 0.1, 0.2, 0.1, 0.2, 0.1, 0.2])

    paired = compare((hard + gain).tolist(), hard.tolist())
    shuffled = compare((hard + gain).tolist(), hard[::-1].tolist())

    assert paired.outcome == "win"
    assert shuffled.outcome == "tie"
    assert paired.p == pytest.approx(2 / 2**8)
    assert shuffled.p > 0.5


def test_the_worse_policy_loses_by_what_the_better_one_wins() -> None:
    better, worse = [2.0, 3.0, 2.5, 2.7], [1.0, 1.5, 1.2, 1.1]

    one, other = compare(better, worse), compare(worse, better)

    assert (one.outcome, other.outcome) == ("win", "loss")
    assert one.difference.mean == pytest.approx(-other.difference.mean)
    assert one.p == other.p


def test_rounding_in_the_last_digit_is_no_win() -> None:
    found = compare([0.1 + 0.2] * 6, [0.3] * 6)

    assert found.outcome == "tie"
    assert found.p == 1.0


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        pytest.param([1.0, 1.0, 1.0], 2 / 8, id="all one way: the first and the last of 8 signs"),
        pytest.param([1.0, 2.0, 3.0], 2 / 8, id="only all plus and all minus reach 6"),
        pytest.param([3.0, 1.0, -1.0], 6 / 8, id="sums of 3 or more: 5, 3, 3 and their mirrors"),
        pytest.param([1.0, -1.0], 1.0, id="no difference at all"),
        pytest.param([0.0, 0.0], 1.0, id="the same"),
        pytest.param([5.0], 1.0, id="one seed says nothing"),
    ],
)
def test_chance_of_cases_counted_by_hand(differences: list[float], p: float) -> None:
    assert sign_flip_p(differences) == pytest.approx(p)


@given(st.lists(st.integers(-9, 9).map(float), min_size=1, max_size=7))
def test_chance_equals_trying_every_sign(differences: list[float]) -> None:
    sums = [abs(sum(map(math.prod, zip(signs, differences, strict=True))))
            for signs in itertools.product((1.0, -1.0), repeat=len(differences))]  # fmt: skip

    expected = sum(s >= abs(sum(differences)) for s in sums) / len(sums)

    assert sign_flip_p(differences) == pytest.approx(expected)


def test_many_seeds_are_tested_with_random_signs_that_agree_with_all_of_them() -> None:
    differences = np.random.default_rng(2).normal(0.4, 1.0, size=15)

    exact = scipy_stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=np.inf
    ).pvalue

    assert sign_flip_p(differences.tolist()) == pytest.approx(exact, abs=0.01)


@given(st.floats(0.5, 0.999), st.integers(1, 60))
def test_students_quantiles_are_those_of_scipy(inside: float, freedom: int) -> None:
    assert student(inside, freedom) == pytest.approx(scipy_stats.t.ppf((1 + inside) / 2, freedom), rel=1e-6)


def test_holm_corrects_as_worked_out_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([]) == ()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_corrected_chances_lie_between_the_plain_ones_and_bonferroni_and_keep_their_order(
    p: list[float],
) -> None:
    corrected = holm(p)

    assert all(a <= b <= min(1.0, len(p) * a) + 1e-12 for a, b in zip(p, corrected, strict=True))
    pairs = sorted(zip(p, corrected, strict=True))
    assert [c for _, c in pairs] == sorted(corrected)


@pytest.mark.parametrize("seeds", [1, 2, 5, 10, 40])
def test_no_test_of_so_many_seeds_gives_less_than_the_least_p(seeds: int) -> None:
    assert sign_flip_p([1.0 + k for k in range(seeds)]) == least_p(seeds)


def test_a_ratio_is_of_the_means_and_of_the_size_of_the_scale() -> None:
    found = ratio([1.0, 3.0], [-10.0, -30.0])

    assert found is not None
    assert found.mean == pytest.approx(0.1)
    assert found.low == pytest.approx(0.1)
    assert found.high == pytest.approx(0.1)


def test_nothing_is_a_share_of_a_scale_of_zero() -> None:
    assert ratio([1.0, 2.0], [-1.0, 1.0]) is None


@given(SCORES)
def test_a_policy_is_even_with_itself(scores: list[float]) -> None:
    found = compare(scores, scores)

    assert found.outcome == "tie"
    assert found.p == 1.0


@given(values=st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40), share=st.floats(0, 1))
def test_quantiles_are_numpys_to_the_bit(values: list[float], share: float) -> None:
    ordered = np.sort(np.asarray(values))

    assert quantile(ordered, share) == np.quantile(ordered, share)
