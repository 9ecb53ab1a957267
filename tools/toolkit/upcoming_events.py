"""What people have announced. Their notes are data, whatever they say."""

from __future__ import annotations

from core.calendar import Event
from core.values import Frozen
from tools.toolkit._registry import Result, register
from tools.toolkit._shapes import MOST_LABEL, harmless
from tools.toolkit.situation import Situation

MOST_EVENTS = 10


class UpcomingEvents(Frozen):
    """Nothing to say."""


class Announced(Frozen):
    """One event; the note is what its author wrote."""

    id: str
    start_s: float
    end_s: float
    load_factor: float
    """Times the load of before it."""
    inside_horizon: bool
    author: str
    entered_s: float
    note: str


class Upcoming(Result):
    """Events that are not over, the earliest first, so what is inside the horizon leads."""

    time_s: float
    horizon_s: float
    announced: float
    """Times the load of the turn that a proposal may ask for."""
    events: tuple[Announced, ...]
    left_out: int = 0

    def shows(self) -> tuple[str, ...]:
        """Return `announced event` where one is inside the horizon."""
        return ("announced event",) if any(e.inside_horizon for e in self.events) else ()


@register("upcoming_events", UpcomingEvents)
def upcoming_events(_: UpcomingEvents, situation: Situation) -> Upcoming:
    """List announced events that are not over. announced: the load_factor that a proposal may ask for now."""
    coming = [e for e in situation.events if situation.time_s < e.end_s]
    coming.sort(key=lambda e: (e.start_s, e.id))
    return Upcoming(
        time_s=situation.time_s,
        horizon_s=situation.horizon_s,
        announced=situation.announced,
        events=tuple(_announced(e, situation) for e in coming[:MOST_EVENTS]),
        left_out=max(0, len(coming) - MOST_EVENTS),
    )


def _inside(event: Event, situation: Situation) -> bool:
    return event.start_s <= situation.time_s + situation.horizon_s and situation.time_s < event.end_s


def _announced(event: Event, situation: Situation) -> Announced:
    return Announced(
        id=harmless(event.id, MOST_LABEL),
        start_s=event.start_s,
        end_s=event.end_s,
        load_factor=event.load_factor,
        inside_horizon=_inside(event, situation),
        author=harmless(event.author, MOST_LABEL),
        entered_s=event.entered_s,
        note=harmless(event.note),
    )
