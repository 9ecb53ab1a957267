"""Observations out of Prometheus: one query for the raw samples of the interval, counted up here.

`rate` and `increase` extrapolate to the edges of a window and cannot see what a series that began inside it
counted before its first sample. So the samples themselves are fetched, {__name__=~"trimtab_.*"}[range], and
their increases added up: a fall is a restart, a new series began at zero, one that ended keeps what it
counted. Two readings of these sums make an interval, as two scrapes of the twin do (`tools.observe`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from core.errors import MetricsUnavailable
from core.observation import Observation
from core.pipeline import Pipeline
from pipelines.serving import names
from tools.observe import observed
from tools.prometheus import Key, Prometheus, Series
from tools.totals import Gauges, Totals

SLACK_S = 5.0
"""Looked back beyond the last reading, so that no sample falls between two readings."""
FRESH_S = 5.0
"""A sample older than this says nothing of the present: five scrapes."""
MOST_GAP_S = 3.0
"""Between two samples, the load of the seconds in between is unknown if they are further apart than this."""
COUNTED = ("_total", "_bucket", "_sum", "_count")
"""Ends of the names of what only grows; the rest are gauges."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The sums at one moment."""

    at: float
    """Unix time."""
    sums: dict[Key, float]


@dataclass(slots=True)
class PrometheusMetrics:
    """Where a loop's observations come from. Implements `Metrics`."""

    pipeline: Pipeline
    prometheus: Prometheus
    interval_s: float
    began_at: float
    """Unix time: the zero of the loop's clock."""
    unix: Callable[[], float]
    """Returns the unix time."""
    _sums: dict[Key, float] = field(default_factory=lambda: defaultdict(float))
    _last: dict[Key, tuple[float, float]] = field(default_factory=dict)
    """The newest sample of each series that was counted."""
    _before: Reading | None = None
    _requests: list[tuple[float, float]] = field(default_factory=list)
    """(unix time, requests so far), as far back as the last reading."""

    def observe(self) -> Observation:
        """Return what happened since the last call; on the first, over the interval before it.

        Raises:
            MetricsUnavailable: Prometheus cannot be asked, or knows nothing fresh of the pipeline.
        """
        now = self.unix()
        if self._before is None:
            then = now - self.interval_s
            self._read(then, self.interval_s)
            self._before = Reading(then, dict(self._sums))
        before = self._before
        gauges = self._fresh(self._read(now, now - before.at + SLACK_S), now)
        sums = dict(self._sums)
        earlier = {key: before.sums.get(key, 0.0) for key in sums}
        self._before = Reading(now, sums)
        return observed(
            self.pipeline,
            Totals(earlier).scrape(self.pipeline, self._clock(before.at), Gauges()),
            Totals(sums).scrape(self.pipeline, self._clock(now), gauges),
            self._loads(before.at, now),
        )

    def _clock(self, unix: float) -> float:
        return max(0.0, unix - self.began_at)

    def _read(self, at: float, range_s: float) -> list[Series]:
        """Count up the new samples up to *at*, and return their series."""
        selector = f'{{__name__=~"trimtab_.*",pipeline="{self.pipeline.name}"}}'
        series = self.prometheus.samples(selector, range_s=range_s, at=at)
        for each in series:
            if each.metric.endswith(COUNTED):
                self._count(each)
        return series

    def _count(self, series: Series) -> None:
        """Add the increase of a counter's new samples; one that is new since the first reading began at 0."""
        last = self._last.get(series.identity)
        for at, value in series.samples:
            if last is not None and at <= last[0]:
                continue
            if last is None:
                before = value if self._before is None else 0.0
            else:
                before = 0.0 if value < last[1] else last[1]
            self._sums[series.key] += value - before
            last = (at, value)
            if series.metric == names.REQUESTS:
                self._requests.append((at, self._sums[series.key]))
        if last is not None:
            self._last[series.identity] = last

    def _fresh(self, series: Sequence[Series], now: float) -> Gauges:
        """Return what has a sample of the present."""
        fresh = Gauges(tuple(s for s in series if s.samples and now - s.samples[-1][0] <= FRESH_S))
        if not fresh.has(names.REQUESTS):
            raise MetricsUnavailable(
                f"Prometheus knows no request count of {self.pipeline.name!r} from the last {FRESH_S:g} s"
            )
        return fresh

    def _loads(self, since: float, until: float) -> list[float | None]:
        """Return the requests of each second of the interval, on a line between the samples around it.

        The newest sample is up to a second old: the seconds end there, so that none is cut short.
        """
        count = max(1, round(until - since))
        end = self._requests[-1][0] if self._requests else until
        levels = [_level(self._requests, end - count + k) for k in range(count + 1)]
        self._requests = [p for p in self._requests if p[0] >= until - SLACK_S - MOST_GAP_S]
        return [None if a is None or b is None else max(0.0, b - a) for a, b in pairwise(levels)]


def _level(points: Sequence[tuple[float, float]], at: float) -> float | None:
    """Return a counter at a time between two samples; None where they are too far apart or missing."""
    for (t0, v0), (t1, v1) in pairwise(points):
        if at == t1:
            return v1
        if t0 <= at < t1:
            return None if t1 - t0 > MOST_GAP_S and at > t0 else v0 + (v1 - v0) * (at - t0) / (t1 - t0)
    return None
