"""The data folder of a loop: its files, and the lock that keeps a second loop out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from core.errors import StoreError
from tools.presence import FILE

DECISIONS = "decisions.sqlite"
CHECKPOINTS = "checkpoints.sqlite"
CLUSTER = "cluster.json"
FLIGHT = "flight.sqlite"
"""Prompts and answers of language models; may be pruned or removed."""
REQUESTS = "requests.sqlite"
"""Changes that wait for a person, and the answers; what people command, and what came of it."""
CALENDAR = "calendar.json"
LOCK = "loop.lock"
PRESENCE = FILE
"""That a loop lives, and how it stands."""


@contextmanager
def held(folder: Path) -> Iterator[Path]:
    """Create the folder if need be and hold its lock.

    Raises:
        StoreError: it cannot be used, or another loop holds it.
    """
    lock = FileLock(folder / LOCK)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=False)
    except Timeout as error:
        raise StoreError(f"{folder}: another loop is running on this folder; give another --data") from error
    except OSError as error:
        raise StoreError(
            f"{folder}: cannot be written: {error.strerror or error}; give another --data"
        ) from error
    try:
        yield folder
    finally:
        lock.release()
