"""What was asked and answered on the console: a file of its own, each user and pipeline by itself.

It is a convenience and no record: what a decision was and why is in the store, and a user may forget their
part of it. The file is opened for each use, as every page runs in a thread of its own.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from agent.explain.conversation import MOST_EXCHANGES, Conversation
from agent.explain.reply import Reply
from core.errors import StoreError
from core.tooluse import ToolUse
from tools.store import cause

FILE = "console.sqlite"
MOST_KEPT = 200
"""Answers that are kept for a user and a pipeline; the oldest go."""
BUSY_S = 1.0
"""How long a page waits for another one that writes."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    seq INTEGER PRIMARY KEY, user TEXT NOT NULL, pipeline TEXT NOT NULL, at REAL NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS answers_of ON answers (user, pipeline, seq);
"""


@dataclass(frozen=True, slots=True)
class Answered:
    """A question with its answer, and how it came about."""

    reply: Reply
    uses: tuple[ToolUse, ...] = ()
    """The tools that a model used, in order."""
    named: tuple[str, ...] = ()
    """The decisions that the answer speaks of, the one asked about first."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One that was kept."""

    answered: Answered
    at: float
    """Unix time, in seconds."""


_ANSWERED = TypeAdapter(Answered)


class Conversations:
    """The conversations of all users about all pipelines.

    Raises:
        StoreError: the file cannot be read or written.
    """

    def __init__(self, folder: Path, *, most: int = MOST_KEPT, unix: Callable[[], float] = time.time) -> None:
        """Keep them in *folder*, *most* for a user and a pipeline; the file is made with the first answer."""
        self.path = folder / FILE
        self._most = most
        self._unix = unix

    def keep(self, user: str, pipeline: str, answered: Answered) -> None:
        """Keep an answer; the oldest of this user and pipeline goes where there are too many.

        Args:
            user: Who asked.
            pipeline: The key of the pipeline.
            answered: What was asked and answered.
        """
        body = _ANSWERED.dump_json(answered).decode()
        with self._opened(write=True) as db:
            db.execute("BEGIN IMMEDIATE")
            db.execute(
                "INSERT INTO answers (user, pipeline, at, body) VALUES (?, ?, ?, ?)",
                (user, pipeline, self._unix(), body),
            )
            db.execute(
                "DELETE FROM answers WHERE user = ? AND pipeline = ? AND seq NOT IN (SELECT seq FROM answers"
                " WHERE user = ? AND pipeline = ? ORDER BY seq DESC LIMIT ?)",
                (user, pipeline, user, pipeline, self._most),
            )
            db.execute("COMMIT")

    def history(self, user: str, pipeline: str, count: int = MOST_KEPT) -> tuple[Kept, ...]:
        """Return the last *count* answers to a user about a pipeline, oldest first."""
        if not self.path.is_file():
            return ()
        query = "SELECT body, at FROM answers WHERE user = ? AND pipeline = ? ORDER BY seq DESC LIMIT ?"
        with self._opened(write=False) as db:
            rows = db.execute(query, (user, pipeline, count)).fetchall()
            return tuple(Kept(_ANSWERED.validate_json(body), at) for body, at in reversed(rows))

    def conversation(self, user: str, pipeline: str) -> Conversation:
        """Return the last exchanges: what a model is told of them with the next question."""
        found = Conversation()
        for kept in self.history(user, pipeline, MOST_EXCHANGES):
            found = found.followed(kept.answered.reply)
        return found

    def forget(self, user: str, pipeline: str) -> None:
        """Delete everything that this user was answered about this pipeline."""
        if not self.path.is_file():
            return
        with self._opened(write=True) as db:
            db.execute("DELETE FROM answers WHERE user = ? AND pipeline = ?", (user, pipeline))

    @contextmanager
    def _opened(self, *, write: bool) -> Iterator[sqlite3.Connection]:
        """Yield the open file; it is made, with its folder, only to write."""
        try:
            if write:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            address = f"{self.path.absolute().as_uri()}?mode={'rwc' if write else 'ro'}"
            with closing(sqlite3.connect(address, uri=True, timeout=BUSY_S, isolation_level=None)) as db:
                if write:
                    db.execute("PRAGMA journal_mode=WAL")
                    db.execute("PRAGMA secure_delete=ON")  # what is forgotten is not left in the file
                    db.executescript(SCHEMA)
                yield db
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: conversations cannot be kept or read: {_fix(error)}") from error
        except OSError as error:
            raise StoreError(
                f"{self.path}: conversations cannot be kept: {error.strerror}; give another --home"
            ) from error
        except ValidationError as error:
            raise StoreError(
                f"{self.path}: holds an answer that cannot be read ({error.errors()[0]['msg']}); "
                "it was written by another version: forget the conversation to start anew"
            ) from error


def _fix(error: sqlite3.Error) -> str:
    return cause(error).replace("--data", "--home").replace("decision store", "file of conversations")
