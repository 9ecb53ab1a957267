"""The decision store: SQLite in WAL mode, append-only, durable before anything is acknowledged.

An *intent* with its certificate is committed before a change is made, a *decision* after. Rows are never
changed or deleted (triggers refuse it), so an intent without a decision is what a crash leaves behind.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from core.decision import Certificate, Decision
from core.errors import StoreError, UsageError
from core.pipeline import Pipeline
from core.values import Frozen
from tools.pointrows import keep_points

SCHEMA = """
CREATE TABLE IF NOT EXISTS intents (
    decision TEXT PRIMARY KEY, pipeline TEXT NOT NULL, time_s REAL NOT NULL, body TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS decisions (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, pipeline TEXT NOT NULL, time_s REAL NOT NULL,
    outcome TEXT NOT NULL, body TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS pipelines (digest TEXT PRIMARY KEY, name TEXT NOT NULL, body TEXT NOT NULL);
""" + "".join(
    f"CREATE TRIGGER IF NOT EXISTS {table}_{name} BEFORE {what} ON {table}"
    " BEGIN SELECT RAISE(ABORT, 'the store is append-only'); END;"
    for table in ("intents", "decisions", "pipelines")
    for name, what in (("stay", "UPDATE"), ("last", "DELETE"))
)
FIXES = {
    "not a database": "move the file away to start anew",
    "malformed": "the file is damaged: move it away to start anew",
    "readonly": "make the folder writable or give another --data",
    "unable to open": "make the folder readable and writable or give another --data",
    "disk is full": "free some space",
    "disk I/O error": "check the disk and its free space",
    "locked": "another process holds it: try again",
    "no such table": "this is no decision store",
}
"""What SQLite says, and what to do about it."""
BUSY_S = 5.0
"""How long a writer waits for another."""
MOST_SEQ = 2**63 - 1
"""SQLite numbers no row beyond."""


class Intent(Frozen):
    """A change about to be made."""

    decision: str
    pipeline: str
    time_s: float
    certificate: Certificate


class DecisionStore:
    """The decisions of all pipelines in one file.

    Raises:
        StoreError: the file cannot be opened, read or written, or is no store.
    """

    def __init__(self, path: Path, *, read_only: bool = False, busy_s: float = BUSY_S) -> None:
        """Open the store; make it where there is none, unless it is only to be read.

        Args:
            path: The file.
            read_only: Leave it as it is.
            busy_s: How long to wait for another process, in seconds.

        Raises:
            UsageError: it is only to be read and does not exist.
            StoreError: the file cannot be opened or is no store.
        """
        self.path = path
        with self._reporting():
            self._db = connected(path, read_only=read_only, busy_s=busy_s)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def intend(self, intent: Intent) -> None:
        """Record what is about to be applied; durable when this returns. Repeating it is harmless."""
        with self._reporting():
            self._db.execute(
                "INSERT OR IGNORE INTO intents VALUES (?, ?, ?, ?)",
                (intent.decision, intent.pipeline, intent.time_s, intent.model_dump_json()),
            )

    def record(self, decision: Decision) -> None:
        """Record a complete decision; durable when this returns. Repeating it is harmless."""
        head = (decision.id, decision.pipeline, decision.time_s, decision.outcome)
        with self._reporting():
            self._db.execute(
                "INSERT OR IGNORE INTO decisions (id, pipeline, time_s, outcome, body)"
                " VALUES (?, ?, ?, ?, ?)",
                (*head, decision.model_dump_json()),
            )

    def intent(self, decision: str) -> Intent | None:
        """Return the intent of that decision; None where it never meant to change anything."""
        with self._reporting():
            row = self._db.execute("SELECT body FROM intents WHERE decision = ?", (decision,)).fetchone()
            return None if row is None else Intent.model_validate_json(row[0])

    def has(self, decision: str) -> bool:
        """Say whether that decision is recorded."""
        with self._reporting():
            found = self._db.execute("SELECT 1 FROM decisions WHERE id = ?", (decision,)).fetchone()
        return found is not None

    def open_intents(self) -> tuple[Intent, ...]:
        """Return the intents without a decision: what a crash left unfinished."""
        query = (
            "SELECT body FROM intents WHERE decision NOT IN (SELECT id FROM decisions)"
            " ORDER BY time_s, decision"
        )
        with self._reporting():
            return tuple(Intent.model_validate_json(body) for (body,) in self._db.execute(query))

    def latest(self, count: int) -> tuple[Decision, ...]:
        """Return the last *count* decisions, newest first."""
        query = "SELECT body FROM decisions ORDER BY seq DESC LIMIT ?"
        with self._reporting():
            return tuple(Decision.model_validate_json(body) for (body,) in self._db.execute(query, (count,)))

    def of_pipeline(self, name: str) -> Iterator[Decision]:
        """Yield all decisions of a pipeline, oldest first, reading as it goes."""
        query = "SELECT body FROM decisions WHERE pipeline = ? ORDER BY seq"
        with self._reporting():
            for (body,) in self._db.execute(query, (name,)):
                yield Decision.model_validate_json(body)

    def decision(self, name: str) -> Decision:
        """Return the decision with that id.

        Raises:
            UsageError: there is none.
        """
        with self._reporting():
            return Decision.model_validate_json(self._of(name, "body"))

    def seq(self, name: str) -> int:
        """Return where the decision with that id stands in the store.

        Raises:
            UsageError: there is none.
        """
        with self._reporting():
            return int(self._of(name, "seq"))

    def _of(self, name: str, column: str) -> Any:  # noqa: ANN401 - whatever the column holds
        row = self._db.execute(f"SELECT {column} FROM decisions WHERE id = ?", (name,)).fetchone()
        if row is None:
            raise UsageError(f"there is no decision {name!r} in {self.path}; `trimtab decisions` lists them")
        return row[0]

    def keep_pipeline(self, pipeline: Pipeline) -> None:
        """Keep the pipeline that decisions are made for; durable when this returns."""
        with self._reporting():
            self._db.execute(
                "INSERT OR IGNORE INTO pipelines VALUES (?, ?, ?)",
                (pipeline.digest, pipeline.name, pipeline.model_dump_json()),
            )

    def pipeline(self, digest: str) -> Pipeline:
        """Return the pipeline with that digest.

        Raises:
            UsageError: it was never kept.
        """
        with self._reporting():
            row = self._db.execute("SELECT body FROM pipelines WHERE digest = ?", (digest,)).fetchone()
            if row is None:
                raise UsageError(f"{self.path} does not have pipeline {digest[:12]!r}")
            return Pipeline.model_validate_json(row[0])

    def page(self, pipeline: str, before_seq: int | None, count: int) -> tuple[Decision, ...]:
        """Return the last *count* decisions of a pipeline, newest first.

        Args:
            pipeline: Its name.
            before_seq: Only of those before this place (`seq`); None for the very last.
            count: How many at most.
        """
        query = "SELECT body FROM decisions WHERE pipeline = ? AND seq < ? ORDER BY seq DESC LIMIT ?"
        edge = MOST_SEQ if before_seq is None else before_seq
        with self._reporting():
            rows = self._db.execute(query, (pipeline, edge, count)).fetchall()
            return tuple(Decision.model_validate_json(body) for (body,) in rows)

    def before(self, name: str, count: int) -> tuple[Decision, ...]:
        """Return the last *count* decisions of the same pipeline before the one called *name*, oldest first.

        Raises:
            UsageError: there is no such decision.
        """
        return self._beside(name, "seq < ? ORDER BY seq DESC", count)[::-1]

    def after(self, name: str, count: int) -> tuple[Decision, ...]:
        """Return the first *count* decisions of the same pipeline after the one called *name*, oldest first.

        Raises:
            UsageError: there is no such decision.
        """
        return self._beside(name, "seq > ? ORDER BY seq", count)

    def _beside(self, name: str, where: str, count: int) -> tuple[Decision, ...]:
        """Return at most *count* decisions of the same pipeline, by where they stand to that one."""
        with self._reporting():
            place = (self._of(name, "pipeline"), self._of(name, "seq"), count)
            query = f"SELECT body FROM decisions WHERE pipeline = ? AND {where} LIMIT ?"
            rows = self._db.execute(query, place).fetchall()
            return tuple(Decision.model_validate_json(body) for (body,) in rows)

    def count(self) -> int:
        """Return how many decisions there are."""
        with self._reporting():
            return int(self._db.execute("SELECT count(*) FROM decisions").fetchone()[0])

    def check(self) -> None:
        """Read the whole file.

        Raises:
            StoreError: some of it is damaged.
        """
        with self._reporting():
            found = str(self._db.execute("PRAGMA quick_check(1)").fetchone()[0])
            if found != "ok":
                raise sqlite3.DatabaseError(f"malformed: {' '.join(found.split())}")

    def _reporting(self) -> AbstractContextManager[None]:
        return reporting(self.path)


def connected(path: Path, *, read_only: bool, busy_s: float) -> sqlite3.Connection:
    """Return a connection to a store, with all its tables unless it is only to be read.

    Raises:
        UsageError: it is only to be read and does not exist.
        sqlite3.DatabaseError: the file cannot be opened or is no store.
    """
    if read_only and not path.is_file():
        raise UsageError(f"there is no decision store at {path}; `trimtab run` makes one")
    db = sqlite3.connect(
        f"{path.absolute().as_uri()}?{access(path, read_only=read_only)}",
        uri=True,
        timeout=busy_s,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        _prepare(db, read_only=read_only)
    except sqlite3.DatabaseError:
        db.close()
        raise
    return db


def access(path: Path, *, read_only: bool) -> str:
    """Return how to open a file in WAL mode.

    SQLite makes a log even to read. Where the folder takes none nobody writes, and the file is read alone.
    """
    if not read_only:
        return "mode=rwc"
    logged = path.with_name(f"{path.name}-wal").exists()
    return "mode=ro" if logged or os.access(path.parent, os.W_OK) else "mode=ro&immutable=1"


def _prepare(db: sqlite3.Connection, *, read_only: bool) -> None:
    if read_only:
        db.execute("SELECT 1 FROM decisions LIMIT 1")
        return
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.executescript(SCHEMA)
    keep_points(db)


@contextmanager
def reporting(path: Path) -> Iterator[None]:
    """Report what goes wrong with the store at *path* as `StoreError`."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{path}: the decision store cannot be used: {cause(error)}") from error
    except ValidationError as error:
        raise StoreError(
            f"{path}: holds a decision that cannot be read ({error.errors()[0]['msg']}); "
            "it was written by another version: move the file away to start anew"
        ) from error


def cause(error: sqlite3.Error) -> str:
    """Return what is wrong and what would mend it."""
    text = str(error)
    for sign, fix in FIXES.items():
        if sign in text:
            return f"{text}; {fix}"
    return text
