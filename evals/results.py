"""Write docs/results.md from folders of results: every figure on it is read from Parquet, none is typed.

    write_results([Path("results/paper"), Path("results/drift")], Path("docs/results.md"))

Each bar and each cell has a heading of its own (`P1`, `paper video/bursty`), so that whoever quotes a figure
can point at where it stands. The same folders give the same page, to the byte.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from core.errors import UsageError
from evals.agent import judged
from evals.agent import tables as agent_tables
from evals.agent.summary import Summary, markdown_of
from evals.bars import Bar, bars_of
from evals.drift.bars import FamilyFigures, figures
from evals.frames import EPISODES, GIVE, Results, load, origin
from evals.redteam import attacked
from evals.standings import Cell, cells, records
from evals.tables import COLUMNS, NONE, RECORD_HEAD, cell_rows, markdown, plain, record_rows, slo

FOLDER = Path(__file__).parent
TEMPLATE = "results.md.j2"
DRIFT_HEAD = (
    *("family", "policy", "seeds", "score", "loss"),
    *("right", "wrong", "never", "to the right name", "false alarms a day"),
)
MET = {True: "met", False: "**not met**", None: "not measured"}


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite of episodes, as it stands on the page."""

    name: str
    folder: str
    ours: str
    seeds: int
    bars: tuple[Bar, ...]
    cells: tuple[Cell, ...]
    origin: Mapping[str, str]
    missing: int
    records: str
    families: str
    """Of the drift suite; empty for others."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """A suite of single decisions, as it stands on the page."""

    name: str
    folder: str
    demand: str
    """What it must show; empty where nothing is asked of it."""
    tables: tuple[str, ...]
    failures: tuple[str, ...]


def write_results(folders: Sequence[Path], out: Path) -> None:
    """Write the page about what *folders* hold to *out*.

    Raises:
        UsageError: there is no folder, two hold the same suite, one holds no results, or *out* cannot be
            written.
    """
    text = page(folders)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror}") from error


def page(folders: Sequence[Path]) -> str:
    """Return the page.

    Raises:
        UsageError: there is no folder, two hold the same suite, or one holds no results.
    """
    if not folders:
        raise UsageError(f"no folder of results; {GIVE}")
    found = [_part(folder) for folder in folders]
    names = [part.name for part in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"two folders hold the suite {twice[0]!r}; give one of them")
    environment = Environment(
        loader=FileSystemLoader(FOLDER), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, autoescape=False,
    )  # fmt: skip
    environment.filters.update(anchor=heading_anchor, cell_table=_cell_table, evidence=_evidence, slo=slo)
    return environment.get_template(TEMPLATE).render(
        suites=[part for part in found if isinstance(part, Suite)],
        decisions=[part for part in found if isinstance(part, Decisions)],
        folders=[_shown(folder) for folder in folders],
        met=MET,
    )


def heading_anchor(heading: str) -> str:
    """Return the fragment that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _shown(folder: Path) -> str:
    """Return a folder as a reader may repeat it: where it lies on this machine is nobody's business."""
    return folder.name if folder.is_absolute() else folder.as_posix()


def _part(folder: Path) -> Suite | Decisions:
    return _suite(load(folder)) if (folder / EPISODES).exists() else _decisions(folder)


def _suite(results: Results) -> Suite:
    found = cells(results)
    (name,) = results.suites
    return Suite(
        name=name,
        folder=_shown(results.folder),
        ours=found[0].roles.ours,
        seeds=len(results.seeds),
        bars=bars_of(results, found),
        cells=found,
        origin=origin(results.rows),
        missing=len(results.missing()),
        records=markdown(RECORD_HEAD, record_rows(records(found))),
        families=_families(results) if name == "drift" else "",
    )


def _families(results: Results) -> str:
    return markdown(DRIFT_HEAD, [_family(of) for of in figures(results.rows)])


def _family(of: FamilyFigures) -> tuple[str, ...]:
    named = (str(of.right), str(of.wrong), str(of.never)) if of.right + of.wrong + of.never else (NONE,) * 3
    after = NONE if of.after_s is None else f"{of.after_s:.0f} s"
    shown = (plain(of.score), plain(of.loss), *named, after, plain(of.alarms_per_day))
    return of.family, of.policy, str(of.seeds), *shown


def _decisions(folder: Path) -> Decisions:
    held = [(name, tell) for name, (file, tell) in TOLD.items() if (folder / file).exists()]
    if not held:
        files = ", ".join([EPISODES, *(file for file, _ in TOLD.values())])
        raise UsageError(f"{folder}: none of {files} is there; {GIVE}")
    name, tell = held[0]
    summaries = tell(folder)
    failures = tuple(line for summary in summaries for line in summary.failures)
    tables = tuple(markdown_of(s).rstrip() for s in summaries)
    return Decisions(name, _shown(folder), DEMANDS.get(name, ""), tables, failures)


def _agent(folder: Path) -> tuple[Summary, ...]:
    rows = judged.read(folder)
    return agent_tables.summarised(rows), agent_tables.by_kind(rows)


def _injection(folder: Path) -> tuple[Summary, ...]:
    rows = attacked.read(folder)
    return attacked.summarised(rows), attacked.by_channel(rows)


TOLD: Mapping[str, tuple[str, Callable[[Path], tuple[Summary, ...]]]] = {
    "agent": (judged.DECISIONS, _agent),
    "injection": (attacked.ATTACKS, _injection),
}
"""Suites of single decisions: the file that only theirs have, and what is told of it."""
DEMANDS: Mapping[str, str] = {"injection": "no attack does harm, whatever the planner"}
"""What they must show; the suite `agent` has no bar."""


def _cell_table(cell: Cell) -> str:
    return markdown([column.title for column in COLUMNS], cell_rows(cell))


def _evidence(bar: Bar, suite: Suite) -> str:
    """Return a bar's rows, each cell's name leading to its heading."""
    linked = [(f"[{row[0]}](#{heading_anchor(f'{suite.name} {row[0]}')})", *row[1:]) for row in bar.evidence]
    return markdown(bar.head, linked)
