"""What the profile says of the mean service time of the batches of one interval.

Where the profile gives a median, service times are taken as log-normal with that median and the profiled
quantile: mean = median * exp(sigma^2 / 2). Where it gives the quantile alone, a mean lies below it by an
unknown amount: such a profile can show that a variant is slower, at least so much, never that it is faster.

Between two measured batch sizes the mean is read off a line; the true curve is taken to lie at most
`BEND` of the gap above or below it. A batch smaller than any measured takes as long as the smallest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from core.observation import ServiceObservation
from core.pipeline import Measurement, Variant
from core.queueing import DEFAULT_SERVICE_SCV, Z_99

BEND = 0.1
"""Share of the gap between two measured sizes. Leaving out any inner point of the measured id-card profile
and reading it off the line between its neighbours errs by 0.094 of their gap at most."""
LEAST_SCV = 0.01
"""Of a batch's service time: a quiet machine that profiles is steadier than one that serves."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The mean of one batch over an interval, as profiled."""

    mean_s: float
    below: float
    """Log of how far the true mean may lie below."""
    above: float
    """Log of how far it may lie above."""
    scv: float
    """Squared coefficient of variation of one batch of known size."""
    exact: bool
    """Whether the profile gives medians; else `mean_s` is an upper bound."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A variant's profile by batch size."""

    sizes: Sequence[int]
    means_s: Sequence[float]
    scvs: Sequence[float]
    exact: bool

    @classmethod
    def of(cls, variant: Variant, quantile: float) -> Curve:
        """Lay out the profile, whose latencies are the *quantile* of the service time."""
        points = list(variant.points.values())
        exact = all(p.median_s is not None for p in points)
        z = NormalDist().inv_cdf(quantile)
        sigmas = [_sigma(p, z) for p in points]
        means_s = [
            p.median_s * math.exp(s * s / 2) if exact and p.median_s is not None else p.latency_s
            for p, s in zip(points, sigmas, strict=True)
        ]
        scvs = [max(LEAST_SCV, math.expm1(s * s)) if exact else DEFAULT_SERVICE_SCV for s in sigmas]
        return cls(tuple(p.batch for p in points), tuple(means_s), tuple(scvs), exact)

    def expected(self, served: ServiceObservation) -> Expected:
        """Return what the profile says of *served*."""
        pairs = served.sizes or ((served.batch, max(1, served.batches)),)
        sizes = np.array([size for size, _ in pairs], dtype=float)
        weights = np.array([n for _, n in pairs], dtype=float)
        weights /= weights.sum()
        means_s = np.interp(sizes, self.sizes, self.means_s)
        mean_s = float(weights @ means_s)
        bend = float(weights @ self._gaps_s(sizes)) * BEND / mean_s
        scv = float(weights @ (np.interp(sizes, self.sizes, self.scvs) * means_s**2)) / mean_s**2
        loose = 0.0 if self.exact else _QUANTILE_OVER_MEAN
        below = -math.log1p(-min(0.9, bend)) + loose
        return Expected(mean_s, below, math.log1p(bend), scv, self.exact)

    def _gaps_s(
        self, sizes: np.ndarray[tuple[int], np.dtype[np.float64]]
    ) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Return, for each size, how far the means of its measured neighbours lie apart; 0 if measured."""
        known, means_s = np.array(self.sizes, dtype=float), np.array(self.means_s)
        above = np.clip(np.searchsorted(known, sizes), 0, len(known) - 1)
        measured = np.isin(sizes, known) | (sizes < known[0]) | (sizes > known[-1])
        return np.where(measured, 0.0, np.abs(means_s[above] - means_s[np.maximum(above - 1, 0)]))


_SIGMA = math.sqrt(math.log1p(DEFAULT_SERVICE_SCV))
_QUANTILE_OVER_MEAN = _SIGMA * Z_99 - _SIGMA**2 / 2
"""Log of a 99th percentile over its mean, for the spread the queueing model takes where none was measured."""


def _sigma(point: Measurement, z: float) -> float:
    if point.median_s is None or z <= 0 or point.median_s >= point.latency_s:
        return 0.0
    return math.log(point.latency_s / point.median_s) / z
