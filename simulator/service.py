"""How long a replica takes for a batch: from a variant's profile to the law of its service time.

The profiled latency L(b) is the quantile q of the service time that the SLO names. The service time
is taken as log-normal with that quantile,

    ln S ~ Normal(ln median, sigma),     median * exp(sigma * z_q) = L(b)

and sigma comes from the first of these that applies:

1. the profiled median: sigma = ln(L / median) / z_q;
2. the profiled throughput h, where a replica that serves batch after batch explains it: the mean is
   then b / h, so ln(L h / b) = sigma z_q - sigma^2 / 2, if the root is at most `MOST_SIGMA`;
3. the stated default.

A batch keeps its replica for S times (b / h) / E[S]: less than S where a replica works on several
batches at once, more where it needs time between two. Without a profiled throughput it is S itself.
A partial batch follows the line between its measured neighbours, one smaller than any measured takes
as long as the smallest measured. Nothing here is used by the solver.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from core.pipeline import Measurement, Variant
from simulator.options import TwinOptions

MOST_SIGMA = 0.5
"""A throughput that needs more noise than this (a mean of a third of the 99th percentile) is taken to
come from working on several batches at once."""

SEQUENTIAL = 1e-9
"""Relative difference within which a replica counts as busy exactly while it serves."""


@dataclass(frozen=True, slots=True)
class ServiceTime:
    """The law of the time one batch of a given size takes."""

    latency_s: float
    """The SLO's quantile of it."""
    median_s: float
    sigma: float
    occupancy: float
    """Share of the service time for which the replica is taken; above 1 it pauses after each batch."""

    @property
    def mean_s(self) -> float:
        """The mean of the log-normal law."""
        return self.median_s * math.exp(self.sigma * self.sigma / 2)


def service_times(
    variant: Variant, *, largest: int, quantile: float, options: TwinOptions
) -> list[ServiceTime]:
    """Return the laws for batches of 1, 2, ... *largest* items."""
    return [
        _service_time(variant, size, quantile=quantile, options=options) for size in range(1, largest + 1)
    ]


def _service_time(variant: Variant, size: int, *, quantile: float, options: TwinOptions) -> ServiceTime:
    sizes = list(variant.points)
    point = variant.interpolated(max(size, sizes[0]))
    z = NormalDist().inv_cdf(quantile)
    sigma = _sigma(variant, point.batch, z=z, default=options.default_sigma)
    median_s = point.latency_s * math.exp(-sigma * z)
    law = ServiceTime(point.latency_s, median_s, sigma, occupancy=1.0)
    if not _has_throughput(variant, point.batch):
        return law
    typical_s = law.mean_s if options.service == "lognormal" else point.latency_s
    occupancy = point.batch / point.throughput_rps / typical_s
    if abs(occupancy - 1) < SEQUENTIAL:
        return law
    return ServiceTime(point.latency_s, median_s, sigma, occupancy)


def _neighbours(variant: Variant, size: int) -> tuple[Measurement, Measurement]:
    below = max(b for b in variant.points if b <= size)
    above = min(b for b in variant.points if b >= size)
    return variant.at(below), variant.at(above)


def _has_throughput(variant: Variant, size: int) -> bool:
    return any(p.throughput is not None for p in _neighbours(variant, size))


def _sigma(variant: Variant, size: int, *, z: float, default: float) -> float:
    """Return sigma at *size*, on the line between its measured neighbours."""
    low, high = _neighbours(variant, size)
    at_low = _sigma_at(low, z=z, default=default)
    if low.batch == high.batch:
        return at_low
    share = (size - low.batch) / (high.batch - low.batch)
    return at_low + share * (_sigma_at(high, z=z, default=default) - at_low)


def _sigma_at(point: Measurement, *, z: float, default: float) -> float:
    if z <= 0:  # at or below the median the quantile tells nothing of the spread
        return default
    if point.median_s is not None:
        return max(0.0, math.log(point.latency_s / point.median_s) / z)
    if point.throughput is not None:
        root = z * z - 2 * math.log(point.latency_s * point.throughput / point.batch)
        sigma = z - math.sqrt(root) if root >= 0 else math.inf
        if 0 <= sigma <= MOST_SIGMA:
            return sigma
    return default
