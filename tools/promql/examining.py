"""Every query tried on a live server: its present value, the age of what it rests on, and its state.

The states are those of `tools.assess.signals`: fresh, stale (there, but old), missing, and idle (counted, and
truly nothing came). What is asked is what the loop asks, so what is fine here is fine there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from core.errors import MetricsUnavailable
from tools.prometheus import Prometheus, Row, Series
from tools.promql.asking import LOAD, Key
from tools.promql.clock import Moment
from tools.promql.queries import PATH, RATE_SCRAPES, Queries, Query, Windows

Grade = Literal["ok", "warning", "failed"]
State = Literal["fresh", "stale", "missing", "idle", "unknown"]
MOST_SHOWN = 4
"""Values that are shown one by one."""
LEVELS = ("age", "up", "ready")
"""Zero means something else there than that nothing came."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What came of one query."""

    query: str
    promql: str
    """As it was sent."""
    value: str
    """At present, with its unit; empty where there is none."""
    age_s: float | None
    """Of the newest sample behind it, the oldest where it is about many; None where nobody can know."""
    state: State
    grade: Grade
    found: str
    """`ok`, or what is wrong and the way out."""


@dataclass(frozen=True, slots=True)
class Examination:
    """What is asked, of whom, and about which pipelines."""

    prometheus: Prometheus
    queries: Queries
    windows: Windows
    values: Mapping[str, str]
    """What the variables of queries stand for."""
    overrides: Mapping[str, str]
    moment: Moment
    until: float
    """When to give up, on the monotonic clock."""
    stages: frozenset[str] | None = None
    """That are looked at; None for whatever there is."""

    def run(self) -> list[Examined]:
        """Try every query; one that fails does not keep the others from being tried."""
        ages = self._ages()
        return [self._examined(name, query, ages) for name, query in self.queries.queries.items()]

    def scrapes(self) -> float | None:
        """Return how many scrapes of the routers the window of rates holds, by the worst pipeline.

        Raises:
            MetricsUnavailable: there is no answer.
        """
        # A millisecond short: both ends of a window count, and a scrape on each would be one too many.
        window = {**self.values, "rate": f"{1000 * self.windows.rate_s - 1}ms"}
        text = self.queries.text(self.queries.scrapes, window)
        rows = self.prometheus.vector(text, at=self.moment.at, what="scrapes", until=self.until)
        return min((row.value for row in rows), default=None)

    def _ages(self) -> Mapping[bool, float]:
        """Return the age of the newest sample of routers (False) and stages (True), the oldest of many."""
        try:
            rows = self._asked("age", self.queries.queries["age"])
        except MetricsUnavailable:
            return {}  # the query is reported on its own row
        found: dict[bool, float] = {}
        for row in rows:
            if isinstance(row, Row) and math.isfinite(row.value):
                stage = row.labels.get("stage", "")
                if not stage or self.stages is None or stage in self.stages:
                    found[bool(stage)] = max(found.get(bool(stage), -math.inf), row.value)
        return found

    def _text(self, name: str, query: Query) -> str:
        return self.queries.text(self.overrides.get(name, query.query), self.values)

    def _asked(self, name: str, query: Query) -> Sequence[Row | Series]:
        text = self._text(name, query)
        what = f"{PATH}.{name}" if name in self.overrides else f"query {name!r}"
        if query.range:
            first = self.moment.at - self.windows.interval_s + 1
            return self.prometheus.matrix(text, start=first, end=self.moment.at, what=what, until=self.until)
        return self.prometheus.vector(text, at=self.moment.at, what=what, until=self.until)

    def _examined(self, name: str, query: Query, ages: Mapping[bool, float]) -> Examined:
        try:
            values = [_value(each, query) for each in self._asked(name, query)]
        except MetricsUnavailable as error:
            return Examined(name, self._text(name, query), "", None, "unknown", "failed", str(error))
        rows = [row for row in values if row is not None]
        age_s = None if name in self.overrides else ages.get("stage" in query.keeps)
        state = self._state(name, rows, age_s)
        grade, found = self._verdict(name, query, rows, state, age_s)
        return Examined(
            query=name,
            promql=self._text(name, query),
            value=_shown(rows, query),
            age_s=None if state == "missing" else age_s,
            state=state,
            grade=grade,
            found=found,
        )

    def _state(self, name: str, rows: Sequence[Row], age_s: float | None) -> State:
        if age_s is not None and age_s > self.windows.fresh_s:
            return "stale"
        if not rows:
            return "missing"
        if name not in LEVELS and all(row.value == 0 for row in rows):
            return "idle"
        return "fresh"

    def _verdict(
        self, name: str, query: Query, rows: Sequence[Row], state: State, age_s: float | None
    ) -> tuple[Grade, str]:
        if (wrong := _wrong(query, rows)) is not None:
            return "failed", wrong
        if state == "stale":
            return (
                "failed",
                f"newest sample {age_s:.0f} s old, {self.windows.fresh_s} s are allowed; is it scraped?",
            )
        if state == "missing":
            return self._missing(name, query)
        if name == "up" and any(row.value < 1 for row in rows):
            return "warning", "a target does not answer scrapes: what it alone knows is unknown"
        if name == "ready" and all(row.value == 0 for row in rows):
            return "warning", "no replica takes up work"
        return "ok", "ok"

    def _missing(self, name: str, query: Query) -> tuple[Grade, str]:
        if name == "up":
            return "warning", "no `up` with their namespace, job and instance: who does not answer is unknown"
        if query.optional:
            return "warning", "nobody counts it; what rests on it is unknown"
        if name in self.overrides:
            return "failed", "gives no series; does it select what is there?"
        if name == LOAD or query.needs:
            return (
                "failed",
                "no series at both ends of the interval; is it scraped, or did it begin just now?",
            )
        return "failed", "no series; is it scraped, with the labels namespace and pipeline?"


def _wrong(query: Query, rows: Sequence[Row]) -> str | None:
    """Return what makes an answer unusable."""
    for row in rows:
        if not math.isfinite(row.value):
            return f"gives {row.value:g}, which is no value; divide by what cannot be zero"
        for label in query.keeps:
            if label not in row.labels:
                return f"drops the label {label!r}; write `sum by ({', '.join(query.keeps)}) (...)`"
    return None


def _value(each: Row | Series, query: Query) -> Row | None:
    """Return a series as one present value: the newest of a range, the last bucket of a histogram."""
    if isinstance(each, Series):
        return Row(each.labels, each.samples[-1][1]) if each.samples else None
    if "le" in query.keeps and each.labels.get("le", "+Inf") != "+Inf":
        return None
    return each


def _shown(rows: Sequence[Row], query: Query) -> str:
    if not rows:
        return ""
    if len(rows) > MOST_SHOWN:
        values = [row.value for row in rows]
        return f"{len(rows)} series, {min(values):.4g} to {max(values):.4g} {query.unit}"
    return ", ".join(f"{_name(row, query)}{row.value:.4g}" for row in rows) + f" {query.unit}"


def _name(row: Row, query: Query) -> str:
    labels = [row.labels[k] for k in (*query.keeps, *query.also) if k != "le" and k in row.labels]
    if not labels and query.also:
        return "router "
    return f"{'/'.join(labels)} " if labels else ""


def key_values(windows: Windows, namespace: str | None, pipeline: str | None) -> dict[str, str]:
    """Return what the variables stand for: one pipeline, all of a namespace, or whatever there is."""
    keys: list[Key] = [(namespace or "", pipeline or "")]
    found = windows.values(keys)
    if namespace is None:
        found["namespace"] = ".*"
    if pipeline is None:
        found["pipeline"] = ".+"
    return found


def scrape_verdict(scrapes: float | None, windows: Windows) -> tuple[Grade, str]:
    """Say whether scrapes come as often as was said."""
    if scrapes is None:
        return "failed", f"no scrape of a router in the last {windows.rate_s} s"
    every_s = windows.rate_s / scrapes
    if scrapes >= RATE_SCRAPES - 1:  # one may be missed, or be just outside
        return "ok", f"about every {every_s:.2g} s"
    return "warning", f"about every {every_s:.2g} s; say so: --scrape-interval {math.ceil(every_s)}"
