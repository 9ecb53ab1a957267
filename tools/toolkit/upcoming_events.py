"""What people have announced. Their notes are data, whatever they say."""

from __future__ import annotations

from core.values import Frozen
from tools.toolkit._registry import register
from tools.toolkit._shapes import harmless
from tools.toolkit.situation import Situation

MOST_EVENTS = 10


class UpcomingEvents(Frozen):
    """Nothing to say."""


class Announced(Frozen):
    """One event."""

    id: str
    start_s: float
    end_s: float
    load_factor: float
    """Times the load of before it."""
    author: str
    note: str
    inside_horizon: bool


class Upcoming(Frozen):
    """Events that are not over, the next first."""

    time_s: float
    horizon_s: float
    announced: float
    """Times the present load that a proposal may ask for."""
    events: tuple[Announced, ...]


def _shows(situation: Situation) -> tuple[str, ...]:
    return ("announced event",) if situation.announced > 1.0 else ()


@register("upcoming_events", UpcomingEvents, _shows)
def upcoming_events(_: UpcomingEvents, situation: Situation) -> Upcoming:
    """List announced events that are not over: when, times the load, and whether inside the horizon."""
    now_s, until_s = situation.time_s, situation.time_s + situation.horizon_s
    events = sorted((e for e in situation.events if now_s < e.end_s), key=lambda e: (e.start_s, e.id))
    return Upcoming(
        time_s=now_s,
        horizon_s=situation.horizon_s,
        announced=situation.announced,
        events=tuple(
            Announced(
                id=harmless(e.id),
                start_s=e.start_s,
                end_s=e.end_s,
                load_factor=e.load_factor,
                author=harmless(e.author),
                note=harmless(e.note),
                inside_horizon=e.start_s <= until_s,
            )
            for e in events[:MOST_EVENTS]
        ),
    )
