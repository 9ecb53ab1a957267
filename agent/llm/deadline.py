"""A call with one deadline for all of it, which tells what it has on the way.

The call runs in a thread of its own, as a server that drips keeps every other timeout happy. Whoever listens
is called in the thread that waits: it may belong to a page, which can only be drawn from there.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Made = TypeVar("Made")
"""What the call returns."""
Told = TypeVar("Told")
"""What it tells on the way."""


class OutOfTime(Exception):
    """The call has not returned within its deadline. It ends with the next that it tells."""


@dataclass(frozen=True, slots=True)
class _Telling(Generic[Told]):
    value: Told


@dataclass(frozen=True, slots=True)
class _Returned(Generic[Made]):
    value: Made


@dataclass(frozen=True, slots=True)
class _Raised:
    error: Exception


def in_time(
    call: Callable[[Callable[[Told], None]], Made], seconds: float, heard: Callable[[Told], None]
) -> Made:
    """Return what *call* does within *seconds*.

    Args:
        call: Given a function with which to tell something on the way.
        seconds: The deadline of all of it, listening included.
        heard: Called with what it tells; only with the latest where it tells faster than that is heard.

    Raises:
        OutOfTime: it has not returned by then.
        Exception: whatever the call, or *heard*, raises.
    """
    box: queue.SimpleQueue[_Telling[Told] | _Returned[Made] | _Raised] = queue.SimpleQueue()

    over = threading.Event()

    def tell(value: Told) -> None:
        if over.is_set():
            raise OutOfTime  # nobody listens any more: whatever is left to tell is not worth the work
        box.put(_Telling(value))

    def run() -> None:
        try:
            box.put(_Returned(call(tell)))
        except Exception as error:  # noqa: BLE001 - handed over to the caller's thread
            box.put(_Raised(error))

    threading.Thread(target=run, name="model call", daemon=True).start()
    ends_s = time.monotonic() + seconds
    try:
        while True:
            left_s = ends_s - time.monotonic()
            match _next(box, left_s):
                case _Telling(value) if left_s > 0:
                    heard(value)
                case _Returned(value):
                    return value
                case _Raised(error):
                    raise error from None
                case _:
                    raise OutOfTime
    finally:
        over.set()


def _next(
    box: queue.SimpleQueue[_Telling[Told] | _Returned[Made] | _Raised], left_s: float
) -> _Telling[Told] | _Returned[Made] | _Raised | None:
    """Return the latest that is in the box; None where nothing comes in time."""
    try:
        item = box.get(timeout=max(left_s, 0.0))
    except queue.Empty:
        return None
    for _ in range(box.qsize()):  # not until it is empty: it may be filled faster than this empties it
        if not isinstance(item, _Telling):
            break
        item = box.get()
    return item
