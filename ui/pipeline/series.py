"""What the time series of a pipeline are drawn from: the points of a range, as many as have room."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from agent.folder import DECISIONS
from tools.points import Point, Points
from ui.charts import thinned
from ui.pipeline.curves import marked
from ui.places import BUSY_S
from ui.when import HOUR_S, MINUTE_S

RANGES: dict[str, float | None] = {
    "15 min": 15 * MINUTE_S,
    "1 h": HOUR_S,
    "6 h": 6 * HOUR_S,
    "24 h": 24 * HOUR_S,
    "all": None,
}
"""In seconds of the loop's clock; None for everything."""
LONG_S = 2 * HOUR_S
"""A longer record opens with its last hour."""
MOST_READ = 10_000
"""Decisions that are read for one look, the last ones: a day of them, and half a second."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One range of one pipeline."""

    points: tuple[Point, ...]
    """Each the worst of those it stands for."""
    marks: tuple[Point, ...]
    """The decisions that did something."""
    span_s: tuple[float, float]
    """From when to when, in seconds of the loop's clock."""
    whole: bool
    """Whether all decisions of the range were read."""


def usual_range(first_s: float, last_s: float) -> str:
    """Return the range that a record opens with."""
    return "all" if last_s - first_s <= LONG_S else "1 h"


def drawn(folder: Path, pipeline: str, length_s: float | None, *, most: int = MOST_READ) -> Drawn | None:
    """Return the last *length_s* seconds of a pipeline, everything by default; None where there is nothing.

    Args:
        folder: The loop's.
        pipeline: Its name.
        length_s: In seconds of the loop's clock.
        most: Decisions that are read where everything is asked for, the last ones.

    Raises:
        UsageError: there is no store.
        StoreError: it cannot be read.
    """
    with closing(Points(folder / DECISIONS, busy_s=BUSY_S)) as store:
        span = store.span(pipeline)
        if span is None:
            return None
        first_s, last_s = span
        if length_s is None:
            found = sorted(store.last(pipeline, most), key=lambda p: (p.time_s, p.seq))
            whole = store.count(pipeline) <= most
        else:
            first_s = max(first_s, last_s - length_s)
            found, whole = store.between(pipeline, first_s, last_s), True
    span_s = (first_s if whole else found[0].time_s, last_s)
    return Drawn(tuple(thinned(found)), tuple(marked(found)), span_s, whole)
