"""Results on disk: a part for every task that is done, and the whole once all are.

    parts/NAME.parquet   rows of one task, NAME.series.parquet its series: written, then renamed into place
    episodes.parquet     all rows, series.parquet all series: made of the parts

A run that is killed loses only the tasks it was in; the next run of the same code does what is left.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from core.errors import StoreError, TrimtabError, UsageError
from evals.episode import Played, series_columns
from evals.frames import EPISODES, SERIES
from evals.parquet import write_whole
from evals.provenance import provenance

PARTS = "parts"
SERIES_PART = ".series.parquet"

Key = tuple[str, str, int]
"""Scenario, policy, seed."""
Done = Mapping[Key, str]
"""Digest of the episodes that are there."""
Record = Mapping[str, object]
NEEDED = ("scenario", "policy", "seed", "scenario_digest", "git", "started")
"""Columns without which a row cannot be told from others."""


def keep(folder: Path, played: Sequence[Played]) -> None:
    """Write what one task gave.

    Raises:
        StoreError: it cannot be written.
    """
    name = hashlib.sha256(repr([key_of(p) for p in played]).encode()).hexdigest()[:24]
    rows = pa.Table.from_pylist([p.row.model_dump(round_trip=True) for p in played])
    series = [_series(p) for p in played if p.series is not None]
    parts = folder / PARTS
    try:
        parts.mkdir(parents=True, exist_ok=True)
        if series:
            write_whole(parts / f"{name}{SERIES_PART}", _joined(series))
        write_whole(parts / f"{name}.parquet", rows)
    except OSError as error:
        raise StoreError(f"{parts}: cannot be written: {error.strerror}") from error


def key_of(played: Played) -> Key:
    """Return what an episode is of."""
    return played.row.scenario, played.row.policy, played.row.seed


def done(folder: Path) -> Done:
    """Return the episodes that *folder* has.

    Raises:
        UsageError: they are of other code, which must not be mixed with this.
        StoreError: they cannot be read.
    """
    latest = _latest(folder)
    for _, row in latest.values():
        if row["git"] != provenance()["git"]:
            raise UsageError(
                f"{folder}: its episodes are of commit {str(row['git'])[:12]}, this is another or has other "
                "changes; give another --out, or --fresh to begin anew"
            )
    return {key: str(row["scenario_digest"]) for key, (_, row) in latest.items()}


def forget(folder: Path) -> None:
    """Remove all results of *folder*.

    Raises:
        StoreError: they cannot be removed.
    """
    try:
        for path in (*(folder / PARTS).glob("*.parquet"), folder / EPISODES, folder / SERIES):
            path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{folder}: cannot be emptied: {error.strerror}") from error


def gather(folder: Path, wanted: Sequence[Key]) -> int:
    """Make the whole of the parts, of the *wanted* episodes alone; return how many there are.

    Raises:
        TrimtabError: none was executed.
        StoreError: it cannot be read or written.
    """
    keys = set(wanted)
    latest = {key: found for key, found in sorted(_latest(folder).items()) if key in keys}
    if not latest:
        raise TrimtabError(f"{folder}: 0 episodes were executed, which is a failed run")
    series = _one_each(latest)
    try:
        write_whole(folder / EPISODES, pa.Table.from_pylist([row for _, row in latest.values()]))
        if series:
            write_whole(folder / SERIES, _joined(series))
        else:
            (folder / SERIES).unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{folder}: cannot be written: {error.strerror}") from error
    return len(latest)


def _latest(folder: Path) -> Mapping[Key, tuple[Path, Record]]:
    """Return the row of every episode, and the part it is in; the last one where it was run again."""
    latest: dict[Key, tuple[Path, Record]] = {}
    for path in _rows_in(folder):
        for row in _read(path).to_pylist():
            absent = [name for name in NEEDED if name not in row]
            if absent:
                raise StoreError(f"{path}: no column {absent[0]!r}; remove it, and run again")
            key = (row["scenario"], row["policy"], row["seed"])
            if key not in latest or str(latest[key][1]["started"]) <= row["started"]:
                latest[key] = path, row
    return latest


def _one_each(latest: Mapping[Key, tuple[Path, Record]]) -> list[pa.Table]:
    """Return the series of every scenario and policy, of the lowest seed that has one."""
    found: dict[tuple[str, str], pa.Table] = {}
    for (scenario, policy, _), (path, _) in sorted(latest.items(), key=lambda item: item[0][2]):
        part = path.with_name(f"{path.stem}{SERIES_PART}")
        if (scenario, policy) in found or not part.exists():
            continue
        of_both = (pc.field("scenario") == scenario) & (pc.field("policy") == policy)
        series = _read(part).filter(of_both)
        if series.num_rows:
            found[(scenario, policy)] = series
    return [found[key] for key in sorted(found)]


def _series(played: Played) -> pa.Table:
    assert played.series is not None
    columns = series_columns(played.series)
    length = len(columns["second"])
    named = {"scenario": [played.row.scenario] * length, "policy": [played.row.policy] * length}
    return pa.table({**named, **columns})


def _joined(tables: Sequence[pa.Table]) -> pa.Table:
    """Return one table; a column that was empty in one part takes the type it has in another."""
    return pa.concat_tables(tables, promote_options="permissive")


def _rows_in(folder: Path) -> list[Path]:
    parts = sorted((folder / PARTS).glob("*.parquet"))
    return [path for path in parts if not path.name.endswith(SERIES_PART)]


def _read(path: Path) -> pa.Table:
    try:
        return pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{path}: cannot be read: {error}; remove it, and run again") from error
