"""What people want of the loop, in order, and what the loop made of it; in the file of the requests.

Whoever writes here has passed a check of their role; the loop checks the recorded role once more. Commands
are never changed: what holds now is what they amount to, oldest first, so a restart changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Any, Literal, Self, cast

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from core.autonomy import LADDER
from core.calendar import Event
from core.complaints import complaint
from core.decision import Mode
from core.errors import UsageError
from core.roles import Role
from core.values import Count, Frozen, Name, NonNegative
from tools.people import PeopleFile

TABLES = ("commands", "outcomes")
SCHEMA = """
CREATE TABLE IF NOT EXISTS commands (seq INTEGER PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS outcomes (
    command INTEGER PRIMARY KEY, ok INTEGER NOT NULL, note TEXT NOT NULL, at REAL NOT NULL
)"""
ROWS = (
    "SELECT c.seq, CAST(c.body AS BLOB), o.ok, o.note, o.at"
    " FROM commands c LEFT JOIN outcomes o ON o.command = c.seq"
)
ALL = -1
"""SQLite's word for no limit."""
MOST_UNIX_S = 253_402_300_799
"""The end of the year 9999: later has no date to be shown as."""

CommandKind = Literal["pause", "resume", "mode", "announce", "withdraw"]
_NAME: TypeAdapter[str] = TypeAdapter(Name)


class Command(Frozen):
    """What a person wants of the loop."""

    seq: Count
    kind: CommandKind
    body: str = ""
    """`mode`: which; `announce`: an `Event` as JSON; `withdraw`: the id of an event; else empty."""
    who: Name
    role: Role = "admin"
    """With what right; what was written before there were roles came from the folder's owner."""
    at: Annotated[NonNegative, Field(le=MOST_UNIX_S)]
    """Unix time, in seconds."""

    @property
    def mode(self) -> Mode:
        """The mode that is wanted; of kind `mode` only."""
        return cast("Mode", self.body)

    @cached_property
    def event(self) -> Event:
        """What is announced, in the name of who commanded it; of kind `announce` only."""
        return Event.model_validate_json(self.body).model_copy(update={"author": self.who})

    @model_validator(mode="after")
    def _meaningful(self) -> Self:
        wrong = _wrong(self.kind, self.body)
        if wrong:
            raise ValueError(wrong)
        return self


class Outcome(Frozen):
    """What the loop made of a command."""

    ok: bool
    note: str
    """In one line."""
    at: NonNegative
    """Unix time, in seconds."""


class Commanded(Frozen):
    """A command with what became of it."""

    seq: Count
    command: Command | None
    """None where it cannot be read."""
    problem: str = ""
    """Why it cannot be read."""
    outcome: Outcome | None = None
    """None while the loop has not looked at it."""


class Commands(PeopleFile):
    """The commands to the loop of one data folder.

    Raises:
        StoreError: the file cannot be opened, read or written, or holds something else.
    """

    schema, tables = SCHEMA, TABLES
    missing = "no loop has used this folder: {path} is missing; `trimtab run` makes it"

    def put(self, kind: CommandKind, body: str = "", *, who: str, role: Role, at: float) -> Command:
        """Leave a command for the loop; durable when this returns.

        Raises:
            UsageError: the kind is unknown, the body means nothing to it, or the name cannot be kept.
        """
        with self._writing():
            seq = 1 + self._db.execute("SELECT coalesce(max(seq), 0) FROM commands").fetchone()[0]
            try:
                command = Command(seq=seq, kind=kind, body=body, who=who, role=role, at=at)
            except ValidationError as error:
                raise UsageError(complaint(error, Command)) from error
            self._db.execute("INSERT INTO commands VALUES (?, ?)", (seq, command.model_dump_json()))
        return command

    def after(self, seq: int) -> tuple[Commanded, ...]:
        """Return the commands after the one numbered *seq*, oldest first."""
        with self._reporting():
            rows = self._db.execute(f"{ROWS} WHERE c.seq > ? ORDER BY c.seq", (seq,)).fetchall()
            return tuple(_commanded(row) for row in rows)

    def latest(self, count: int | None) -> tuple[Commanded, ...]:
        """Return the last *count* commands with their outcomes, newest first; None for all."""
        limit = ALL if count is None else count
        with self._reporting():
            rows = self._db.execute(f"{ROWS} ORDER BY c.seq DESC LIMIT ?", (limit,)).fetchall()
            return tuple(_commanded(row) for row in rows)

    def settle(self, seq: int, outcome: Outcome) -> None:
        """Say what came of a command; durable when this returns. The first outcome stays."""
        with self._reporting():
            self._db.execute(
                "INSERT OR IGNORE INTO outcomes VALUES (?, ?, ?, ?)",
                (seq, outcome.ok, outcome.note, outcome.at),
            )


def _commanded(row: Sequence[Any]) -> Commanded:
    """Return a row as what it says; one that cannot be read says why."""
    seq, body, ok, note, at = row
    outcome = None if ok is None else Outcome(ok=bool(ok), note=note, at=at)
    try:
        return Commanded(seq=seq, command=Command.model_validate_json(body), outcome=outcome)
    except ValidationError as error:
        return Commanded(seq=seq, command=None, problem=complaint(error, Command), outcome=outcome)


def _wrong(kind: CommandKind, body: str) -> str:
    """Return why a body means nothing to its kind; empty where it does."""
    if kind == "mode":
        return "" if body in LADDER else f"there is no mode {body!r}; known: {', '.join(LADDER)}"
    if kind in ("pause", "resume"):
        return f"{kind!r} takes no more words" if body else ""
    try:
        Event.model_validate_json(body) if kind == "announce" else _NAME.validate_python(body)
    except ValidationError as error:
        what = "the event cannot be read" if kind == "announce" else "that is no id of an event"
        return f"{what}: {complaint(error, Event)}"
    return ""
