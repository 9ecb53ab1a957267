"""Observations of many pipelines out of one Prometheus: one sweep an interval, a reading for each.

All queries of a sweep are of one moment, by Prometheus' own clock: samples bear its times, so a controller
whose clock is wrong reads the same. That the clocks differ is said all the same (`notes`, and in what is
unavailable), as decisions and dashboards would seem to disagree.
"""

from __future__ import annotations

import logging
import math
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from core.errors import MetricsUnavailable
from core.observation import Observation
from tools.prometheus import Prometheus
from tools.promql.asking import Found, Key, Sweep, Watched
from tools.promql.queries import Windows, default_queries
from tools.promql.reading import read

SCRAPE_S = 5.0
"""Seconds between scrapes, as the ServiceMonitor of deploy/ has it."""
MOST_SKEW_S = 10.0
"""Clocks that are kept by NTP differ by less than one; a slow answer may seem to be a few."""
logger = logging.getLogger(__name__)
Readings = dict[Key, Observation | MetricsUnavailable]


@dataclass(slots=True)
class PromqlSource:
    """Where the observations of many pipelines come from."""

    prometheus: Prometheus
    scrape_s: float = SCRAPE_S
    """Seconds between two scrapes of a target. Decisions cannot come more often."""
    unix: Callable[[], float] = time.time
    notes: dict[Key, str] = field(default_factory=dict)
    """What the last sweep found odd, by pipeline; for its status."""
    skew_s: float | None = None
    """How far Prometheus' clock is ahead of ours, in seconds; None before the first sweep."""
    _last: Readings = field(default_factory=dict)

    def read(self, watched: Sequence[Watched]) -> Readings:
        """Sweep once, and return for each pipeline its observation, or why there is none."""
        self.notes = {}
        try:
            found = self._sweep(watched)
        except MetricsUnavailable as error:
            found = {w.key: MetricsUnavailable(str(error)) for w in watched}
        self._last = dict(found)
        return found

    def metrics(self, key: Key) -> PipelineMetrics:
        """Return one pipeline's view of the sweeps. Implements `Metrics`."""
        return PipelineMetrics(self, key)

    def take(self, key: Key) -> Observation | MetricsUnavailable | None:
        """Return what the last sweep said of a pipeline, once; None where it was taken, or not asked for."""
        return self._last.pop(key, None)

    def _sweep(self, watched: Sequence[Watched]) -> Readings:
        until = self.prometheus.deadline()
        at = self._now(until)
        sweep = Sweep(self.prometheus, default_queries(), math.floor(at), until)
        groups = self._groups(watched)
        found: dict[Key, Found] = {w.key: Found() for w in watched}
        for windows, group in groups.items():
            sweep.shared(group, windows, found)
        for windows, group in groups.items():
            for each in group:
                sweep.own(each, windows, found[each.key])
        readings: Readings = {}
        for windows, group in groups.items():
            for each in group:
                readings[each.key] = self._reading(each, found[each.key], windows, sweep.at)
            self._blame_completions(sweep, group, windows, readings, found)
        return readings

    def _now(self, until: float) -> float:
        """Return Prometheus' time, and note how far it is from ours."""
        asked_at = self.unix()
        at = self.prometheus.now(until)
        self.skew_s = at - (asked_at + self.unix()) / 2
        if self._is_skewed():
            logger.warning("%s", self._skew())
        return at

    def _is_skewed(self) -> bool:
        return self.skew_s is not None and abs(self.skew_s) > MOST_SKEW_S

    def _skew(self) -> str:
        skew_s = self.skew_s or 0.0
        way = "ahead of" if skew_s > 0 else "behind"
        return f"the clock of Prometheus is {abs(skew_s):.0f} s {way} ours; set both by NTP"

    def _groups(self, watched: Sequence[Watched]) -> Mapping[Windows, list[Watched]]:
        """Return the pipelines by interval: those of one are asked for together."""
        groups: dict[Windows, list[Watched]] = defaultdict(list)
        for each in watched:
            groups[Windows.of(each.interval_s, self.scrape_s)].append(each)
        return groups

    def _reading(
        self, watched: Watched, found: Found, windows: Windows, at: int
    ) -> Observation | MetricsUnavailable:
        time_s = max(0.0, at - (self.skew_s or 0.0) - watched.began_at)
        try:
            if found.failure is not None:
                raise found.failure
            if windows.interval_s < self.scrape_s:
                raise MetricsUnavailable(
                    f"decisions every {windows.interval_s} s need scrapes at least as often, not every "
                    f"{self.scrape_s:g} s; scrape more often, or decide less often"
                )
            reading = read(watched, found, windows, at=at, time_s=time_s)
        except MetricsUnavailable as error:
            return MetricsUnavailable(f"{error} ({self._skew()})" if self._is_skewed() else str(error))
        notes = [n for n in (reading.note, self._skew() if self._is_skewed() else "") if n]
        if notes:
            self.notes[watched.key] = "; ".join(notes)
        return reading.observation

    def _blame_completions(
        self,
        sweep: Sweep,
        group: Sequence[Watched],
        windows: Windows,
        readings: Readings,
        found: Mapping[Key, Found],
    ) -> None:
        """Say of a pipeline without arrivals if it counts completions: those are never taken for arrivals."""
        without = [w.key for w in group if "age" not in found[w.key].rows and "load" not in w.overrides]
        if not without:
            return
        for key in sweep.completions(without, windows) & set(without):
            readings[key] = MetricsUnavailable(
                f"{key[0]}/{key[1]} counts completions (trimtab_completed_total) but not arrivals "
                "(trimtab_requests_total): completions fall when it is overloaded, so they are no load; "
                "expose arrivals, or name them in spec.operation.metrics.load"
            )


@dataclass(frozen=True, slots=True)
class PipelineMetrics:
    """One pipeline's observations out of the sweeps. Implements `Metrics`."""

    source: PromqlSource
    key: Key

    def observe(self) -> Observation:
        """Return what the last sweep said, once.

        Raises:
            MetricsUnavailable: it said nothing usable, or there was none since the last call.
        """
        match self.source.take(self.key):
            case Observation() as seen:
                return seen
            case MetricsUnavailable() as error:
                raise error
            case None:
                raise MetricsUnavailable(
                    f"there was no sweep of {self.key[0]}/{self.key[1]} since the last decision; "
                    "an old reading is not used twice"
                )
