"""The file that people and the loop share: SQLite in WAL mode, append-only, durable.

What is in it is the business of `tools.requests` and `tools.commands`; how it is opened, locked and reported
on is here, once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from pydantic import ValidationError

from core.errors import StoreError, UsageError
from tools.store import BUSY_S, access, cause


class PeopleFile:
    """One subject's tables in the shared file; a subclass says which.

    Raises:
        StoreError: the file cannot be opened, read or written, or holds something else.
    """

    schema: ClassVar[str]
    """What makes the tables where they are missing."""
    tables: ClassVar[Sequence[str]]
    """Their names; no row of them is ever changed or deleted."""
    missing: ClassVar[str]
    """What it means that there is no file, `{path}`, and what makes one."""

    def __init__(
        self, path: Path, *, must_exist: bool = False, read_only: bool = False, busy_s: float = BUSY_S
    ) -> None:
        """Open the file; make it where there is none, unless it must exist, and the tables it lacks.

        Args:
            path: The file.
            must_exist: Only use what a loop has made.
            read_only: Only look, and leave the file as it is; it must exist, tables that it lacks are empty.
            busy_s: How long to wait for another writer, in seconds.

        Raises:
            UsageError: it must exist and does not.
            StoreError: the file cannot be opened or holds something else.
        """
        if (must_exist or read_only) and not path.is_file():
            raise UsageError(self.missing.format(path=path))
        self.path = path
        with self._reporting():
            self._db = sqlite3.connect(
                f"{path.absolute().as_uri()}?{access(path, read_only=read_only)}",
                uri=True,
                timeout=busy_s,
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

    def _prepare(self, *, read_only: bool) -> None:
        """Make what is missing, under one lock: two may open a new file at once."""
        schema, tables = self.schema, self.tables
        rules = _append_only(tables)
        known = {name for (name,) in self._db.execute("SELECT name FROM sqlite_master")}
        if read_only:
            if known.isdisjoint(tables):  # of before there were commands
                self._db.executescript(schema.replace("CREATE TABLE", "CREATE TEMP TABLE"))
            return
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        if not known >= {*tables, *rules}:
            self._db.executescript(f"BEGIN IMMEDIATE; {schema}; {' '.join(rules.values())} COMMIT;")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold the file's write lock, so that what is read stays so until what is written is."""
        with self._reporting():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(
                f"{self.path}: what people are asked and want cannot be used: {cause(error)}"
            ) from error
        except ValidationError as error:
            raise StoreError(
                f"{self.path}: holds a row that cannot be read ({error.errors()[0]['msg']}); "
                "it was written by another version: move the file away to start anew"
            ) from error


def _append_only(tables: Sequence[str]) -> dict[str, str]:
    """Return the triggers that refuse to change or delete a row, by their names."""
    return {
        f"{table}_{name}": f"CREATE TRIGGER IF NOT EXISTS {table}_{name} BEFORE {what} ON {table}"
        " BEGIN SELECT RAISE(ABORT, 'the store is append-only'); END;"
        for table in tables
        for name, what in (("stay", "UPDATE"), ("last", "DELETE"))
    }
