"""The calendar that people fill: a JSON file, replaced as a whole under a lock, read anew by the loop.

What it holds is written by people and shown to planners, so it is data: lengths and the number of events are
limited, and control, formatting and line-breaking characters are taken out, also of what was written by hand.

A file that cannot be read is an error to whoever edits it. The loop must not stop for it, and must not forget
what was announced either: it goes on with what it read last and logs the reason. An announcement can only let
a planner ask for more capacity than the forecast does, so without any the loop is as safe as it is blind.
"""

from __future__ import annotations

import json
import logging
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pydantic import ValidationError

from core.calendar import Event
from core.complaints import complaint
from core.errors import StoreError, UsageError
from core.values import Frozen
from pipelines.files import replaced

MOST_EVENTS = 200
"""Events of all pipelines: each decision keeps those of its pipeline, and a planner has to read them."""
MOST_BYTES = 1_000_000
"""Of the file; as many events as may be, with notes of full length in any script, take half of it."""
MOST_NAME = 64
"""Characters of an id or an author."""
LOCK_S = 5.0
"""How long an editor waits for another, in seconds."""
FIX = "mend it, or move it away to start an empty one"

logger = logging.getLogger(__name__)


class _Document(Frozen):
    """The file."""

    events: tuple[Event, ...] = ()


class Calendar:
    """The announced events of all pipelines in one file. A missing file is an empty calendar."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, event: Event) -> Event:
        """Add an event; durable when this returns. Return it as it is kept.

        Raises:
            UsageError: there is one with that id, there are too many, or a text of it cannot be kept.
            StoreError: the file cannot be read or written.
        """
        kept = cleaned(event)
        with self._editing() as events:
            if any(e.id == kept.id for e in events):
                raise UsageError(f"there is an event {kept.id!r} already; remove it first or give another id")
            if len(events) >= MOST_EVENTS:
                raise UsageError(f"{self.path} has {MOST_EVENTS} events, the most there may be; remove one")
            events.append(kept)
        return kept

    def remove(self, name: str) -> Event:
        """Remove the event with that id; durable when this returns. Return it.

        Raises:
            UsageError: there is none.
            StoreError: the file cannot be read or written.
        """
        with self._editing() as events:
            found = next((e for e in events if e.id == name), None)
            if found is None:
                known = ", ".join(e.id for e in events) or "none"
                raise UsageError(f"there is no event {name!r} in {self.path}; known: {known}")
            events.remove(found)
        return found

    def events(self) -> tuple[Event, ...]:
        """Return all events, in the order of their start.

        Raises:
            StoreError: the file cannot be read or is damaged.
        """
        try:
            with self.path.open("rb") as file:
                text = file.read(MOST_BYTES + 1)
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise StoreError(
                f"{self.path}: the calendar cannot be read: {error.strerror}; make it readable"
            ) from error
        return self._parsed(text)

    def of(self, pipeline: str) -> Callable[[], tuple[Event, ...]]:
        """Return what reads that pipeline's events as they are at the time of the call, and never raises."""
        return _Reader(self, pipeline)

    def _parsed(self, text: bytes) -> tuple[Event, ...]:
        if len(text) > MOST_BYTES:
            raise StoreError(f"{self.path}: the calendar is larger than {MOST_BYTES} bytes; {FIX}")
        try:
            found = tuple(cleaned(e) for e in _Document.model_validate(json.loads(text)).events)
        except ValidationError as error:
            raise StoreError(f"{self.path}: {complaint(error, _Document)}; {FIX}") from error
        except (ValueError, RecursionError, UsageError) as error:
            raise StoreError(f"{self.path}: the calendar cannot be read: {error}; {FIX}") from error
        if len(found) > MOST_EVENTS or len({e.id for e in found}) < len(found):
            raise StoreError(f"{self.path}: more than {MOST_EVENTS} events, or an id given twice; {FIX}")
        return tuple(sorted(found, key=lambda e: (e.start_s, e.id)))

    @contextmanager
    def _editing(self) -> Iterator[list[Event]]:
        """Yield the events and keep what is made of them, unless the caller raises."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self.path.with_suffix(".lock"), timeout=LOCK_S):
                events = list(self.events())
                yield events
                self._write(_Document(events=tuple(events)))
        except Timeout as error:
            raise StoreError(f"{self.path}: somebody else is editing the calendar; try again") from error
        except OSError as error:
            raise StoreError(
                f"{self.path}: the calendar cannot be written: {error.strerror or error}; give another --data"
            ) from error

    def _write(self, document: _Document) -> None:
        replaced(self.path, document.model_dump_json(indent=2) + "\n", sync="folder")


@dataclass(slots=True)
class _Reader:
    """The loop's view of one pipeline: what was read last, until the file is another one."""

    calendar: Calendar
    pipeline: str
    seen: tuple[int, ...] | None = None
    found: tuple[Event, ...] = ()

    def __call__(self) -> tuple[Event, ...]:
        stamp = _stamp(self.calendar.path)
        if stamp != self.seen:
            self.seen = stamp
            self._read()
        return self.found

    def _read(self) -> None:
        try:
            events = self.calendar.events()
        except StoreError:
            logger.warning(
                "the calendar cannot be used; going on with the %d events read last",
                len(self.found),
                exc_info=True,
            )
            return
        self.found = tuple(e for e in events if e.pipeline == self.pipeline)


def _stamp(path: Path) -> tuple[int, ...]:
    """Return what changes whenever the file does; empty where there is none, or it cannot be seen."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return (found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode)


def cleaned(event: Event) -> Event:
    """Return the event with texts that are safe to show.

    Raises:
        UsageError: its id or author is too long, or nothing is left of it.
    """
    texts: dict[str, Any] = {name: _shown(getattr(event, name)) for name in ("id", "author", "note")}
    for name in ("id", "author"):
        if len(texts[name]) > MOST_NAME:
            raise UsageError(
                f"event {texts['id'][:MOST_NAME]!r}: {name} is longer than {MOST_NAME} characters"
            )
    try:
        return Event.model_validate(event.model_dump() | texts)
    except ValidationError as error:
        raise UsageError(f"event {texts['id']!r}: {complaint(error, Event)}") from error


def _shown(text: str) -> str:
    """Return a text on one line, without characters that are not seen or change how others are."""
    seen = (" " if c.isspace() else "" if unicodedata.category(c).startswith("C") else c for c in text)
    return " ".join("".join(seen).split())
