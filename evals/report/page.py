"""Put the judgements, the figures and where they come from on one page. The words are in the templates."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from core.errors import UsageError
from evals.frames import Results, load, origin
from evals.report.episode import episode, shown, told_apart
from evals.report.ink import Style, styles
from evals.report.pareto import pareto
from evals.report.regret import regret_bars
from evals.standings import ORACLE, Cell, Record, Roles, cells, records
from evals.stats import Outcome, least_p
from evals.tables import COLUMNS, NONE, RECORD_HEAD, cell_rows, plain, record_rows, share, slo

FOLDER = Path(__file__).parent
TEMPLATE = "page.html.j2"
MOST_HEAT = 0.5
"""Regret from which a square of the overview has its full colour."""
SIGNS: Mapping[Outcome, str] = {"win": "", "tie": "=", "loss": "▴"}
"""How a policy stands to ours, in the overview."""


@dataclass(frozen=True, slots=True)
class Square:
    """One policy in one cell, in the overview."""

    text: str
    heat: int
    """Strength of its colour in per cent."""
    sign: str
    tip: str


@dataclass(frozen=True, slots=True)
class Line:
    """One policy's row in the overview."""

    policy: str
    mean: str
    squares: tuple[Square, ...]


@dataclass(frozen=True, slots=True)
class CellView:
    """One cell on the page."""

    cell: Cell
    anchor: str
    figure: Markup | None
    lines: tuple[Style, ...]
    """Of the figure, ours first."""
    rows: Sequence[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class GroupView:
    """What belongs to one trace or family."""

    name: str
    anchor: str
    pareto: Markup
    regret: Markup | None
    cells: tuple[CellView, ...]


def write_report(folder: Path, out: Path) -> None:
    """Write the report of the results in *folder* to *out*.

    Raises:
        UsageError: there are no results, or the file cannot be written.
    """
    text = render(load(folder))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror}") from error


def render(results: Results) -> str:
    """Return the page."""
    judged = cells(results)
    roles, drawn = judged[0].roles, styles(results.policies, judged[0].roles)
    against = records(judged)
    grouped = _by_group(judged)
    return (
        _environment()
        .get_template(TEMPLATE)
        .render(
            results=results,
            roles=roles,
            styles=drawn,
            judged=judged,
            seeds=max(len(cell.seeds) for cell in judged),
            least_p=least_p(max(len(cell.seeds) for cell in judged)),
            ours=_of(roles.ours, against),
            best_rival=next((r for r in against if roles.is_rival(r.policy)), None),
            beaten=_beaten(against, roles),
            groups=[_group(name, of, results, drawn) for name, of in grouped],
            overview_groups=[(name, len(of)) for name, of in grouped],
            overview_cells=[cell for _, of in grouped for cell in of],
            overview=list(_overview([cell for _, of in grouped for cell in of], against)),
            record_head=RECORD_HEAD,
            record_rows=record_rows(against),
            cell_head=[column.title for column in COLUMNS],
            origin=origin(results.rows),
            missing=results.missing(),
        )
    )


def anchor(text: str) -> str:
    """Return a text as the fragment of an address."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _by_group(judged: Sequence[Cell]) -> list[tuple[str, list[Cell]]]:
    ordered = sorted(judged, key=lambda cell: (cell.group, cell.scenario))
    return [(name, list(of)) for name, of in groupby(ordered, key=lambda cell: cell.group)]


def _group(name: str, of: Sequence[Cell], results: Results, drawn: Mapping[str, Style]) -> GroupView:
    key = anchor(name)
    return GroupView(
        name=name,
        anchor=key,
        pareto=pareto(f"pareto-{key}", of, drawn),
        regret=regret_bars(f"regret-{key}", of, drawn),
        cells=tuple(_cell(cell, results, drawn) for cell in of),
    )


def _cell(cell: Cell, results: Results, drawn: Mapping[str, Style]) -> CellView:
    key = anchor(cell.scenario)
    lines = told_apart(shown(cell, results.trails), drawn)
    return CellView(
        cell=cell,
        anchor=key,
        figure=episode(f"episode-{key}", cell, results.trails, lines),
        lines=tuple(lines.values()),
        rows=cell_rows(cell),
    )


def _overview(judged: Sequence[Cell], against: Sequence[Record]) -> Iterator[Line]:
    for record in against:
        if not record.policy.startswith(ORACLE):
            squares = tuple(_square(record.policy, cell) for cell in judged)
            yield Line(record.policy, share(record.relative_regret), squares)


def _square(policy: str, cell: Cell) -> Square:
    standing = cell.find(policy)
    if standing is None or standing.relative_regret is None:
        return Square(NONE, 0, "", f"{policy} has no regret in {cell.scenario}")
    regret = standing.relative_regret.mean
    sign = SIGNS[standing.versus.outcome] if standing.versus else ""
    heat = round(100 * max(0.0, min(1.0, regret / MOST_HEAT)))
    score = None if standing.score is None else standing.score.mean
    tip = f"{policy} in {cell.scenario}: score {plain(score)}"
    return Square(f"{100 * regret:.0f}", heat, sign, f"{tip}, regret {share(regret, 2)}")


def _of(policy: str, against: Sequence[Record]) -> Record | None:
    return next((record for record in against if record.policy == policy), None)


def _beaten(against: Sequence[Record], roles: Roles) -> tuple[int, int, int]:
    """Return wins, ties and losses of ours against all rivals together."""
    rivals = [record for record in against if roles.is_rival(record.policy)]
    return sum(r.wins for r in rivals), sum(r.ties for r in rivals), sum(r.losses for r in rivals)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(share=share, anchor=anchor, slo=slo)
    return environment
