"""Intervals: against published values, and by how often they hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from pipelines.profiling.intervals import median, quantile, ranks, share


@pytest.mark.parametrize(
    ("n", "q", "expected"),
    [
        pytest.param(5, 0.5, (None, None), id="too few for a median"),
        pytest.param(6, 0.5, (1, 6), id="the fewest for a median: 2 * 0.5^6 = 0.031"),
        pytest.param(10, 0.5, (2, 9), id="10 (Conover, table A3)"),
        pytest.param(100, 0.5, (40, 61), id="100"),
        pytest.param(120, 0.99, (116, None), id="120 runs bound the 99th percentile from below only"),
        pytest.param(367, 0.99, (359, None), id="0.99^367 = 0.0250 is just too much"),
        pytest.param(368, 0.99, (360, 368), id="368 is the fewest"),
    ],
)
def test_the_ranks_that_bound_a_quantile(n: int, q: float, expected: tuple[int | None, int | None]) -> None:
    assert ranks(n, q) == expected


@pytest.mark.parametrize("n", [1, 7, 60, 250])
@pytest.mark.parametrize("q", [0.5, 0.9, 0.99])
def test_the_ranks_are_those_of_the_binomial_distribution(n: int, q: float) -> None:
    low = [r for r in range(1, n + 1) if binom.cdf(r - 1, n, q) <= 0.025]
    high = [s for s in range(1, n + 1) if binom.sf(s - 1, n, q) <= 0.025]

    assert ranks(n, q) == (max(low, default=None), min(high, default=None))


def test_a_median_lies_between_the_observations_that_bound_it() -> None:
    found = median([5, 1, 4, 2, 3, 6, 8, 7, 10, 9])

    assert (found.low, found.value, found.high) == (2, 5.5, 9)


def test_a_quantile_is_an_observation_the_next_above() -> None:
    assert quantile(range(1, 101), 0.99).value == 99
    assert quantile(range(1, 121), 0.99).value == 119
    assert quantile([7.0], 0.99).value == 7.0


@pytest.mark.parametrize("q", [0.5, 0.9])
def test_an_interval_holds_the_true_quantile_as_often_as_it_says(q: float) -> None:
    rng = np.random.default_rng(5)
    true = -np.log(1 - q)

    found = [quantile(rng.exponential(size=60).tolist(), q) for _ in range(2000)]

    held = np.mean([f.low is not None and f.high is not None and f.low <= true <= f.high for f in found])
    assert 0.945 <= held <= 0.985


@pytest.mark.parametrize(
    ("right", "of", "low", "high"),
    [
        pytest.param(8, 10, 0.4902, 0.9433, id="8 of 10"),
        pytest.param(0, 10, 0.0, 0.2775, id="none: z^2 / (n + z^2)"),
        pytest.param(10, 10, 0.7225, 1.0, id="all"),
        pytest.param(81, 263, 0.2553, 0.3662, id="81 of 263 (Newcombe 1998, method 3)"),
    ],
)
def test_wilsons_interval(right: int, of: int, low: float, high: float) -> None:
    found = share(right, of)

    assert found.value == right / of
    assert found.low == pytest.approx(low, abs=5e-5)
    assert found.high == pytest.approx(high, abs=5e-5)


def test_nothing_has_neither_quantile_nor_share() -> None:
    with pytest.raises(ValueError, match="no observations"):
        median([])
    with pytest.raises(ValueError, match="of nothing"):
        share(0, 0)
