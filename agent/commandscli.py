"""What `trimtab pause`, `resume`, `mode` and `commands` do: command a running loop, and see what came of it.

Whoever may write to the data folder owns the loop, so the command line acts as the user with every right; the
console knows better who somebody is. `trimtab calendar` edits the calendar itself: it also works before the
first run, and its errors are told at once.
"""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Literal

from agent.answers import Answer
from agent.approvals import LISTED, os_user, printable
from agent.desk import Desk, Person
from agent.folder import REQUESTS
from core.decision import Mode
from tools.commands import Command, Commanded, Commands


def commanded(data: Path, what: Literal["pause", "resume"]) -> None:
    """Pause the loop or let it act again, and say in whose name.

    Raises:
        UsageError: no loop has used the folder.
        StoreError: the file cannot be used.
    """
    desk = _desk(data)
    _print(desk.pause() if what == "pause" else desk.resume())


def mode_set(data: Path, mode: Mode) -> None:
    """Set how far the loop may go, and say in whose name.

    Raises:
        UsageError: no loop has used the folder.
        StoreError: the file cannot be used.
    """
    _print(_desk(data).mode(mode))


def listed(data: Path, *, everything: bool, as_json: bool) -> None:
    """Print the last commands and what came of them, oldest first; with *everything* all of them.

    Raises:
        UsageError: no loop has used the folder.
        StoreError: the file cannot be used.
    """
    with closing(Commands(data / REQUESTS, must_exist=True)) as commands:
        found = commands.latest(None if everything else LISTED)[::-1]
    for given in found:
        print(json.dumps(answer_of(given), allow_nan=False) if as_json else text_of(given))  # noqa: T201 - the output
    if not found and not as_json:
        print("nothing was commanded")  # noqa: T201 - the output


def text_of(given: Commanded) -> str:
    """Return a command for a person to read; what others wrote keeps to its line and steers no terminal."""
    command, outcome = given.command, given.outcome
    what = "unreadable" if command is None else f"{_words(command)}  by {command.who} ({command.role})"
    if outcome is None:
        state = "the loop has not looked yet"
    else:
        state = outcome.note if outcome.ok else f"not followed: {outcome.note}"
    return printable(f"{given.seq}  {what}  {state}")


def answer_of(given: Commanded) -> Answer:
    """Return the JSON object of a command."""
    command, outcome = given.command, given.outcome
    return {
        "number": given.seq,
        "kind": None if command is None else command.kind,
        "body": None if command is None else command.body,
        "who": None if command is None else command.who,
        "role": None if command is None else command.role,
        "at": None if command is None else command.at,
        "problem": given.problem,
        "outcome": None if outcome is None else outcome.model_dump(mode="json"),
    }


def _words(command: Command) -> str:
    """Return what is commanded, without the figures of an event."""
    body = command.event.id if command.kind == "announce" else command.body
    return f"{command.kind} {body}".rstrip()


def _desk(data: Path) -> Desk:
    return Desk(data, Person(os_user(), "admin"))


def _print(command: Command) -> None:
    print(  # noqa: T201 - the output
        f"{_words(command)} as {command.who}; the loop follows in its next turn: `trimtab commands` tells"
    )
