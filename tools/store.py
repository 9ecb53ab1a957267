"""The decision store: SQLite in WAL mode, append-only, durable before anything is acknowledged.

An *intent* with its certificate is committed before a change is made, a *decision* after. Rows are never
changed or deleted (triggers refuse it), so an intent without a decision is what a crash leaves behind.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from core.decision import Certificate, Decision
from core.errors import StoreError, UsageError
from core.pipeline import Pipeline
from core.values import Frozen

SCHEMA = """
CREATE TABLE IF NOT EXISTS intents (
    decision TEXT PRIMARY KEY, pipeline TEXT NOT NULL, time_s REAL NOT NULL, body TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS decisions (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, pipeline TEXT NOT NULL, time_s REAL NOT NULL,
    outcome TEXT NOT NULL, body TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS pipelines (digest TEXT PRIMARY KEY, name TEXT NOT NULL, body TEXT NOT NULL);
CREATE TRIGGER IF NOT EXISTS intents_stay BEFORE UPDATE ON intents
    BEGIN SELECT RAISE(ABORT, 'the store is append-only'); END;
CREATE TRIGGER IF NOT EXISTS intents_last BEFORE DELETE ON intents
    BEGIN SELECT RAISE(ABORT, 'the store is append-only'); END;
CREATE TRIGGER IF NOT EXISTS decisions_stay BEFORE UPDATE ON decisions
    BEGIN SELECT RAISE(ABORT, 'the store is append-only'); END;
CREATE TRIGGER IF NOT EXISTS decisions_last BEFORE DELETE ON decisions
    BEGIN SELECT RAISE(ABORT, 'the store is append-only'); END;
CREATE TRIGGER IF NOT EXISTS pipelines_stay BEFORE UPDATE ON pipelines
    BEGIN SELECT RAISE(ABORT, 'the store is append-only'); END;
CREATE TRIGGER IF NOT EXISTS pipelines_last BEFORE DELETE ON pipelines
    BEGIN SELECT RAISE(ABORT, 'the store is append-only'); END;
"""
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

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open the store; make it where there is none, unless it is only to be read.

        Raises:
            UsageError: it is only to be read and does not exist.
            StoreError: the file cannot be opened or is no store.
        """
        self.path = path
        if read_only and not path.is_file():
            raise UsageError(f"there is no decision store at {path}; `trimtab run` makes one")
        with self._reporting():
            self._db = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}",
                uri=True,
                timeout=BUSY_S,
                isolation_level=None,
                check_same_thread=False,
            )
            try:
                self._prepare(read_only=read_only)
            except sqlite3.DatabaseError:
                self._db.close()
                raise

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
        with self._reporting():
            self._db.execute(
                "INSERT OR IGNORE INTO decisions (id, pipeline, time_s, outcome, body)"
                " VALUES (?, ?, ?, ?, ?)",
                (
                    decision.id,
                    decision.pipeline,
                    decision.time_s,
                    decision.outcome,
                    decision.model_dump_json(),
                ),
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
            row = self._db.execute("SELECT body FROM decisions WHERE id = ?", (name,)).fetchone()
        if row is None:
            raise UsageError(f"there is no decision {name!r} in {self.path}; `trimtab decisions` lists them")
        return Decision.model_validate_json(row[0])

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
        pipeline = self.decision(name).pipeline
        with self._reporting():
            (seq,) = self._db.execute("SELECT seq FROM decisions WHERE id = ?", (name,)).fetchone()
            rows = self._db.execute(
                f"SELECT body FROM decisions WHERE pipeline = ? AND {where} LIMIT ?", (pipeline, seq, count)
            ).fetchall()
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

    def _prepare(self, *, read_only: bool) -> None:
        if read_only:
            self._db.execute("SELECT count(*) FROM decisions")
            return
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(SCHEMA)

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise StoreError(f"{self.path}: the decision store cannot be used: {cause(error)}") from error
        except ValidationError as error:
            raise StoreError(
                f"{self.path}: holds a decision that cannot be read ({error.errors()[0]['msg']}); "
                "it was written by another version: move the file away to start anew"
            ) from error


def cause(error: sqlite3.Error) -> str:
    """Return what is wrong and what would mend it."""
    text = str(error)
    for sign, fix in FIXES.items():
        if sign in text:
            return f"{text}; {fix}"
    return text
