"""From recorded decisions to the moments that were lived through."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from core.configuration import Configuration
from core.decision import Decision
from core.pipeline import Pipeline
from tools.assess._moment import Moment
from tools.cadence import horizon_s

REMEMBERED = 30
"""Decisions that a moment looks back over, as the loop does."""


def moments(pipeline: Pipeline, decisions: Iterable[Decision], interval_s: float) -> Iterator[Moment]:
    """Yield the moment of each decision that recorded what ran, oldest first."""
    starts_s = horizon_s(pipeline, interval_s) - interval_s
    changes: list[tuple[float, Configuration]] = []
    times_s: list[float] = []
    for decision in decisions:
        if decision.running is not None:
            recent_s = times_s[-REMEMBERED:]
            yield Moment(
                time_s=decision.time_s,
                observation=decision.observation,
                forecast=decision.forecast,
                running=decision.running,
                decided_rps=decision.load_rps or 0.0,
                settled=not changes or decision.time_s - changes[-1][0] > starts_s,
                applied=tuple(c for c in changes if recent_s and c[0] >= recent_s[0]),
            )
        times_s.append(decision.time_s)
        if decision.outcome == "applied" and decision.certificate is not None:
            changes.append((decision.time_s, decision.certificate.configuration))
