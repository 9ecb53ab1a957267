"""Decisions as points of time series: what the console draws a day from, without reading whole decisions.

The store keeps a row for each decision (`tools.pointrows`). One that was last written by an older version
has none; its points are worked out of the decisions, the same but slower.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.decision import Mode, Outcome
from tools.pointrows import COLUMNS, FROM_DECISIONS, has_points
from tools.store import BUSY_S, MOST_SEQ, connected, reporting

NAMES = tuple(COLUMNS)
DEGRADED, FINDINGS = NAMES.index("degraded"), NAMES.index("findings")


@dataclass(frozen=True, slots=True)
class Point:
    """What a time series shows of one decision. None is unknown and never means zero."""

    seq: int
    """Where it stands in its store."""
    id: str
    """The decision's."""
    pipeline: str
    time_s: float
    """In seconds of the loop's clock."""
    outcome: Outcome
    degraded: bool
    mode: Mode
    load_mean: float | None
    """Requests per second over the seconds of the interval that are known."""
    load_max: float | None
    """Of its busiest known second, in requests per second."""
    load_rps: float | None
    """What was decided for."""
    forecast_point: float | None
    """In requests per second."""
    forecast_upper: float | None
    latency_s: float | None
    """At the quantile the SLO names."""
    p50_s: float | None
    p95_s: float | None
    p99_s: float | None
    in_time: float | None
    judged: int
    dropped_rps: float | None
    accuracy: float | None
    labelled: int
    queue: float | None
    """Items waiting, all stages together; unknown where one is."""
    ready: int | None
    """Replicas that serve, all stages together; unknown where one is."""
    running: str | None
    """The configuration that was running, as JSON of `core.configuration.Configuration`."""
    chosen: str | None
    """The certificate's configuration, as JSON: what was about to be applied."""
    candidate: str | None
    """What the last ruling was on, as JSON."""
    digest: str
    """Of the pipeline decided for; the store keeps the pipeline itself."""
    findings: tuple[str, ...]
    """Their kinds."""
    predicted_latency_s: float | None
    """Of the candidate, as are the next four: the last ruling's verdict."""
    predicted_accuracy: float | None
    objective: float | None
    optimum: float | None
    regret: float | None
    tokens: int
    usd: float | None
    """None where the price of the model is not known."""


class Points:
    """The points of one decision store, only to be read.

    Raises:
        StoreError: the file cannot be read, or is no store.
    """

    def __init__(self, path: Path, *, busy_s: float = BUSY_S) -> None:
        """Open the store.

        Args:
            path: The decision store.
            busy_s: How long to wait for a writer, in seconds.

        Raises:
            UsageError: there is none.
            StoreError: the file cannot be read, or is no store.
        """
        self.path = path
        with reporting(path):
            self._db = connected(path, read_only=True, busy_s=busy_s)
            self._points = "points" if has_points(self._db) else f"({FROM_DECISIONS})"

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def between(self, pipeline: str, from_s: float, to_s: float) -> list[Point]:
        """Return a pipeline's points from *from_s* to *to_s*, both included, by their time."""
        return self._read(
            "pipeline = ? AND time_s BETWEEN ? AND ? ORDER BY time_s, seq", pipeline, from_s, to_s
        )

    def last(self, pipeline: str, count: int) -> list[Point]:
        """Return the last *count* points of a pipeline that were recorded, oldest first."""
        return self._read("pipeline = ? ORDER BY seq DESC LIMIT ?", pipeline, count)[::-1]

    def page(
        self, pipeline: str, up_to_seq: int | None, count: int, outcomes: Sequence[Outcome] = ()
    ) -> list[Point]:
        """Return the last *count* points of a pipeline, newest first.

        Args:
            pipeline: Its name.
            up_to_seq: Only of those up to this place in the store; None for the very last.
            count: How many at most.
            outcomes: Only decisions that ended so; empty for all.
        """
        among = f" AND outcome IN ({', '.join('?' * len(outcomes))})" if outcomes else ""
        edge = MOST_SEQ if up_to_seq is None else up_to_seq
        where = f"pipeline = ? AND seq <= ?{among} ORDER BY seq DESC LIMIT ?"
        return self._read(where, pipeline, edge, *outcomes, count)

    def pipelines(self) -> tuple[str, ...]:
        """Return the names of all pipelines with a decision, sorted."""
        query = f"SELECT DISTINCT pipeline FROM {self._points} ORDER BY pipeline"
        with reporting(self.path):
            return tuple(name for (name,) in self._db.execute(query))

    def span(self, pipeline: str) -> tuple[float, float] | None:
        """Return the times of a pipeline's earliest and latest points; None where it has none."""
        query = f"SELECT min(time_s), max(time_s) FROM {self._points} WHERE pipeline = ?"
        with reporting(self.path):
            first_s, last_s = self._db.execute(query, (pipeline,)).fetchone()
        return None if first_s is None else (first_s, last_s)

    def count(self, pipeline: str) -> int:
        """Return how many points a pipeline has."""
        query = f"SELECT count(*) FROM {self._points} WHERE pipeline = ?"
        with reporting(self.path):
            return int(self._db.execute(query, (pipeline,)).fetchone()[0])

    def _read(self, where: str, *values: str | float) -> list[Point]:
        query = f"SELECT {', '.join(NAMES)} FROM {self._points} WHERE {where}"
        with reporting(self.path):
            return [_point(row) for row in self._db.execute(query, values)]


def _point(row: Sequence[Any]) -> Point:
    fields = list(row)
    fields[DEGRADED] = bool(fields[DEGRADED])
    fields[FINDINGS] = tuple(json.loads(fields[FINDINGS]))
    return Point(*fields)
