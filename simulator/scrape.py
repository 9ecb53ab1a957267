"""What the pipeline exposes to whoever watches it: counters, gauges and histograms, as Prometheus would.

A loop that decides sees nothing else of the twin. Counters only grow; rates and quantiles of an interval
are had from the difference of two scrapes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

StageVariant = tuple[str, str]
"""The names of a stage and of one of its variants."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """A cumulative histogram: how many observations were at most each bound."""

    bounds: tuple[float, ...]
    """Upper bounds, ascending, in the observations' unit; the last bucket has none."""
    cumulative: tuple[float, ...]
    """One more than the bounds; the last is the number of all observations."""
    total: float
    """Sum of the observations."""

    @classmethod
    def of(cls, bounds: tuple[float, ...], counts: list[int], total: float) -> Histogram:
        """Return the histogram with *counts* observations in the buckets."""
        return cls(bounds, tuple(float(c) for c in accumulate(counts)), total)

    @property
    def count(self) -> float:
        """How many observations there are."""
        return self.cumulative[-1]

    @property
    def mean(self) -> float | None:
        """The mean of the observations; None where there are none."""
        return self.total / self.count if self.count else None

    def since(self, earlier: Histogram) -> Histogram:
        """Return what was observed after *earlier*."""
        return Histogram(
            self.bounds,
            tuple(a - b for a, b in zip(self.cumulative, earlier.cumulative, strict=True)),
            self.total - earlier.total,
        )

    def in_buckets(self) -> tuple[float, ...]:
        """Return the observations by bucket, not cumulative."""
        return tuple(b - a for a, b in pairwise((0.0, *self.cumulative)))

    def share_within(self, bound: float) -> float | None:
        """Return the share of observations at most *bound*, on a line inside its bucket.

        None where there are no observations. Above the last bound nothing is known but that they are
        above it, so they count as above *bound*.
        """
        if not self.count:
            return None
        low, before = 0.0, 0.0
        for high, upto in zip(self.bounds, self.cumulative, strict=False):
            if bound < high:
                return (before + (upto - before) * (bound - low) / (high - low)) / self.count
            low, before = high, upto
        return before / self.count

    def quantile(self, q: float) -> float | None:
        """Return the q-quantile as Prometheus estimates it: on a line inside its bucket.

        None where there are no observations; the last bound where it lies above all.
        """
        if not self.count:
            return None
        rank, low, before = q * self.count, 0.0, 0.0
        for high, upto in zip(self.bounds, self.cumulative, strict=False):
            if upto >= rank and upto > before:
                return low + (high - low) * (rank - before) / (upto - before)
            low, before = high, upto
        return self.bounds[-1]


@dataclass(frozen=True, slots=True)
class Scrape:
    """All metrics at one moment. An item is one unit of work of a stage: a request, or a part of one."""

    time_s: float
    requests_total: float
    completed_total: float
    dropped_total: Mapping[str, float]
    """By reason: `expired`, `queue_full`."""
    items_arrived_total: Mapping[str, float]
    """By stage."""
    items_served_total: Mapping[str, float]
    queue_length: Mapping[str, float]
    """Items waiting at each stage."""
    replicas: Mapping[StageVariant, float]
    """That exist: loading, ready or draining. A variant without any is not there."""
    ready_replicas: Mapping[StageVariant, float]
    """That take up work. A variant without any is not there."""
    cores: float
    """In use by replicas that exist."""
    latency_s: Histogram
    """From arrival to completion of the completed requests; the SLO is one of the bounds."""
    queue_wait_s: Mapping[str, Histogram]
    """Of an item at a stage, each time it is taken up."""
    service_s: Mapping[StageVariant, Histogram]
    """Of a batch. Only variants that have served."""
    batch_size: Mapping[StageVariant, Histogram]
    """Of a batch; the bounds are all the sizes. Only variants that have served."""
    labelled_total: Mapping[tuple[str, ...], float]
    """Completed requests whose right answer became known, by the variants that served them."""
    labelled_correct_total: Mapping[tuple[str, ...], float]
    examined_total: Mapping[StageVariant, float] = field(default_factory=dict)
    """Labelled cases that a variant answered alone, on ideal inputs; empty where nobody poses any."""
    examined_correct_total: Mapping[StageVariant, float] = field(default_factory=dict)
