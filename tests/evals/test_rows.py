"""Rows on disk: whole at every moment, each with where it comes from."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import StoreError, TrimtabError, UsageError
from core.values import Frozen
from evals.agent.rows import Kept, RowFile, origin, schema_of
from evals.agent.summary import Summary, markdown_of, table_of
from tests.evals.deciding import made
from tests.pipelines.left import LEFT


class Weighed(Kept):
    name: str
    weight: float | None
    count: int
    good: bool
    notes: tuple[str, ...]

    @property
    def key(self) -> tuple[str, str, int]:
        return self.name, "", 1


class Other(Kept):
    name: str
    colour: str

    @property
    def key(self) -> tuple[str, str, int]:
        return self.name, self.colour, 0


def weighed(name: str, weight: float | None = None) -> Weighed:
    return Weighed(**origin(made()), name=name, weight=weight, count=3, good=True, notes=("a", "b|c"))


def test_what_was_added_is_read_again_as_it_was(tmp_path: Path) -> None:
    rows = [weighed("one", 1.5), weighed("two")]
    file = RowFile(tmp_path / "out" / "rows.parquet", Weighed)
    for row in rows:
        file.add(row)

    again = RowFile(file.path, Weighed)

    assert list(again.rows) == rows
    assert pq.read_schema(file.path).equals(schema_of(Weighed))
    assert [path.name for path in file.path.parent.iterdir()] == ["rows.parquet"]


def test_a_row_with_the_same_key_takes_the_place_of_the_first(tmp_path: Path) -> None:
    file = RowFile(tmp_path / "rows.parquet", Weighed)

    file.add(weighed("one", 1.0))
    file.add(weighed("two"))
    file.add(weighed("one", 2.0))

    assert [(row.name, row.weight) for row in RowFile(file.path, Weighed).rows] == [
        ("one", 2.0),
        ("two", None),
    ]


def test_a_draft_that_a_killed_run_left_does_no_harm(tmp_path: Path) -> None:
    file = RowFile(tmp_path / "rows.parquet", Weighed)
    file.add(weighed("one"))
    (tmp_path / LEFT).write_bytes(b"half a fi")

    again = RowFile(file.path, Weighed)
    again.add(weighed("two"))

    assert [row.name for row in RowFile(file.path, Weighed).rows] == ["one", "two"]


def test_rows_of_something_else_are_refused(tmp_path: Path) -> None:
    RowFile(tmp_path / "rows.parquet", Weighed).add(weighed("one"))

    with pytest.raises(UsageError, match="no rows of 'Other' of this version; give another folder"):
        RowFile(tmp_path / "rows.parquet", Other)


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.parquet").write_text("hello")

    with pytest.raises(StoreError, match=r"cannot be read: .*; move it away"):
        RowFile(tmp_path / "rows.parquet", Weighed)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file in the way")

    with pytest.raises(StoreError, match="cannot be written"):
        RowFile(tmp_path / "out" / "rows.parquet", Weighed).add(weighed("one"))


def test_a_type_that_no_column_holds_is_refused() -> None:
    class Wrong(Frozen):
        when: dict[str, int]

    with pytest.raises(TrimtabError, match="field 'when' has a type that no column holds"):
        schema_of(Wrong)


def test_an_optional_column_may_be_empty_and_no_other() -> None:
    schema = schema_of(Weighed)

    assert [field.name for field in schema if field.nullable] == ["weight"]
    assert schema.field("weight").type == pa.float64()


def test_a_cell_of_markdown_cannot_end_its_cell() -> None:
    summary = Summary("A | B", ("what", "how many"), (("a|b\n# c <b>", "1"),), ("note",), ("it | failed",))

    lines = markdown_of(summary).splitlines()

    assert lines[0] == "### A \\| B"
    assert lines[2:5] == ["| what | how many |", "| --- | ---: |", "| a\\|b # c &lt;b> | 1 |"]
    assert lines[-1] == "**Not met:** it \\| failed"
    assert not summary.passed


def test_a_table_for_a_terminal_shows_names_as_they_are() -> None:
    table = table_of(Summary("[bold]t[/]", ("what", "n"), (("[red]x[/]", "1"),)))

    assert list(table.columns[0].cells) == ["\\[red]x\\[/]"]
    assert table.row_count == 1
