"""Every change of some objects, in order: a list, and a watch from there that is resumed where it breaks."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from urllib3.exceptions import HTTPError

from tests.kube.rest import Json, Refused, Rest, will_pass

Change = Literal["ADDED", "MODIFIED", "DELETED"]
PERIOD_S = 2
"""After which the server ends a watch, and the watcher sees whether it is still wanted."""
AGAIN_S = 0.1
"""Pause after a watch that broke."""


class Gone(Exception):
    """The server has forgotten the changes since we last heard of it (410): some may be missed."""


class BrokeOff(HTTPError):
    """The stream ended in the middle of an event."""


@dataclass(frozen=True, slots=True)
class Event:
    """One version of an object, and how it came to be."""

    change: Change
    object: Json

    @property
    def name(self) -> str:
        """The object's name."""
        return str(self.object["metadata"]["name"])

    @property
    def version(self) -> int:
        """The object's resourceVersion; a deletion has one of its own."""
        return int(self.object["metadata"]["resourceVersion"])


@dataclass(frozen=True, slots=True)
class Listed:
    """What is there, and the version to watch from."""

    events: tuple[Event, ...]
    version: int


def listed(rest: Rest, path: str) -> Listed:
    """Return the objects at *path* as they are now."""
    found = rest.get(path)
    version = int(found["metadata"]["resourceVersion"])
    return Listed(tuple(Event("ADDED", each) for each in found["items"]), version)


def changes(rest: Rest, path: str, since: int, over: threading.Event) -> Iterator[Event]:
    """Give each change at *path* after a version, until *over*; a watch that breaks is resumed.

    Raises:
        Gone: a change may have been missed.
        Refused: the server does not let us watch.
    """
    while not over.is_set():
        try:
            for event in _watched(rest, path, since):
                since = event.version
                yield event
        except (HTTPError, Refused) as error:
            if not will_pass(error):
                raise
            over.wait(AGAIN_S)


def lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Give the lines of a stream, each once it is whole.

    Raises:
        BrokeOff: the stream ends within one.
    """
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
    if rest:
        raise BrokeOff


def _watched(rest: Rest, path: str, since: int) -> Iterator[Event]:
    query = {"watch": "true", "resourceVersion": str(since), "timeoutSeconds": str(PERIOD_S)}
    response = rest.ask("GET", path, query, stream=True)
    try:
        if response.status != 200:
            raise _why(response.status, response.read().decode("utf-8", "replace"))
        for line in lines(response.stream()):
            yield _event(line)
    finally:
        response.close()


def _event(line: bytes) -> Event:
    text = json.loads(line)
    if text["type"] == "ERROR":
        raise _why(text["object"]["code"], text["object"]["message"])
    return Event(text["type"], text["object"])


def _why(status: int, message: str) -> Exception:
    return Gone(message) if status == 410 else Refused(status, message)
