"""The flight recorder: every prompt, answer, tool call and error of a planner's model, with what it cost.

    recorder = FlightRecorder(folder / "flight.sqlite", time.time, secrets=[key])
    recorder.record("video-000012", "prompt", {"messages": [...]}, model="m", spend=Spend(calls=1))

A file of its own, apart from the decisions, so that it can be pruned or removed without losing one: what goes
with it is the prompts and the spend of the day. An entry outlives the process when `record` returns (a power
cut may take the last ones: a turn does not wait for the disk here). Secrets are taken out before
(`tools.redaction`), and what is longer than `MOST_BODY` is shortened and says so. Rows are never
changed, and deleted only by `prune`, whole days at a time.

What a prompt states as its spend is reserved: it counts until the answer or the error is recorded, which
then counts in its place. So a call in flight when the process is killed is not forgotten.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from core.errors import StoreError, UsageError
from core.spend import Spend
from core.values import Count, Frozen, Name, NonNegative, PositiveCount
from tools.redaction import Redactor
from tools.store import BUSY_S, cause

Kind = Literal["prompt", "response", "tool call", "tool result", "error"]
SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    seq INTEGER PRIMARY KEY, unix_s REAL NOT NULL, decision TEXT NOT NULL, kind TEXT NOT NULL, model TEXT,
    calls INTEGER NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
    seconds REAL NOT NULL, usd REAL, left_out INTEGER NOT NULL, body TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS pruned (one INTEGER PRIMARY KEY CHECK (one = 1), before_s REAL NOT NULL);
INSERT OR IGNORE INTO pruned VALUES (1, 0.0);
CREATE INDEX IF NOT EXISTS entries_decision ON entries (decision, seq);
CREATE INDEX IF NOT EXISTS entries_time ON entries (unix_s);
CREATE TRIGGER IF NOT EXISTS entries_stay BEFORE UPDATE ON entries
    BEGIN SELECT RAISE(ABORT, 'the flight recorder is append-only'); END;
CREATE TRIGGER IF NOT EXISTS entries_last BEFORE DELETE ON entries
    WHEN OLD.unix_s >= (SELECT before_s FROM pruned)
    BEGIN SELECT RAISE(ABORT, 'the flight recorder is append-only; only whole days are pruned'); END;
CREATE TRIGGER IF NOT EXISTS pruned_grows BEFORE UPDATE ON pruned WHEN NEW.before_s < OLD.before_s
    BEGIN SELECT RAISE(ABORT, 'what was pruned stays pruned'); END;
CREATE TRIGGER IF NOT EXISTS pruned_last BEFORE DELETE ON pruned
    BEGIN SELECT RAISE(ABORT, 'what was pruned stays pruned'); END;
"""
COLUMNS = (
    "seq, unix_s, decision, kind, model, calls, input_tokens, output_tokens, seconds, usd, left_out, body"
)
SPENT = """
SELECT calls, input_tokens, output_tokens, seconds, usd FROM entries
    WHERE unix_s >= :since AND kind != 'prompt'
UNION ALL
SELECT calls, input_tokens, output_tokens, seconds, usd FROM (
    SELECT *, LEAD(kind) OVER (PARTITION BY decision ORDER BY seq) AS next FROM entries
    WHERE unix_s >= :since AND kind IN ('prompt', 'response', 'error')
) WHERE kind = 'prompt' AND (next IS NULL OR next = 'prompt')
"""
"""What answers and errors cost, and what prompts without either have reserved."""
MOST_BODY = 200_000
"""Characters of an entry: six times a prompt of 8000 tokens."""
LEAST_TEXT = 100
"""No text in a body is cut shorter while shortening texts alone can do."""
DAY_S = 86_400.0


class Entry(Frozen):
    """One thing that was said or done."""

    seq: Count
    unix_s: NonNegative
    """When, in seconds since 1970."""
    decision: Name
    kind: Kind
    model: str | None = None
    spend: Spend = Spend()
    left_out: Count = 0
    """Characters that were too many to be kept; the body says where."""
    body: dict[str, Any]
    """As it was, but for secrets."""


class FlightRecorder:
    """The entries of all decisions in one file.

    Raises:
        StoreError: the file cannot be opened, read or written, or is no flight recorder. A turn that
            cannot be recorded must not go on.
    """

    def __init__(
        self,
        path: Path,
        clock: Callable[[], float],
        read_only: bool = False,
        *,
        secrets: Iterable[str] = (),
    ) -> None:
        """Open the recorder; make it where there is none, unless it is only to be read.

        Args:
            path: The file.
            clock: Seconds since 1970.
            read_only: Change nothing at all, not even SQLite's side files where there are none.
            secrets: Values that must never be recorded, whatever they look like.

        Raises:
            UsageError: it is only to be read and does not exist.
            StoreError: the file cannot be opened or is no flight recorder.
        """
        self.path = path
        self._clock = clock
        self._redactor = Redactor.of(secrets)
        if read_only and not path.is_file():
            raise UsageError(f"there is no flight recorder at {path}; a run with a language model makes one")
        with self._reporting():
            self._db = sqlite3.connect(
                f"{path.absolute().as_uri()}?{_access(path, read_only=read_only)}",
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

    def record(
        self,
        decision: str,
        kind: Kind,
        body: Mapping[str, Any],
        *,
        model: str | None = None,
        spend: Spend = Spend(),  # noqa: B008 - immutable
    ) -> Entry:
        """Record one thing; durable when this returns.

        Args:
            decision: The turn it belongs to.
            kind: What it is.
            body: JSON-plain.
            model: Who was asked.
            spend: What it cost; of a prompt, what to reserve until it is answered.

        Raises:
            TypeError: the body is not JSON-plain.
            StoreError: it cannot be written.
        """
        text, left_out = _bounded(_finite(self._redactor.redacted(body)))
        named = None if model is None else self._redactor.text(model)
        with self._reporting():
            row = self._db.execute(
                f"INSERT INTO entries ({COLUMNS}) VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                f" RETURNING {COLUMNS}",
                (
                    self._clock(),
                    decision,
                    kind,
                    named,
                    spend.calls,
                    spend.input_tokens,
                    spend.output_tokens,
                    spend.seconds,
                    spend.usd,
                    left_out,
                    text,
                ),
            ).fetchall()
            return _entry(row[0])

    def entries(self, decision: str) -> tuple[Entry, ...]:
        """Return what is recorded of that decision, in the order it happened."""
        query = f"SELECT {COLUMNS} FROM entries WHERE decision = ? ORDER BY seq"
        with self._reporting():
            return tuple(_entry(row) for row in self._db.execute(query, (decision,)))

    def spent(self, since_unix: float) -> Spend:
        """Return what was used since then, in seconds since 1970; money is unknown where any of it is."""
        total = Spend()
        with self._reporting():
            for calls, read, written, seconds, usd in self._db.execute(SPENT, {"since": since_unix}):
                used = Spend(calls=calls, input_tokens=read, output_tokens=written, seconds=seconds, usd=usd)
                total = total.plus(used)
        return total

    def failures(self) -> int:
        """Return how many of the newest decisions in a row ended their talk with the model in an error."""
        query = "SELECT decision, kind FROM entries WHERE kind IN ('response', 'error') ORDER BY seq DESC"
        failed: set[str] = set()
        with self._reporting():
            for decision, kind in self._db.execute(query):
                if decision in failed:
                    continue
                if kind != "error":
                    break
                failed.add(decision)
        return len(failed)

    def prune(self, days: PositiveCount) -> int:
        """Delete the days (UTC) that lie more than *days* days before today; return how many entries went.

        Today and yesterday always stay, so that what the last 24 hours cost is still known.
        """
        before_s = (math.floor(self._clock() / DAY_S) - max(1, days)) * DAY_S
        with self._reporting():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.execute("UPDATE pruned SET before_s = ? WHERE before_s < ?", (before_s, before_s))
                gone = self._db.execute("DELETE FROM entries WHERE unix_s < ?", (before_s,)).rowcount
                self._db.execute("COMMIT")
            except sqlite3.DatabaseError:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        return gone

    def _prepare(self, *, read_only: bool) -> None:
        if read_only:
            self._db.execute("SELECT count(*) FROM entries")
            return
        self._db.execute("PRAGMA auto_vacuum=FULL")
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")  # a killed process loses nothing, a power cut may
        self._db.execute("PRAGMA secure_delete=ON")
        self._db.executescript(SCHEMA)

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise StoreError(f"{self.path}: the flight recorder cannot be used: {_cause(error)}") from error
        except ValidationError as error:
            raise StoreError(
                f"{self.path}: holds an entry that cannot be read ({error.errors()[0]['msg']}); "
                "it was written by another version: move the file away to start anew"
            ) from error


def _access(path: Path, *, read_only: bool) -> str:
    """Return how to open the file. Nobody writes where there is no log beside it: then none is made."""
    if not read_only:
        return "mode=rwc"
    return "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "mode=ro&immutable=1"


def _cause(error: sqlite3.Error) -> str:
    if "no such table" in str(error):
        return f"{error}; this is no flight recorder: move the file away to start anew"
    return cause(error)


def _entry(row: tuple[Any, ...]) -> Entry:
    seq, unix_s, decision, kind, model, calls, read, written, seconds, usd, left_out, body = row
    try:
        content = json.loads(body)
    except ValueError as error:
        raise sqlite3.DatabaseError(f"malformed: entry {seq} is no JSON ({error})") from error
    return Entry(
        seq=seq,
        unix_s=unix_s,
        decision=decision,
        kind=kind,
        model=model,
        spend=Spend(calls=calls, input_tokens=read, output_tokens=written, seconds=seconds, usd=usd),
        left_out=left_out,
        body=content,
    )


def _bounded(body: dict[str, Any]) -> tuple[str, int]:
    """Return the body as JSON of at most `MOST_BODY` characters, and how many characters that cost."""
    whole = text = _json(body)
    longest = MOST_BODY
    while len(text) > MOST_BODY and longest > LEAST_TEXT:
        longest //= 2
        text = _json(_shortened(body, longest))
    if len(text) > MOST_BODY:
        text = _json({"shortened": _cut(whole, MOST_BODY // 4)})
    return text, len(whole) - len(text) if text is not whole else 0


def _shortened(value: Any, longest: int) -> Any:  # noqa: ANN401 - JSON-plain
    match value:
        case str():
            return _cut(value, longest)
        case dict():
            return {_cut(key, longest): _shortened(item, longest) for key, item in value.items()}
        case list():
            return [_shortened(item, longest) for item in value]
    return value


def _cut(text: str, longest: int) -> str:
    left_out = len(text) - longest
    return text if left_out <= 0 else f"{text[:longest]}[{left_out} more characters were not kept]"


def _finite(value: Any) -> Any:  # noqa: ANN401 - JSON-plain
    """Return the value with NaN and infinities, which JSON does not have, as texts."""
    match value:
        case float() if not math.isfinite(value):
            return str(value)
        case dict():
            return {key: _finite(item) for key, item in value.items()}
        case list():
            return [_finite(item) for item in value]
    return value


def _json(value: object) -> str:
    return json.dumps(value, allow_nan=False)
