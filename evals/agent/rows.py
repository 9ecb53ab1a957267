"""Rows of results on disk, one file for each suite, kept whole at every moment.

    rows = RowFile(out / "decisions.parquet", Judged)
    for due in rows.left(wanted, commit):
        rows.add(judged(due))

The columns are the fields of the row's type; what is more than one value is a list. Every row carries where
it comes from, commit, versions, machine (`evals.provenance`), and when it was begun. A row is added by
writing a new file beside the old one and renaming it: a run that is killed leaves the rows it had.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import NoneType
from typing import Any, Generic, TypeVar, get_args

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from core.errors import StoreError, TrimtabError, UsageError
from core.values import Frozen
from evals.agent.due import CaseT, Due
from evals.parquet import write_whole

COLUMNS: Mapping[object, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    tuple[str, ...]: pa.list_(pa.string()),
}


class Kept(Frozen, ABC):
    """What every row has."""

    git: str
    """The commit."""
    versions: str
    """Everything else that `evals.provenance` says, as JSON."""
    machine: str
    started: str
    """When it was begun, in ISO 8601."""

    @property
    @abstractmethod
    def key(self) -> tuple[str, str, int]:
        """What the row is about: a run that is resumed does not do it again."""

    @property
    def answered(self) -> bool:
        """Whether a model that was asked said anything at all; True where none was."""
        return True


RowT = TypeVar("RowT", bound=Kept)


class RowFile(Generic[RowT]):
    """The rows of one file."""

    def __init__(self, path: Path, kind: type[RowT]) -> None:
        """Read what is there.

        Raises:
            StoreError: it cannot be read.
            UsageError: it holds rows of something else.
        """
        self.path, self._kind = path, kind
        self._rows = {row.key: row for row in self._read()}

    @property
    def rows(self) -> tuple[RowT, ...]:
        """All rows, in the order in which they were first added."""
        return tuple(self._rows.values())

    def left(self, wanted: Sequence[Due[CaseT]], commit: str) -> list[Due[CaseT]]:
        """Return what *commit* has no row of, or one whose model never answered."""
        done = {row.key for row in self.rows if row.answered and row.git == commit}
        return [due for due in wanted if due.key not in done]

    def add(self, row: RowT) -> None:
        """Add a row, in place of one with the same key; it is on disk when this returns.

        Raises:
            StoreError: it cannot be written.
        """
        rows = {**self._rows, row.key: row}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            table = pa.Table.from_pylist([r.model_dump() for r in rows.values()], schema_of(self._kind))
            write_whole(self.path, table)
        except OSError as error:
            raise StoreError(f"{self.path}: cannot be written: {error.strerror}") from error
        self._rows = rows

    def _read(self) -> tuple[RowT, ...]:
        if not self.path.exists():
            return ()
        try:
            found = pq.read_table(self.path).to_pylist()
        except (OSError, pa.ArrowException) as error:
            raise StoreError(f"{self.path}: cannot be read: {error}; move it away") from error
        try:
            return tuple(self._kind.model_validate(row) for row in found)
        except ValidationError as error:
            raise UsageError(
                f"{self.path}: these are no rows of {self._kind.__name__!r} of this version; "
                "give another folder"
            ) from error


def origin(provenance: Mapping[str, object]) -> dict[str, str]:
    """Return the fields of `Kept` for a row that is begun now.

    Raises:
        TrimtabError: commit or machine are missing.
    """
    missing = sorted({"git", "machine"} - provenance.keys())
    if missing:
        raise TrimtabError(f"the provenance has no {', '.join(missing)}: report this as a bug")
    others = {name: value for name, value in provenance.items() if name not in ("git", "machine")}
    return {
        "git": str(provenance["git"]),
        "versions": json.dumps(others, sort_keys=True),
        "machine": str(provenance["machine"]),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def schema_of(kind: type[Frozen]) -> pa.Schema:
    """Return the columns of a type of rows.

    Raises:
        TrimtabError: a field has a type that no column can hold.
    """
    return pa.schema([_column(name, field.annotation) for name, field in kind.model_fields.items()])


def _column(name: str, annotation: Any) -> pa.Field:  # noqa: ANN401 - of any field
    """Return the column of a field; `X | None` is one that may be empty."""
    parts = get_args(annotation)
    nullable = NoneType in parts
    plain = next(part for part in parts if part is not NoneType) if nullable else annotation
    if plain not in COLUMNS:
        raise TrimtabError(f"field {name!r} has a type that no column holds: {annotation}; see {COLUMNS}")
    return pa.field(name, COLUMNS[plain], nullable=nullable)
