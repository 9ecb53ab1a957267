"""How many events an object may have, and which of them say the same, as client-go has it.

Kubernetes keeps events for an hour in the same etcd as everything else. A pipeline whose interval is ten
seconds could fill it with what nobody reads: an object has BURST events at once, and one more every REFILL_S.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

BURST = 25
"""As client-go has it."""
REFILL_S = 300.0
"""As client-go has it."""
SAME_S = 600.0
"""Within this time the same words are the same event."""
MOST_OBJECTS = 2000
"""Objects that are remembered; ten times the pipelines of one controller."""
MOST_WORDS = 20
"""Events of one object that are remembered."""

Words = tuple[str, str]
"""Reason and message."""


@dataclass(frozen=True, slots=True)
class Written:
    """An event on the server."""

    path: str
    count: int


@dataclass(slots=True)
class _Object:
    """What was said of one object."""

    tokens: float
    counted_s: float
    said: OrderedDict[Words, tuple[Written, float]] = field(default_factory=OrderedDict)
    """With the time at which each was last written."""


@dataclass(slots=True)
class Budget:
    """Of all objects, by uid. Thread-safe. Times are of one monotonic clock."""

    _objects: OrderedDict[str, _Object] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def takes(self, uid: str, now_s: float) -> bool:
        """Take a token of the object; False where there is none."""
        with self._lock:
            known = self._known(uid, now_s)
            known.tokens = min(BURST, known.tokens + (now_s - known.counted_s) / REFILL_S)
            known.counted_s = now_s
            if known.tokens < 1:
                return False
            known.tokens -= 1
            return True

    def said(self, uid: str, words: Words, now_s: float) -> Written | None:
        """Return the event that says the same, if it is recent."""
        with self._lock:
            written, last_s = self._known(uid, now_s).said.get(words, (None, now_s))
            return written if now_s - last_s <= SAME_S else None

    def says(self, uid: str, words: Words, written: Written, now_s: float) -> None:
        """Remember what was written."""
        with self._lock:
            said = self._known(uid, now_s).said
            said[words] = (written, now_s)
            said.move_to_end(words)
            while len(said) > MOST_WORDS:
                said.popitem(last=False)

    def _known(self, uid: str, now_s: float) -> _Object:
        known = self._objects.setdefault(uid, _Object(float(BURST), now_s))
        self._objects.move_to_end(uid)
        while len(self._objects) > MOST_OBJECTS:
            self._objects.popitem(last=False)
        return known
