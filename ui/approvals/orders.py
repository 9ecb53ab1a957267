"""What people had a loop do and what it made of it, and how the loop stands: in words."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import tzinfo

from agent.folder import REQUESTS
from core.autonomy import LADDER
from core.calendar import Event
from core.decision import Mode
from tools.commands import Command, Commanded, Commands
from tools.presence import Life, Presence, silent_s
from ui.places import BUSY_S, Place
from ui.show import age
from ui.when import wall

LISTED = 50
"""Commands read, newest first."""
MODES: dict[Mode, str] = {
    "observe": "it recommends and changes nothing",
    "approve": "a person decides each change",
    "auto": "it changes by itself what the check accepts",
}


def orders_of(place: Place) -> tuple[Commanded, ...]:
    """Return the last commands to a loop, newest first; none where it has never opened the file.

    Raises:
        StoreError: the file cannot be read.
    """
    path = place.folder / REQUESTS
    if not path.is_file():
        return ()
    with closing(Commands(path, read_only=True, busy_s=BUSY_S)) as commands:
        return commands.latest(LISTED)


def order_row(one: Commanded, zone: tzinfo, now: float) -> dict[str, str]:
    """Return a command as a row: what, by whom, when, and what the loop made of it."""
    command = one.command
    return {
        "what": "unreadable" if command is None else what(command),
        "by": "–" if command is None else f"{command.who} ({command.role})",
        "when": "–" if command is None else wall(command.at, zone),
        "what became of it": became(one, now),
    }


def what(command: Command) -> str:
    """Return what a command wants, in a few words."""
    match command.kind:
        case "mode":
            return f"mode {command.body}"
        case "announce":
            return f"announce {command.event.id}"
        case "withdraw":
            return f"withdraw {command.body}"
        case _:
            return command.kind


def became(one: Commanded, now: float) -> str:
    """Return what the loop made of a command; it looks at the start of each turn."""
    if one.outcome is None:
        return "waiting for the loop"
    if not one.outcome.ok:
        return f"refused: {one.outcome.note}"
    note = f": {one.outcome.note}" if one.outcome.note else ""
    return f"done {age(now - one.outcome.at)} ago{note}"


def announced(orders: Sequence[Commanded]) -> tuple[Event, ...]:
    """Return the events the loop has not looked at yet, oldest first."""
    return tuple(c.event for c in reversed(_open(orders)) if c.kind == "announce")


def withdrawn(orders: Sequence[Commanded]) -> frozenset[str]:
    """Return the ids of the events that the loop is yet to take back."""
    return frozenset(c.body for c in _open(orders) if c.kind == "withdraw")


def paused_by(presence: Presence | None, orders: Sequence[Commanded]) -> str:
    """Return who paused the loop last, also where it has not looked yet; empty where it is to act."""
    for one in orders:
        command = one.command
        if command is not None and command.kind in ("pause", "resume") and _counts(one):
            return command.who if command.kind == "pause" else ""
    return "" if presence is None else presence.paused_by


def stands(presence: Presence, life: Life, now: float, zone: tzinfo) -> str:
    """Return whether a loop lives, in a sentence."""
    who = f"{presence.planner} planner, process {presence.process} on {presence.host}"
    match life:
        case "running":
            return f"It runs: last turn {age(silent_s(presence, now))} ago ({who})."
        case "ended":
            return f"Its run ended at {wall(presence.ended or presence.beat, zone)} ({who})."
        case "silent":
            return (
                f"No sign of life for {age(silent_s(presence, now))}, since {wall(presence.beat, zone)} "
                f"({who}): nothing is decided any more."
            )


def above(mode: Mode, limit: Mode) -> bool:
    """Say whether a mode goes further than a loop was started to go."""
    return LADDER.index(mode) > LADDER.index(limit)


def _open(orders: Sequence[Commanded]) -> list[Command]:
    return [one.command for one in orders if one.command is not None and one.outcome is None]


def _counts(one: Commanded) -> bool:
    return one.outcome is None or one.outcome.ok
