"""What `trimtab evaluate` left behind, read for a page: little at a time, and nothing that is not shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from core.errors import StoreError, TrimtabError
from evals.agent import judged, tables
from evals.agent.rows import Kept
from evals.agent.summary import Summary
from evals.bars import Bar, bars_of
from evals.frames import EPISODES, SERIES, Row, origin, rows_of, without_trails
from evals.redteam import attacked
from evals.standings import Cell, Record, cells, records

Kind = Literal["episodes", "agent", "injection"]
FILES: Mapping[Kind, str] = {
    "episodes": EPISODES,
    "agent": judged.DECISIONS,
    "injection": attacked.ATTACKS,
}
"""The file that tells what a folder holds."""
PARTS = "parts"
"""What a run that is under way, or was cut off, has written."""

CACHED_S = 3600.0
"""For how long a page keeps what was read; a file that has changed is read again at once."""
SHORT_COMMIT = 12
"""Characters of a commit: enough to find it."""

Stamp = tuple[int, int]
"""When a file was changed, in nanoseconds, and its size: what was cached of it holds while they do."""


@dataclass(frozen=True, slots=True)
class Held:
    """A folder of results."""

    folder: Path
    kind: Kind
    stamp: Stamp
    series: Stamp | None
    """Of the series; None where none were kept."""

    @property
    def name(self) -> str:
        """What the folder is called."""
        return self.folder.resolve().name

    @property
    def changed(self) -> float:
        """When it was written, in Unix time."""
        return self.stamp[0] / 1e9


@dataclass(frozen=True, slots=True)
class Shelf:
    """All folders of results, newest first, and those whose run has not ended."""

    held: tuple[Held, ...]
    unfinished: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """A suite of episodes, judged."""

    suite: str
    ours: str
    cells: tuple[Cell, ...]
    records: tuple[Record, ...]
    """Of every policy, the one that regrets least first."""
    bars: tuple[Bar, ...]
    unjudged: str
    """Why the bars cannot be judged; empty where they can, or there are none."""
    missing: tuple[tuple[str, str, int], ...]
    """Scenario, policy and seed of episodes that others of the same scenario have."""
    origin: Mapping[str, str]
    begun: float
    """Unix time."""

    def cell(self, scenario: str) -> Cell:
        """Return the cell of that name; the page offers no other."""
        return next(cell for cell in self.cells if cell.scenario == scenario)


@dataclass(frozen=True, slots=True)
class Turns:
    """A suite that judges turn by turn."""

    summaries: tuple[Summary, ...]
    unjudged: str
    """Why there is no summary; empty where there is."""
    rows: tuple[Mapping[str, object], ...]
    begun: float
    commits: tuple[str, ...]
    machines: tuple[str, ...]


def shelf(evals: Path) -> Shelf:
    """Return the results in *evals* itself and in the folders in it; nothing where there is no such folder.

    Raises:
        StoreError: it cannot be read.
    """
    if not evals.is_dir():
        return Shelf((), ())
    try:
        folders = [evals, *sorted(path for path in evals.iterdir() if path.is_dir())]
        held = [found for folder in folders for found in _held(folder)]
        known = {found.folder for found in held}
        begun = [f.resolve().name for f in folders if f not in known and any((f / PARTS).glob("*.parquet"))]
    except OSError as error:
        raise StoreError(f"{evals}: cannot be read: {error.strerror}; make it readable") from error
    return Shelf(tuple(sorted(held, key=lambda h: h.stamp, reverse=True)), tuple(begun))


def overview(folder: Path) -> Overview:
    """Return what a folder of episodes shows.

    Raises:
        UsageError: there are no episodes, or they cannot be read.
        InvalidDocument: a column is missing or holds something else; an episode is there twice.
    """
    results = without_trails(folder)
    judged = cells(results)
    bars: tuple[Bar, ...] = ()
    unjudged = ""
    try:
        bars = bars_of(results, judged)
    except TrimtabError as error:  # the rest of a partial run is worth showing
        unjudged = str(error)
    return Overview(
        suite=results.suites[0],
        ours=judged[0].roles.ours,
        cells=judged,
        records=records(judged),
        bars=bars,
        unjudged=unjudged,
        missing=results.missing(),
        origin=origin(results.rows),
        begun=_unix(min(row.started for row in results.rows)),
    )


def episodes(folder: Path, scenario: str, order: Sequence[str]) -> tuple[Row, ...]:
    """Return the episodes of a cell by policy, in that *order*, and seed; of others there are none.

    Raises:
        UsageError: they cannot be read.
        InvalidDocument: a column is missing or holds something else.
    """
    place = {policy: k for k, policy in enumerate(order)}
    rows = [row for row in rows_of(folder, scenario) if row.policy in place]
    return tuple(sorted(rows, key=lambda row: (place[row.policy], row.seed)))


def turns(folder: Path, kind: Kind) -> Turns:
    """Return what a folder of the suites `agent` and `injection` shows.

    Raises:
        StoreError: it cannot be read.
        UsageError: it holds something else.
    """
    rows, summarise = _rows_of_turns(folder, kind)
    summaries: tuple[Summary, ...] = ()
    unjudged = ""
    try:
        summaries = summarise()
    except TrimtabError as error:  # the rows show why
        unjudged = str(error)
    return Turns(
        summaries=summaries,
        unjudged=unjudged,
        rows=tuple(row.model_dump() for row in rows),
        begun=_unix(min((row.started for row in rows), default="")),
        commits=tuple(dict.fromkeys(row.git for row in rows)),
        machines=tuple(dict.fromkeys(row.machine for row in rows)),
    )


def _rows_of_turns(folder: Path, kind: Kind) -> tuple[Sequence[Kept], Callable[[], tuple[Summary, ...]]]:
    """Return the rows, and what sums them up."""
    if kind == "agent":
        judged_rows = judged.read(folder)
        return judged_rows, lambda: (tables.summarised(judged_rows), tables.by_kind(judged_rows))
    attacks = attacked.read(folder)
    return attacks, lambda: (attacked.summarised(attacks), attacked.by_channel(attacks))


def _held(folder: Path) -> Iterator[Held]:
    for kind, file in FILES.items():
        stamp = _stamp(folder / file)
        if stamp is not None:
            yield Held(folder, kind, stamp, _stamp(folder / SERIES) if kind == "episodes" else None)


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size


def _unix(iso: str) -> float:
    """Return a time of the rows; 0 where it is none, which no run began at."""
    try:
        return datetime.fromisoformat(iso).timestamp()
    except ValueError:
        return 0.0
