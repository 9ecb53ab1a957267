"""That a loop lives, and how it stands: a small file beside its record, written anew with every turn.

It tells people, it proves nothing: what was decided is in the store. So it is replaced in one step, but not
synced to the disk, and a loop that cannot write it goes on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from core.decision import Mode
from core.errors import StoreError
from core.values import Frozen, Name, NonNegative, Positive, PositiveCount
from pipelines.files import replaced

FILE = "loop.json"
"""In the data folder."""
MISSED = 3
"""Intervals without a beat that a slow turn may take."""
LEAST_SILENCE_S = 30.0
"""A shorter silence says nothing, however short the interval."""
THINKING, THINKING_S = "llm", 150.0
"""A language model may think for two minutes of a turn by its own budget, and nothing is said meanwhile."""

Life = Literal["running", "ended", "silent"]


class Presence(Frozen):
    """What a loop says of itself."""

    pipeline: Name
    process: PositiveCount
    """Its number on that host."""
    host: str
    started: NonNegative
    """Unix time, in seconds."""
    beat: NonNegative
    """Unix time of this word."""
    clock_s: NonNegative
    """What the loop's clock showed at the beat."""
    real_time: bool
    """Whether the loop's clock runs with the wall's."""
    interval_s: Positive
    """Seconds of the loop's clock between decisions."""
    limit: Mode
    """The most it may do by itself."""
    mode: Mode
    """What it may do by itself now."""
    mode_reason: str = ""
    """Why not more."""
    paused_by: str = ""
    """Who paused it; empty where nobody did."""
    planner: Name
    ended: NonNegative | None = None
    """Unix time at which it was taken down; None where it runs, or was killed."""
    problem: str = ""
    """Why its last turn failed, in one line."""


def silent_s(presence: Presence, now: float) -> float:
    """Return the seconds since the last beat; *now* is Unix time."""
    return max(0.0, now - presence.beat)


def life_of(presence: Presence, now: float) -> Life:
    """Say whether a loop runs, has ended, or was last heard of too long ago; *now* is Unix time."""
    if presence.ended is not None:
        return "ended"
    least_s = THINKING_S if presence.planner == THINKING else LEAST_SILENCE_S
    patience_s = max(MISSED * presence.interval_s, least_s)
    return "silent" if silent_s(presence, now) > patience_s else "running"


def read_presence(folder: Path) -> Presence | None:
    """Return what the loop of a data folder last said; None where it never said anything.

    Raises:
        StoreError: the file cannot be read or is damaged.
    """
    path = folder / FILE
    try:
        return Presence.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror}; make it readable") from error
    except ValidationError as error:
        raise StoreError(f"{path}: is damaged; remove it: the loop writes it anew") from error


def write_presence(folder: Path, presence: Presence) -> None:
    """Replace what the loop of a data folder last said: a reader sees the old word or the new one.

    Raises:
        StoreError: the file cannot be written.
    """
    path = folder / FILE
    try:
        replaced(path, presence.model_dump_json(), sync="none")
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror or error}") from error
