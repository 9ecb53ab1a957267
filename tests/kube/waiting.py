"""Waiting for what the cluster does in its own time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

LIMIT_S = 20.0
POLL_S = 0.05


def wait_until(condition: Callable[[], Found], what: str, limit_s: float = LIMIT_S) -> Found:
    """Return the first answer of *condition* that counts as true, or fail and say *what* did not come."""
    end_s = time.monotonic() + limit_s
    while not (found := condition()):
        assert time.monotonic() < end_s, f"not in {limit_s:g} s: {what}"
        time.sleep(POLL_S)
    return found
