"""What `trimtab calendar add`, `list` and `remove` do: what people announce to the loop.

Times are those of the loop's clock. On a real cluster that is the wall's (Unix seconds), and a date and time
with its zone says it best; the embedded cluster counts seconds from the start of its trace. Which of the two
it is, the last decision shows; a time of the other kind is refused, as its event would never come.

The calendar is edited here directly, before the first run too; the console commands the
loop to do it (`agent.desk`).
"""

from __future__ import annotations

import json
import math
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from agent.approvals import os_user
from agent.folder import CALENDAR, DECISIONS
from core.calendar import MOST_NOTE, Event
from core.complaints import complaint
from core.decision import Decision
from core.errors import UsageError
from tools.calendar import Calendar
from tools.store import DecisionStore

WALL_S = 1e9
"""A clock that shows more counts from 1970, not from the start of a trace: that would be thirty years ago."""


def added(
    data: Path,
    name: str,
    *,
    start: str,
    end: str,
    times: float,
    pipeline: str | None,
    note: str,
    author: str | None,
    as_json: bool,
) -> None:
    """Announce an event, and print it.

    Raises:
        UsageError: a text or figure cannot be kept, or there is an event of that name.
        StoreError: the calendar cannot be used.
    """
    last = _last(data)
    if pipeline is None and last is None:
        raise UsageError(f"{data} has no decision yet to tell which pipeline is meant; give --pipeline")
    try:
        event = Event(
            id=name,
            pipeline=pipeline or (last.pipeline if last else ""),
            start_s=time_s(start, "--from", last),
            end_s=time_s(end, "--until", last),
            load_factor=times,
            note=_fitting(note),
            author=author or os_user(),
            entered_s=0.0 if last is None else last.time_s,
        )
    except ValidationError as error:
        raise UsageError(f"event {name!r}: {complaint(error, Event)}") from error
    _print(Calendar(data / CALENDAR).add(event), as_json=as_json)


def removed(data: Path, name: str) -> None:
    """Take an event back, and say so.

    Raises:
        UsageError: there is none.
        StoreError: the calendar cannot be used.
    """
    event = Calendar(data / CALENDAR).remove(name)
    print(f"removed {event.id}; the loop does without it from its next turn on")  # noqa: T201 - the output


def listed(data: Path, *, as_json: bool) -> None:
    """Print all events, in the order of their start.

    Raises:
        StoreError: the calendar cannot be used.
    """
    events = Calendar(data / CALENDAR).events()
    for event in events:
        _print(event, as_json=as_json)
    if not events and not as_json:
        print("nothing is announced")  # noqa: T201 - the output


def time_s(text: str, option: str, last: Decision | None) -> float:
    """Return a time in seconds of the loop's clock: a number as it is, a date and time as Unix seconds.

    Args:
        text: As it was given.
        option: Which it was given for.
        last: The last decision, by which the clock is known; None where there is none yet.

    Raises:
        UsageError: it is neither, negative, without a zone, or of another clock than the loop's.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = _unix_s(text, option)
    if not math.isfinite(seconds) or seconds < 0:
        raise UsageError(f"{option}: {text!r} must be a finite number of seconds, 0 or more")
    if last is not None and (seconds >= WALL_S) != (last.time_s >= WALL_S):
        shows = f"{option}: {text!r} is not of the loop's clock, which showed {last.time_s:.10g} s last"
        raise UsageError(f"{shows}; give {_such_as(last.time_s)}")
    return seconds


def event_line(event: Event) -> str:
    """Return an event for a person to read."""
    note = f": {event.note}" if event.note else ""
    return (
        f"{event.id}  {event.pipeline}  {_shown(event.start_s)} to {_shown(event.end_s)}  "
        f"{event.load_factor:g} times the load  (by {event.author}{note})"
    )


def _shown(seconds: float) -> str:
    """Return a time as its clock shows it."""
    if seconds < WALL_S:
        return f"{seconds:.10g} s"
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):  # beyond the year 9999
        return f"{seconds:.10g} s"


def _such_as(now_s: float) -> str:
    if now_s < WALL_S:
        return "seconds from the start of its trace, such as 600"
    return "a date and time, such as 2030-01-31T18:00+01:00"


def _unix_s(text: str, option: str) -> float:
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            raise UsageError(f"{option}: {text!r} has no zone; add it, such as {text}+01:00 or {text}Z")
        return found.timestamp()
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError(
            f"{option}: {text!r} is no time; give seconds of the loop's clock, such as 600, or a date and "
            "time such as 2030-01-31T18:00+01:00 where its clock is the wall's"
        ) from error


def _fitting(note: str) -> str:
    if len(note) > MOST_NOTE:
        raise UsageError(f"--note: {len(note)} characters; at most {MOST_NOTE} are kept")
    return note


def _last(data: Path) -> Decision | None:
    """Return the last decision: whose loop it is, and what its clock showed."""
    if not (data / DECISIONS).is_file():
        return None
    with closing(DecisionStore(data / DECISIONS, read_only=True)) as store:
        found = store.latest(1)
    return found[0] if found else None


def _print(event: Event, *, as_json: bool) -> None:
    print(json.dumps(event.model_dump(mode="json")) if as_json else event_line(event))  # noqa: T201 - the output
