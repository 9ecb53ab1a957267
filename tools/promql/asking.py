"""From answers of Prometheus to what the queries say of each pipeline."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from core.errors import InvalidDocument, MetricsUnavailable
from core.pipeline import Pipeline
from tools.prometheus import Prometheus, Row, Series
from tools.promql.queries import PATH, Queries, Query, Windows

Key = tuple[str, str]
"""Namespace and name of a pipeline."""
LOAD = "load"
Rows = tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Watched:
    """One pipeline whose metrics are wanted."""

    key: Key
    """Namespace and name, as its metrics are labelled."""
    pipeline: Pipeline
    interval_s: float
    """Between its decisions."""
    began_at: float
    """Unix time: the zero of its loop's clock."""
    overrides: Mapping[str, str] = field(default_factory=dict)
    """PromQL by the name of the query it replaces."""


@dataclass(slots=True)
class Found:
    """What the queries say of one pipeline. A query that has no row here is unknown, never zero."""

    rows: dict[str, Rows] = field(default_factory=dict)
    """By the name of the query."""
    loads: dict[int, float] = field(default_factory=dict)
    """Requests per second, by unix second."""
    failure: MetricsUnavailable | None = None
    """Why a query of its own has no answer."""

    @property
    def router_age_s(self) -> float | None:
        """Age of the routers' newest sample; None where they have none."""
        ages = [row.value for row in self.rows.get("age", ()) if not row.labels.get("stage")]
        return ages[0] if ages and math.isfinite(ages[0]) else None


@dataclass(frozen=True, slots=True)
class Sweep:
    """One round of questions, all of the same moment."""

    prometheus: Prometheus
    queries: Queries
    at: int
    """Unix time by the server's clock."""
    until: float
    """When to give up, on the monotonic clock."""

    def shared(self, watched: Sequence[Watched], windows: Windows, found: Mapping[Key, Found]) -> None:
        """Ask each query once for all pipelines that have none of their own instead.

        Raises:
            MetricsUnavailable: one has no answer; nothing can be said of any pipeline then.
        """
        for name, query in self.queries.queries.items():
            keys = [w.key for w in watched if name not in w.overrides]
            if not keys:
                continue
            text = self.queries.text(query.query, windows.values(keys))
            answer = _by_key(self._asked(query, text, windows, f"query {name!r}"))
            for key in keys:
                if key in answer:
                    _keep(found[key], name, query, [r for r in answer[key] if _has_labels(r, query)])

    def own(self, watched: Watched, windows: Windows, found: Found) -> None:
        """Ask a pipeline's own queries; a failure is its own too."""
        try:
            self.queries.checked(watched.overrides)
        except InvalidDocument as error:
            found.failure = MetricsUnavailable(str(error))
            return
        for name, promql in watched.overrides.items():
            query, path = self.queries.queries[name], f"{PATH}.{name}"
            text = self.queries.text(promql, windows.values([watched.key]))
            try:
                answer = self._asked(query, text, windows, path)
                for row in answer:
                    _check_labels(row, query, watched.key, path)
                _check_distinct(answer, query, path)
            except MetricsUnavailable as error:
                found.failure = error
                return
            _keep(found, name, query, answer)

    def completions(self, keys: Sequence[Key], windows: Windows) -> set[Key]:
        """Return which of the pipelines have anybody who counts completions.

        Raises:
            MetricsUnavailable: there is no answer.
        """
        text = self.queries.text(self.queries.completions, windows.values(keys))
        rows = self.prometheus.vector(text, at=self.at, what="completions", until=self.until)
        return set(_by_key(rows))

    def _asked(self, query: Query, text: str, windows: Windows, what: str) -> Sequence[Row | Series]:
        if query.range:
            first = self.at - windows.interval_s + 1
            return self.prometheus.matrix(text, start=first, end=self.at, what=what, until=self.until)
        return self.prometheus.vector(text, at=self.at, what=what, until=self.until)


def _by_key(rows: Sequence[Row | Series]) -> dict[Key, list[Row | Series]]:
    found: dict[Key, list[Row | Series]] = defaultdict(list)
    for row in rows:
        found[row.labels.get("namespace", ""), row.labels.get("pipeline", "")].append(row)
    return found


def _keep(found: Found, name: str, query: Query, answer: Sequence[Row | Series]) -> None:
    """Keep what was answered of one pipeline, with the labels that matter."""
    rows = []
    for each in answer:
        if isinstance(each, Series):
            found.loads.update({round(at): value for at, value in each.samples})
        else:
            labels = {k: v for k, v in each.labels.items() if k in query.keeps or k in query.also}
            rows.append(Row(labels, each.value))
    if rows:
        found.rows[name] = tuple(rows)


def _has_labels(row: Row | Series, query: Query) -> bool:
    return all(label in row.labels for label in query.keeps)


def _check_labels(row: Row | Series, query: Query, key: Key, path: str) -> None:
    for label in query.keeps:
        if label not in row.labels:
            raise MetricsUnavailable(
                f"{path}: a series of its answer has no label {label!r}; "
                f"write `sum by ({', '.join(query.keeps)}) (...)`"
            )
    for label, own in zip(("namespace", "pipeline"), key, strict=True):
        if row.labels.get(label, own) != own:
            raise MetricsUnavailable(
                f'{path}: its answer is about {label} {row.labels[label]!r}; select {label}=~"${label}"'
            )


def _check_distinct(rows: Sequence[Row | Series], query: Query, path: str) -> None:
    """Refuse an answer of which nobody can say which series counts."""
    kept = [tuple(row.labels.get(label) for label in (*query.keeps, *query.also)) for row in rows]
    if len(set(kept)) < len(kept):
        by = f" by ({', '.join(query.keeps)})" if query.keeps else ""
        raise MetricsUnavailable(
            f"{path}: its answer has several series for the same thing; write `sum{by} (...)`"
        )
