"""Read a folder of results: `episodes.parquet`, one row an episode; `series.parquet`, some by the second.

What is missing, double or empty is refused by name: a table made of fewer episodes than it claims is worse
than none. A run in which no episode was executed is a failure, never an empty report.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import ConfigDict, Json, JsonValue, TypeAdapter, ValidationError

from core.errors import InvalidDocument, UsageError
from core.values import Count, Fraction, Frozen, NonNegative, Number, Positive

EPISODES, SERIES = "episodes.parquet", "series.parquet"
AGAIN = "run `trimtab evaluate` again with this version"

GIVE = "give a folder that `trimtab evaluate` wrote"
PIECE = 16_384
"""Rows of a series that are in memory at once while some are looked for: less than 2 MB."""

Floats = NDArray[np.float64]


class Row(Frozen):
    """One episode: what ran, what came of it, and what made it."""

    model_config = ConfigDict(extra="ignore")

    suite: str
    scenario: str
    """The cell, for instance `video/bursty`."""
    pipeline: str
    group: str
    """Trace or family of drift."""
    policy: str
    seed: int
    requests: Count
    completed: Count
    dropped: Count
    slo_attainment: Fraction | None
    effective_accuracy: NonNegative | None
    accuracy: NonNegative | None
    core_seconds: NonNegative
    mean_cores: NonNegative
    switches: Count
    replica_starts: Count
    p50_s: NonNegative | None
    p95_s: NonNegative | None
    p99_s: NonNegative | None
    decisions: Count
    decision_mean_s: NonNegative | None
    decision_p99_s: NonNegative | None
    wall_s: NonNegative
    score: Number | None
    """In the pipeline's own objective, more is better; None where nothing was served."""
    slo_s: Positive
    extra: Json[dict[str, JsonValue]]
    """Figures of this suite alone."""
    git: str
    dirty: bool
    """Whether the working tree differed from the commit."""
    trimtab: str
    python: str
    numpy: str
    pulp: str
    highspy: str
    machine: str
    cores: Count
    """Of the machine."""
    started: str
    """UTC, ISO 8601."""
    scenario_digest: str


@dataclass(frozen=True, slots=True)
class Trail:
    """One episode second by second."""

    second: Floats
    arrivals: Floats
    completed: Floats
    dropped: Floats
    late: Floats
    latency_s: Floats
    """NaN where nothing was completed."""
    cores: Floats
    queue: Floats


@dataclass(frozen=True, slots=True)
class Results:
    """Everything a folder holds."""

    folder: Path
    rows: tuple[Row, ...]
    """Ordered by scenario, policy and seed."""
    trails: Mapping[tuple[str, str], Trail]
    """By scenario and policy."""

    @property
    def suites(self) -> tuple[str, ...]:
        """Names of the suites that ran, in order."""
        return distinct(row.suite for row in self.rows)

    @property
    def policies(self) -> tuple[str, ...]:
        """Labels of all policies, in order."""
        return distinct(row.policy for row in self.rows)

    @property
    def seeds(self) -> tuple[int, ...]:
        """All seeds, in order."""
        return tuple(sorted({row.seed for row in self.rows}))

    def missing(self) -> tuple[tuple[str, str, int], ...]:
        """Return which (scenario, policy, seed) is not there though its scenario has others of both."""
        had = {(row.scenario, row.policy, row.seed) for row in self.rows}
        policies = {(scenario, policy) for scenario, policy, _ in had}
        seeds = {(scenario, seed) for scenario, _, seed in had}
        every = {(s, p, seed) for s, p in policies for other, seed in seeds if other == s}
        return tuple(sorted(every - had))


def distinct(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names once each, in order."""
    return tuple(sorted(set(names)))


def origin(rows: Sequence[Row]) -> Mapping[str, str]:
    """Return what made the figures, each fact once; several where episodes differ."""
    return {
        "commit": ", ".join(distinct(row.git + (" (changed)" if row.dirty else "") for row in rows)),
        "run": " to ".join(distinct((min(row.started for row in rows), max(row.started for row in rows)))),
        "machine": ", ".join(distinct(f"{row.machine}, {row.cores} cores" for row in rows)),
        "Trimtab": ", ".join(distinct(row.trimtab for row in rows)),
        "Python": ", ".join(distinct(row.python for row in rows)),
        "libraries": ", ".join(
            distinct(f"NumPy {row.numpy}, PuLP {row.pulp}, HiGHS {row.highspy}" for row in rows)
        ),
        "seeds": ", ".join(map(str, sorted({row.seed for row in rows}))),
        "episodes": f"{len(rows):,}",
        "requests": f"{sum(row.requests for row in rows):,}",
        "time of all episodes": f"{sum(row.wall_s for row in rows):,.0f} s",
    }


def load(folder: Path) -> Results:
    """Return what *folder* holds; the series may be missing.

    Raises:
        UsageError: there are no episodes, or not where they should be.
        InvalidDocument: a column is missing or holds something else; an episode is there twice.
    """
    series = folder / SERIES
    return replace(without_trails(folder), trails=_trails(series) if series.exists() else {})


def without_trails(folder: Path) -> Results:
    """Return what *folder* holds but the series, which are many times as large.

    Raises:
        UsageError: there are no episodes, or not where they should be.
        InvalidDocument: a column is missing or holds something else; an episode is there twice.
    """
    path = folder / EPISODES
    rows = _validated(path, _table(path, list(Row.model_fields)))
    if not rows:
        raise UsageError(f"{path}: 0 episodes were executed, which is a failed run; {AGAIN}")
    _refuse_doubles(path, rows)
    suites = distinct(row.suite for row in rows)
    if len(suites) > 1:
        raise InvalidDocument(f"{path}: suites {' and '.join(suites)}; give every suite a folder of its own")
    return Results(folder, rows, {})


def rows_of(folder: Path, scenario: str) -> tuple[Row, ...]:
    """Return the episodes of one scenario, ordered by policy and seed.

    Raises:
        UsageError: the file cannot be read.
        InvalidDocument: a column is missing or holds something else.
    """
    path = folder / EPISODES
    return _validated(path, _filtered(path, list(Row.model_fields), pc.field("scenario") == scenario))


def trails_of(folder: Path, scenario: str, policies: Sequence[str]) -> Mapping[str, Trail]:
    """Return the series of some policies in one scenario, by policy; a piece of the file at a time.

    Raises:
        UsageError: the file cannot be read.
        InvalidDocument: a column is missing or holds something else.
    """
    path = folder / SERIES
    if not path.exists():
        return {}
    wanted = (pc.field("scenario") == scenario) & pc.field("policy").isin(list(policies))
    columns = [field.name for field in fields(Trail)]
    table = _filtered(path, ["scenario", "policy", *columns], wanted)
    return {policy: trail for (_, policy), trail in _by_key(path, table).items()}


def _validated(path: Path, table: pa.Table) -> tuple[Row, ...]:
    try:
        rows = TypeAdapter(list[Row]).validate_python(table.to_pylist())
    except ValidationError as error:
        first = error.errors()[0]
        place = ", ".join(str(part) for part in first["loc"])
        raise InvalidDocument(f"{path}: episode {place}: {first['msg']}; {AGAIN}") from error
    return tuple(sorted(rows, key=lambda row: (row.scenario, row.policy, row.seed)))


def _table(path: Path, columns: list[str]) -> pa.Table:
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise UsageError(f"cannot read {path}: {error}; {GIVE}") from error
    _refuse_absent(path, columns, table.column_names)
    return table.select(columns)


def _refuse_absent(path: Path, columns: Sequence[str], there: Sequence[str]) -> None:
    absent = [name for name in columns if name not in there]
    if absent:
        raise InvalidDocument(f"{path}: no column {', '.join(map(repr, absent))}; {AGAIN}")


def _refuse_doubles(path: Path, rows: Sequence[Row]) -> None:
    for a, b in pairwise(rows):
        if (a.scenario, a.policy, a.seed) == (b.scenario, b.policy, b.seed):
            raise InvalidDocument(
                f"{path}: {a.policy!r} is there twice in {a.scenario!r} with seed {a.seed}; "
                "give every run a folder of its own"
            )


def _filtered(path: Path, columns: list[str], wanted: pc.Expression) -> pa.Table:
    try:
        with pq.ParquetFile(path) as file:
            _refuse_absent(path, columns, file.schema_arrow.names)
            pieces = file.iter_batches(batch_size=PIECE, columns=columns, use_threads=False)
            found = [kept for piece in pieces if (kept := piece.filter(wanted)).num_rows]
            schema = pa.schema([file.schema_arrow.field(name) for name in columns])
            return pa.Table.from_batches([piece.select(columns) for piece in found], schema)
    except (OSError, pa.ArrowException) as error:
        raise UsageError(f"cannot read {path}: {error}; {GIVE}") from error


def _trails(path: Path) -> Mapping[tuple[str, str], Trail]:
    return _by_key(path, _table(path, ["scenario", "policy", *(field.name for field in fields(Trail))]))


def _by_key(path: Path, table: pa.Table) -> Mapping[tuple[str, str], Trail]:
    columns = [field.name for field in fields(Trail)]
    keys = zip(table["scenario"].to_pylist(), table["policy"].to_pylist(), strict=True)
    places: dict[tuple[str, str], list[int]] = {}
    for place, key in enumerate(keys):
        places.setdefault(key, []).append(place)
    values = {name: _floats(path, table[name]) for name in columns}
    return {key: Trail(**{name: values[name][places[key]] for name in columns}) for key in sorted(places)}


def _floats(path: Path, column: pa.ChunkedArray) -> Floats:
    """Return a column as floats, NaN where it has nothing."""
    try:
        return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
    except pa.ArrowException as error:
        raise InvalidDocument(f"{path}: not a number: {error}; {AGAIN}") from error
