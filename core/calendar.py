"""What people announce: events that change the load, with when, how much, and who said so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import Field, model_validator

from core.proposal import MOST_LOAD_FACTOR
from core.values import Frozen, Name, NonNegative, Number

MOST_NOTE = 500
"""Characters of a note that are kept."""


class Event(Frozen):
    """An announced change of the load. Times are seconds of the loop's clock."""

    id: Name
    pipeline: Name
    start_s: NonNegative
    end_s: NonNegative
    load_factor: Annotated[Number, Field(gt=0, le=MOST_LOAD_FACTOR)]
    """Times the load of before it."""
    note: Annotated[str, Field(max_length=MOST_NOTE)] = ""
    author: Name
    entered_s: NonNegative

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.end_s <= self.start_s:
            raise ValueError(f"the event ends at {self.end_s:g} s, not after its start at {self.start_s:g} s")
        return self


def announced_ratio(
    events: Sequence[Event],
    earlier: Sequence[tuple[float, float]],
    *,
    load_rps: float,
    now_s: float,
    horizon_s: float,
) -> float:
    """Return how many times *load_rps* the calendar expects within the horizon; 1 where it is no more.

    An event multiplies the load of before it. One that has not begun multiplies *load_rps*; of one that
    has, part of the rise may be in *load_rps* already, so the last of the *earlier* loads (time and
    requests per second, oldest first) before it counts. Without one the load has shown itself.
    """
    if load_rps <= 0:
        return 1.0
    ratios = [1.0]
    for event in events:
        if not (event.start_s <= now_s + horizon_s and now_s < event.end_s):
            continue
        before = [rps for time_s, rps in earlier if time_s < event.start_s]
        base_rps = load_rps if now_s < event.start_s else (before[-1] if before else 0.0)
        ratios.append(event.load_factor * base_rps / load_rps)
    return min(MOST_LOAD_FACTOR, max(ratios))
