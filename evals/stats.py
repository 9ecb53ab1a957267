"""What paired episodes allow one to say: intervals, differences, how likely chance is, wins, ties and losses.

Episodes are paired: the seed draws the arrivals, so that two policies with the same seed of a scenario met
the same requests. What is compared is the mean of the differences, never the difference of two means.

Intervals: percentile bootstrap over the seeds (Efron 1979) with 10,000 resamples, expanded for small samples
(Hesterberg 2015, "What Teachers Should Know About the Bootstrap"). With n seeds the plain percentile interval
is too narrow: it misses the factor sqrt(n / (n - 1)) of the standard deviation, and uses a normal quantile
where Student's belongs. Its level is therefore taken as

    tail = Phi(-sqrt(n / (n - 1)) * t(0.975, n - 1)).

All intervals of one n share the same resamples, so that policies stay paired in them too. One seed has no
interval. With 3 seeds it reaches from the least to the greatest value, which holds the median in 75 % of all
cases, not in 95 %; with 5 in 94 %.

Chance: the sign-flip permutation test of the mean difference (Fisher 1935): under the hypothesis that two
policies are alike each difference was as likely to have the other sign. All 2^n signs up to n = 14, 20,000
random ones beyond; then the observed signs count as one of them. The least p of n seeds is 2 / 2^n.
Over the policies of one cell p is corrected by Holm's method (1979), which holds however they depend on each
other.

Assumption: seeds are independent draws of one scenario. Nothing here says how another trace would turn out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import atan, cos, floor, pi, sin, sqrt
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.errors import UsageError

Floats = NDArray[np.float64]
Outcome = Literal["win", "tie", "loss"]

CONFIDENCE = 0.95
RESAMPLES = 10_000
SEED = 1979
"""Of the resamples and of the random signs: the same input gives the same figures."""
MOST_EXACT = 14
"""Seeds up to which all signs are tried: 16,384 of them."""
FLIPS = 20_000
SAME = 1e-9
"""Relative difference below which two scores are the same: they are sums of floats."""
MOST_STUDENT = 1e4
"""No quantile of Student's distribution that is asked for here is larger."""
HALVINGS = 80
MIDDLE = 0.5
"""Between two values: from here on one reckons from the upper, as NumPy does."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over seeds with its interval."""

    mean: float
    low: float | None
    """None where one seed gives no interval."""
    high: float | None
    seeds: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """How one policy stands to another on the same seeds."""

    difference: Estimate
    """First minus second."""
    p: float
    """Of the sign-flip test, not corrected."""

    @property
    def outcome(self) -> Outcome:
        """A tie is an interval of the difference that holds 0, or none at all."""
        match self.difference:
            case Estimate(low=float(low)) if low > 0:
                return "win"
            case Estimate(high=float(high)) if high < 0:
                return "loss"
        return "tie"


def estimate(values: Sequence[float]) -> Estimate:
    """Return the mean and its interval.

    Raises:
        UsageError: there are no values.
    """
    sample = _sample(values)
    low, high = _interval(_weights(sample.size) @ sample, sample.size)
    return Estimate(float(sample.mean()), low, high, sample.size)


def ratio(values: Sequence[float], scales: Sequence[float]) -> Estimate | None:
    """Return the mean of *values* as a share of the size of the mean of *scales*; None where that is 0.

    Raises:
        UsageError: there are no values, or not as many scales.
    """
    above, below = _pair(values, scales)
    if not below.mean():
        return None
    weights = _weights(above.size)
    scaled = np.abs(weights @ below)
    shares = np.divide(weights @ above, scaled, out=np.full(scaled.shape, np.inf), where=scaled > 0)
    low, high = _interval(shares, above.size)
    return Estimate(float(above.mean() / abs(below.mean())), low, high, above.size)


def compare(first: Sequence[float], second: Sequence[float]) -> Comparison:
    """Compare two policies on the same seeds, given in the same order.

    Raises:
        UsageError: there are no values, or not as many of one as of the other.
    """
    ours, theirs = _pair(first, second)
    differences = ours - theirs
    differences[np.abs(differences) <= SAME * np.maximum(np.abs(ours), np.abs(theirs))] = 0.0
    return Comparison(estimate(differences.tolist()), sign_flip_p(differences.tolist()))


def sign_flip_p(differences: Sequence[float]) -> float:
    """Return how often random signs give a mean at least as far from 0 as the observed one.

    Raises:
        UsageError: there are no values.
    """
    sample = _sample(differences)
    sums = np.abs(_signs(sample.size) @ sample)
    observed = abs(float(sample.sum()))
    extreme = int(np.sum(sums >= observed - SAME * float(np.abs(sample).sum())))
    if sample.size <= MOST_EXACT:
        return extreme / sums.size
    return (extreme + 1) / (sums.size + 1)


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return p corrected for how many were asked for, in the order given (Holm 1979)."""
    order = sorted(range(len(p_values)), key=lambda k: p_values[k])
    corrected, highest = [1.0] * len(p_values), 0.0
    for rank, k in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[k]))
        corrected[k] = highest
    return tuple(corrected)


def least_p(seeds: int) -> float:
    """Return the least p that so many seeds can give."""
    return 2.0 / 2**seeds if seeds <= MOST_EXACT else 1.0 / (FLIPS + 1)


def _sample(values: Sequence[float]) -> Floats:
    if not len(values):
        raise UsageError("no episodes to take a mean of; run at least one seed")
    return np.asarray(values, dtype=np.float64)


def _pair(first: Sequence[float], second: Sequence[float]) -> tuple[Floats, Floats]:
    if len(first) != len(second):
        raise UsageError(f"cannot pair {len(first)} and {len(second)} episodes; give both the same seeds")
    return _sample(first), _sample(second)


@cache
def _weights(n: int) -> Floats:
    """Return for each resample the weight of every observation: how often it was drawn, by n."""
    drawn = np.random.default_rng([SEED, n]).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    return np.asarray(drawn / n)


@cache
def _signs(n: int) -> Floats:
    if n <= MOST_EXACT:
        bits = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
        return np.asarray(1.0 - 2.0 * bits)
    return np.asarray(np.random.default_rng([SEED, n]).choice([-1.0, 1.0], size=(FLIPS, n)))


def _interval(means: Floats, n: int) -> tuple[float | None, float | None]:
    if n == 1:
        return None, None
    tail = _tail(n)
    ordered = np.sort(means)
    return quantile(ordered, tail), quantile(ordered, 1 - tail)


def quantile(ordered: Floats, share: float) -> float:
    """Return `np.quantile` of what is in order, to the bit: to order first is four times as fast."""
    place = share * (ordered.size - 1)
    k = floor(place)
    below, above = float(ordered[k]), float(ordered[min(k + 1, ordered.size - 1)])
    if below == above:  # infinite ones too
        return below
    past = place - k
    return above - (above - below) * (1 - past) if past >= MIDDLE else below + (above - below) * past


@cache
def _tail(n: int) -> float:
    """Return which share of the resamples lies outside on either side."""
    return NormalDist().cdf(-sqrt(n / (n - 1)) * student(CONFIDENCE, n - 1))


def student(inside: float, freedom: int) -> float:
    """Return the t with P(|T| <= t) = *inside*, by bisection of the exact distribution."""
    low, high = 0.0, MOST_STUDENT
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _inside(middle, freedom) < inside else (low, middle)
    return high


def _inside(t: float, freedom: int) -> float:
    """Return P(|T| <= t) of Student's distribution: Abramowitz and Stegun 26.7.3 (odd), 26.7.4 (even)."""
    angle = atan(t / sqrt(freedom))
    odd = freedom % 2
    term, total = (cos(angle), 0.0) if odd else (1.0, 0.0)
    for k in range(1 + odd, freedom, 2):
        total += term
        term *= cos(angle) ** 2 * k / (k + 1)
    if odd:
        return 2 / pi * (angle + sin(angle) * total)
    return sin(angle) * total
