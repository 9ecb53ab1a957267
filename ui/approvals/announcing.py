"""Announced events as a person reads and enters them: in wall time, or in minutes into a simulated run."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from pydantic import ValidationError

from agent.calendarcli import WALL_S
from agent.folder import CALENDAR, DECISIONS
from core.calendar import Event
from core.complaints import complaint
from core.errors import UsageError
from tools.calendar import Calendar
from tools.points import Points
from tools.presence import Presence, life_of
from ui.places import BUSY_S, Place
from ui.show import number
from ui.when import When

Phase = Literal["ongoing", "coming", "over"]


@dataclass(frozen=True, slots=True)
class Clock:
    """What the loop's clock shows now, and what that means."""

    when: When
    now_s: float

    @property
    def wall(self) -> bool:
        """Whether its seconds are somebody's time of day."""
        return self.when.unix(self.now_s) is not None

    def at(self, moment: datetime) -> float:
        """Return a time of day in the viewer's zone in seconds of the loop's clock, where that is the wall's.

        Raises:
            UsageError: it is before the clock began.
        """
        unix = moment.replace(tzinfo=self.when.zone).astimezone(UTC).timestamp()
        found = unix if self.now_s >= WALL_S else unix - (self.when.zero or 0.0)
        if found < 0:
            raise UsageError(f"{moment:%d %b %Y %H:%M} is before this run began; give a later time")
        return found


def clock_of(place: Place, presence: Presence | None, when: When, now: float) -> Clock:
    """Return the loop's clock; *now* is Unix time. While it keeps wall time it goes on between the turns.

    Raises:
        StoreError: the store cannot be read.
    """
    if presence is None:
        with closing(Points(place.folder / DECISIONS, busy_s=BUSY_S)) as points:
            last = points.last(place.pipeline, 1)
        return Clock(when, last[0].time_s if last else 0.0)
    since_s = now - presence.beat if presence.real_time and life_of(presence, now) != "ended" else 0.0
    return Clock(when, presence.clock_s + max(0.0, since_s))


def events_of(place: Place) -> tuple[Event, ...]:
    """Return what is announced for a pipeline, in the order of its start.

    Raises:
        StoreError: the calendar cannot be read.
    """
    return tuple(e for e in Calendar(place.folder / CALENDAR).events() if e.pipeline == place.pipeline)


def event_of(
    place: Place,
    clock: Clock,
    *,
    name: str,
    start_s: float,
    end_s: float,
    times: float,
    note: str,
    author: str,
) -> Event:
    """Return what was entered as an event; spaces in its name become hyphens.

    Raises:
        UsageError: it cannot be kept, or is over already.
    """
    if end_s <= clock.now_s:
        raise UsageError(f"the event ends at {clock.when.text(end_s)}, which has passed; give a later time")
    try:
        return Event(
            id="-".join(name.split()),
            pipeline=place.pipeline,
            start_s=start_s,
            end_s=end_s,
            load_factor=times,
            note=note.strip(),
            author=author,
            entered_s=clock.now_s,
        )
    except ValidationError as error:
        raise UsageError(f"the event cannot be announced: {complaint(error, Event)}") from error


def phase_of(event: Event, now_s: float) -> Phase:
    """Say how an event lies to a time of the loop's clock."""
    if now_s < event.start_s:
        return "coming"
    return "ongoing" if now_s < event.end_s else "over"


def in_phase(events: Iterable[Event], phase: Phase, now_s: float) -> list[Event]:
    """Return the events that lie so to a time of the loop's clock."""
    return [e for e in events if phase_of(e, now_s) == phase]


def event_text(event: Event, when: When) -> str:
    """Return an event in one line."""
    note = f": {event.note}" if event.note else ""
    span = f"{when.text(event.start_s)} to {when.text(event.end_s)}"
    return f"{event.id}, {number(event.load_factor)} times the load, {span}, by {event.author}{note}"
