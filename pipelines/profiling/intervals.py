"""Confidence intervals that assume no distribution: of quantiles by order statistics, of shares by Wilson.

For n independent observations of a continuous quantity whose q-quantile is xi, the number B of them at most
xi is Binomial(n, q). With the observations in ascending order x_1 <= ... <= x_n,

    P(x_r > xi) = P(B <= r - 1),    P(x_s < xi) = P(B >= s),

so x_r with the largest r, and x_s with the smallest s, for which these are at most half of what is left of
the confidence, bound xi (David and Nagaraja, Order Statistics, 3rd ed., section 7.1). Where even x_n is too
likely below xi there is no upper bound: for q = 0.99 at 95 % below n = 368. Runs of one round are not quite
independent, which makes intervals too narrow; the medians of the rounds stand beside them for that.

A share of k in n has Wilson's interval (Wilson 1927): the p for which |k/n - p| <= z sqrt(p (1 - p) / n).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and what bounds it."""

    value: float
    low: float | None
    """None where there are too few observations for a bound."""
    high: float | None


def quantile(observations: Sequence[float], q: float, *, confidence: float = CONFIDENCE) -> Interval:
    """Return the q-quantile, as an observation (the next above), with its interval.

    Raises:
        ValueError: there are no observations.
    """
    if not observations:
        raise ValueError("no observations have no quantile")
    ordered = sorted(observations)
    n = len(ordered)
    value = ordered[max(0, math.ceil(q * n - 1e-9) - 1)]
    low, high = ranks(n, q, confidence=confidence)
    return Interval(
        value, None if low is None else ordered[low - 1], None if high is None else ordered[high - 1]
    )


def median(observations: Sequence[float], *, confidence: float = CONFIDENCE) -> Interval:
    """Return the median with its interval.

    Raises:
        ValueError: there are no observations.
    """
    ordered = sorted(observations)
    bounds = quantile(ordered, 0.5, confidence=confidence)
    n = len(ordered)
    return Interval((ordered[(n - 1) // 2] + ordered[n // 2]) / 2, bounds.low, bounds.high)


def ranks(n: int, q: float, *, confidence: float = CONFIDENCE) -> tuple[int | None, int | None]:
    """Return which order statistics (from 1) bound the q-quantile of n observations; None where none does."""
    tail = (1 - confidence) / 2
    below = _cumulative(n, q)
    low = max((r for r in range(1, n + 1) if below[r - 1] <= tail), default=None)
    high = min((s for s in range(1, n + 1) if 1 - below[s - 1] <= tail), default=None)
    return low, high


def share(right: int, of: int, *, confidence: float = CONFIDENCE) -> Interval:
    """Return the share with Wilson's interval.

    Raises:
        ValueError: of nothing there is no share.
    """
    if of < 1:
        raise ValueError("of nothing there is no share")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    p, weight = right / of, z * z / of
    centre = (p + weight / 2) / (1 + weight)
    half = math.sqrt(p * (1 - p) * weight + weight * weight / 4) / (1 + weight)
    return Interval(p, max(0.0, centre - half), min(1.0, centre + half))


def _cumulative(n: int, q: float) -> list[float]:
    """Return P(B <= k) for k = 0 ... n and B binomial."""
    log_choose = [math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) for k in range(n + 1)]
    terms = [math.exp(c + k * math.log(q) + (n - k) * math.log1p(-q)) for k, c in enumerate(log_choose)]
    found, total = [], 0.0
    for term in terms:
        total += term
        found.append(min(total, 1.0))
    return found
