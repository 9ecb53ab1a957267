"""Observations of many pipelines out of one Prometheus: one sweep an interval, a reading for each.

All queries of a sweep are of one moment, by Prometheus' own clock: samples bear its times, so a controller
whose clock is wrong reads the same. That the clocks differ is said all the same (`notes`, and with what is
unavailable), as decisions and dashboards would seem to disagree.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from core.errors import MetricsUnavailable
from core.observation import Observation
from tools.prometheus import Prometheus
from tools.promql.asking import LOAD, Found, Key, Sweep, Watched
from tools.promql.clock import Moment
from tools.promql.queries import Windows, default_queries
from tools.promql.reading import read

SCRAPE_S = 5.0
"""Seconds between scrapes, where nothing else is said."""
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
    """What was odd in a pipeline's last reading, where it has one; for its status."""

    def read(self, watched: Sequence[Watched]) -> Readings:
        """Sweep once, and return for each pipeline its observation, or why there is none."""
        self.notes = {}
        try:
            found = self._sweep(watched)
        except MetricsUnavailable as error:
            found = {w.key: MetricsUnavailable(str(error)) for w in watched}
        return found

    def _sweep(self, watched: Sequence[Watched]) -> Readings:
        until = self.prometheus.deadline()
        moment = Moment.of(self.prometheus, self.unix, until)
        if moment.oddity:
            logger.warning("%s", moment.oddity)
        sweep = Sweep(self.prometheus, default_queries(), moment.at, until)
        groups = self._groups(watched)
        found = {w.key: Found() for w in watched}
        readings: Readings = {}
        for windows, group in groups.items():
            sweep.shared(group, windows, found)
            readings |= _only_completions(sweep, group, windows, found)
        for windows, group in groups.items():
            for each in group:
                if each.key not in readings:
                    sweep.own(each, windows, found[each.key])
                    readings[each.key] = self._reading(each, found[each.key], windows, moment)
        return readings

    def _groups(self, watched: Sequence[Watched]) -> Mapping[Windows, list[Watched]]:
        """Return the pipelines by interval: those of one are asked for together."""
        groups: dict[Windows, list[Watched]] = defaultdict(list)
        for each in watched:
            groups[Windows.of(each.interval_s, self.scrape_s)].append(each)
        return groups

    def _reading(
        self, watched: Watched, found: Found, windows: Windows, moment: Moment
    ) -> Observation | MetricsUnavailable:
        try:
            windows.check(self.scrape_s)
            if found.failure is not None:
                raise found.failure
            time_s = max(0.0, moment.ours - watched.began_at)
            reading = read(watched, found, windows, at=moment.at, time_s=time_s)
        except MetricsUnavailable as error:
            return MetricsUnavailable(f"{error} ({moment.oddity})" if moment.oddity else str(error))
        notes = [note for note in (reading.note, moment.oddity) if note]
        if notes:
            self.notes[watched.key] = "; ".join(notes)
        return reading.observation


def _only_completions(
    sweep: Sweep, group: Sequence[Watched], windows: Windows, found: Mapping[Key, Found]
) -> dict[Key, MetricsUnavailable]:
    """Return the pipelines that count completions but no arrivals: they are never taken for arrivals."""
    without = [w.key for w in group if found[w.key].router_age_s is None and LOAD not in w.overrides]
    if not without:
        return {}
    return {
        key: MetricsUnavailable(
            f"{'/'.join(key)} counts completions (trimtab_completed_total) but no arrivals "
            "(trimtab_requests_total): completions fall when it is overloaded, so they are no load; "
            "expose arrivals, or name them in spec.operation.metrics.load"
        )
        for key in sweep.completions(without, windows) & set(without)
    }
