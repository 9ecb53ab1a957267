"""Import of what Triton's Model Analyzer measured: `metrics-model-inference.csv`, its default columns.

    Model,Batch,Concurrency,Model Config Path,Instance Group,...,Throughput (infer/sec),p99 Latency (ms)

*Batch* is the client's batch, *Throughput* counts inferences (items), *Instance Group* is COUNT:KIND, with
`/` for the colon in old versions. One replica of ours is one Triton with that many instances. With no more
requests outstanding than instances nothing waits, so the latency at such a concurrency is that of one batch;
at more it holds a queue, and such rows only say how much throughput there is. They say it of their batch size
only up to twice as many outstanding as instances: beyond, Triton may put several requests into one batch.

What the file does not know is asked for and never made up: accuracy, cores, the promise. Columns may come in
any order and more of them do no harm; `Avg Latency (ms)` is not taken for a median.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.document import API_VERSION
from core.errors import InvalidDocument, UsageError
from pipelines.reader import read_text

MODEL, CONFIG, BATCH, CONCURRENCY = "Model", "Model Config Path", "Batch", "Concurrency"
INSTANCES, THROUGHPUT, P99 = "Instance Group", "Throughput (infer/sec)", "p99 Latency (ms)"
NEEDED = (MODEL, BATCH, CONCURRENCY, THROUGHPUT, P99)
QUANTILE = 0.99
"""Of the column of latencies."""
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement."""

    model: str
    config: str
    """The model's configuration; the model itself where the file has no such column."""
    batch: int
    concurrency: int
    instances: int
    throughput_rps: float
    p99_s: float


@dataclass(frozen=True, slots=True)
class Given:
    """What the file does not know."""

    name: str
    stages: Mapping[str, Sequence[str]]
    """By stage, in order: models or configurations of them."""
    accuracy: Mapping[str, float]
    """By model or configuration."""
    cores: Mapping[str, float]
    """Of one replica."""
    slo_s: float


def rows_of(path: Path) -> list[Row]:
    """Return the rows of a file.

    Raises:
        UsageError: it cannot be read.
        InvalidDocument: it is not such a file; row (the header is row 1) and column are named.
    """
    lines = csv.reader(read_text(path).splitlines(), skipinitialspace=True)
    try:
        filled = [
            (number, row) for number, row in enumerate(lines, start=1) if any(cell.strip() for cell in row)
        ]
    except csv.Error as error:
        raise InvalidDocument(f"{path}: row {lines.line_num}: {error}") from error
    if not filled:
        raise InvalidDocument(
            f"{path}: the file is empty; it must begin with the columns {', '.join(NEEDED)}"
        )
    head = [cell.strip() for cell in filled[0][1]]
    for column in NEEDED:
        if column not in head:
            raise InvalidDocument(f"{path}: row 1: there is no column {column!r}; found: {', '.join(head)}")
    if len(filled) == 1:
        raise InvalidDocument(f"{path}: there are no rows below the header")
    return [_row(path, number, head, cells) for number, cells in filled[1:]]


def document_of(rows: Sequence[Row], given: Given, *, provenance: Mapping[str, str]) -> Json:
    """Return the pipeline file that the rows describe.

    Raises:
        UsageError: a model is not there, or a figure of it is not given.
    """
    return {
        "apiVersion": API_VERSION,
        "kind": "Pipeline",
        "metadata": {"name": given.name, "provenance": dict(provenance)},
        "spec": {
            "slo": {"latency": given.slo_s, "quantile": QUANTILE},
            "accuracy": "product",
            "stages": [
                {"name": stage, "variants": [v for name in names for v in _variants(rows, name, given)]}
                for stage, names in given.stages.items()
            ],
        },
    }


def _variants(rows: Sequence[Row], name: str, given: Given) -> Iterator[Json]:
    """Yield a variant for each configuration of a model, or the one configuration that is named."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if name in (row.config, row.model):
            found[row.config].append(row)
    if not found:
        known = ", ".join(dict.fromkeys(row.model for row in rows))
        raise UsageError(f"the file has no model {name!r}, only {known}")
    for config, of_config in found.items():
        yield {
            "name": config,
            "accuracy": _given("--accuracy", given.accuracy, of_config[0]),
            "cores": _given("--cores", given.cores, of_config[0]),
            "profile": list(_points(of_config)),
        }


def _points(rows: Sequence[Row]) -> Iterator[Json]:
    for batch in sorted({row.batch for row in rows}):
        of_batch = [row for row in rows if row.batch == batch]
        unqueued = [row for row in of_batch if row.concurrency <= row.instances]
        if not unqueued:
            raise UsageError(
                f"{rows[0].config} has no row at batch {batch} with Concurrency up to its "
                f"{rows[0].instances} instances, and others hold a queue; profile with concurrency: [1, 2]"
            )
        unmerged = [row for row in of_batch if row.concurrency <= 2 * row.instances]
        yield {
            "batch": batch,
            "latency": float(f"{max(row.p99_s for row in unqueued):.6g}"),
            "throughput": max(row.throughput_rps for row in unmerged),
        }


def _given(option: str, figures: Mapping[str, float], row: Row) -> float:
    for name in (row.config, row.model):
        if name in figures:
            return figures[name]
    raise UsageError(f"the file does not know it: give {option} {row.model}=...")


def _row(path: Path, number: int, head: Sequence[str], cells: Sequence[str]) -> Row:
    if len(cells) != len(head):
        raise InvalidDocument(f"{path}: row {number}: {len(cells)} cells for {len(head)} columns")
    values = dict(zip(head, (cell.strip() for cell in cells), strict=True))

    def figure(column: str) -> float:
        return _positive(path, number, column, values[column])

    def count(column: str) -> int:
        found = figure(column)
        if found != int(found):
            raise _wrong(path, number, column, values[column], "a whole number from 1")
        return int(found)

    if not values[MODEL]:
        raise _wrong(path, number, MODEL, "", "a name")
    return Row(
        model=values[MODEL],
        config=values.get(CONFIG) or values[MODEL],
        batch=count(BATCH),
        concurrency=count(CONCURRENCY),
        instances=_instances(path, number, values.get(INSTANCES)),
        throughput_rps=figure(THROUGHPUT),
        p99_s=figure(P99) / 1e3,
    )


def _instances(path: Path, number: int, text: str | None) -> int:
    """Return the number of instances: of `2:GPU` or `2/GPU` it is 2; of several groups their sum."""
    if not text:
        return 1
    groups = [re.fullmatch(r"(\d+)\s*[:/]\s*\w+", part.strip()) for part in re.split(r"[,+]", text)]
    total = sum(int(group[1]) for group in groups if group)
    if not all(groups) or total < 1:
        raise _wrong(path, number, INSTANCES, text, "COUNT:KIND such as 1:CPU")
    return total


def _positive(path: Path, number: int, column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise _wrong(path, number, column, text, "a number above 0") from error
    if not 0 < value < float("inf"):
        raise _wrong(path, number, column, text, "a number above 0")
    return value


def _wrong(path: Path, number: int, column: str, text: str, wanted: str) -> InvalidDocument:
    return InvalidDocument(f"{path}: row {number}, column {column!r}: {text!r} is not {wanted}")
