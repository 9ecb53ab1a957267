"""Read a load trace: CSV, one row a second, one column of requests per second."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from itertools import dropwhile
from pathlib import Path

from core.errors import InvalidDocument
from pipelines.reader import read_text

LOAD_NAMES = ("rps", "requests_per_second", "load", "load_rps", "rate")
TIME_NAMES = ("second", "time", "t", "time_s", "timestamp")


def read_trace(path: Path, column: str | None = None) -> tuple[float, ...]:
    """Return requests per second, one value for each second of the trace.

    The column is the one named, the only one, or the only one called like a rate (`rps`, `load`, ...,
    or beginning with `rps`). A column of seconds must count up by one.

    Raises:
        UsageError: the file cannot be read.
        InvalidDocument: a row is missing, negative, not a number, or not one second after the last.
    """
    try:
        return _trace(read_text(path), column)
    except InvalidDocument as error:
        raise InvalidDocument(f"{path}: {error}") from error


def _trace(text: str, column: str | None) -> tuple[float, ...]:
    lines = enumerate(_cells(text), start=1)
    rows = list(dropwhile(lambda line: not line[1], lines))  # an empty line further down is a gap
    if not rows:
        raise InvalidDocument("the trace is empty; give one row a second")
    header = [" ".join(cell.split()) for cell in rows[0][1]]
    if all(_is_number(cell) for cell in header):
        header, body = [f"column {k + 1}" for k in range(len(header))], rows
    else:
        body = rows[1:]
    if not body:
        raise InvalidDocument("the trace has a header and no rows; give one row a second")
    chosen = _column(header, column)
    _check_seconds(header, body)
    return tuple(_rate(row, number, chosen, header) for number, row in body)


def _cells(text: str) -> list[list[str]]:
    reader = csv.reader(text.rstrip().splitlines(keepends=True), strict=True)
    try:
        return list(reader)
    except csv.Error as error:
        raise InvalidDocument(f"row {reader.line_num}: {error}; this is no row of numbers") from error


def _column(header: Sequence[str], wanted: str | None) -> int:
    listed = ", ".join(header)
    if wanted is not None:
        if wanted not in header:
            raise InvalidDocument(f"there is no column {wanted!r}; known: {listed}")
        return header.index(wanted)
    if len(header) == 1:
        return 0
    names = [name.lower() for name in header]
    for found in (
        [k for k, name in enumerate(names) if name in LOAD_NAMES],
        [k for k, name in enumerate(names) if name.startswith("rps")],
    ):
        if len(found) == 1:
            return found[0]
    raise InvalidDocument(f"which column holds requests per second? Name it with --column; known: {listed}")


def _check_seconds(header: Sequence[str], body: Sequence[tuple[int, list[str]]]) -> None:
    """Refuse gaps in a column that counts seconds."""
    times = [k for k, name in enumerate(header) if name.lower() in TIME_NAMES]
    if not times:
        return
    previous: float | None = None
    for number, row in body:
        second = _number(row, number, times[0], header)
        if previous is not None and second != previous + 1:
            raise InvalidDocument(
                f"row {number}: second {second:g} follows {previous:g}; rows must be one second apart, "
                "fill the gap or cut the trace there"
            )
        previous = second


def _rate(row: list[str], number: int, column: int, header: Sequence[str]) -> float:
    value = _number(row, number, column, header)
    if value < 0:
        raise InvalidDocument(
            f"row {number}, {header[column]}: {value:g} is negative; rates are 0 or more requests per second"
        )
    return value


def _number(row: list[str], number: int, column: int, header: Sequence[str]) -> float:
    cell = row[column].strip() if column < len(row) else ""
    if not cell:
        raise InvalidDocument(f"row {number}, {header[column]}: nothing there; fill the gap with a number")
    if not _is_number(cell):
        raise InvalidDocument(f"row {number}, {header[column]}: {cell[:40]!r} is not a finite number")
    return float(cell)


def _is_number(cell: str) -> bool:
    if "_" in cell or not cell.isascii():  # Python reads 1_0 as 10
        return False
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False
