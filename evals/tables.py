"""What the judgements look like in rows: for the terminal, for Markdown, and as text that a report sets.

Every figure stands with its 95 % interval over the seeds where there is one: `mean [low, high]`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rich.markup import escape
from rich.table import Table

from evals.standings import Cell, Record, Standing
from evals.stats import Comparison, Estimate

NONE = "–"
WHOLE = 10_000
"""From here on a figure is shown without decimals."""
MS = 1000.0
"""Milliseconds in a second: decisions are shown in them, and computed in seconds."""
VERDICTS = {"win": "ours better", "tie": "even", "loss": "ours worse"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a cell's table."""

    title: str
    text: Callable[[Standing], str]


def share(value: float | None, digits: int = 1) -> str:
    """Return a share in per cent."""
    return NONE if value is None else f"{value:.{digits}%}"


def plain(value: float | None) -> str:
    """Return a figure with four significant digits, and large ones never in powers of ten."""
    if value is None:
        return NONE
    return f"{value:.4g}" if abs(value) < WHOLE else f"{value:,.0f}"


def spread(of: Estimate | None, text: Callable[[float], str]) -> str:
    """Return a mean with its interval."""
    if of is None:
        return NONE
    if of.low is None or of.high is None:
        return text(of.mean)
    return f"{text(of.mean)} [{text(of.low)}, {text(of.high)}]"


def slo(cell: Cell) -> str:
    """Return the SLO of a cell, from the least to the greatest where its seeds have several."""
    ends = dict.fromkeys((cell.slos_s[0], cell.slos_s[-1]))
    return f"SLO {' to '.join(f'{end:g}' for end in ends)} s"


def versus(standing: Standing) -> str:
    """Return how ours stands to a policy: by how much, and how likely chance is."""
    match standing.versus:
        case None:
            return NONE
        case Comparison(difference=difference, outcome=outcome):
            chance = "" if standing.p is None else f", p {standing.p:.3f}"
            return f"{VERDICTS[outcome]} ({difference.mean:+.3g}{chance})"


COLUMNS = (
    Column("policy", lambda s: s.policy),
    Column("SLO attainment", lambda s: spread(s.attainment, lambda v: share(v, 2))),
    Column("effective accuracy", lambda s: spread(s.effective_accuracy, "{:.4f}".format)),
    Column("mean cores", lambda s: spread(s.mean_cores, "{:.2f}".format)),
    Column("score", lambda s: spread(s.score, plain)),
    Column("regret", lambda s: spread(s.relative_regret, share)),
    Column("ours against it", versus),
    Column("decision, ms", lambda s: NONE if s.decision_s is None else f"{s.decision_s.mean * MS:.2f}"),
    Column("switches", lambda s: f"{s.switches.mean:.1f}"),
    Column(
        "episodes", lambda s: f"{s.episodes} ({s.unscored} served nothing)" if s.unscored else f"{s.episodes}"
    ),
)
"""Everything, for pages."""
TERSE = (
    Column("policy", lambda s: s.policy),
    Column("attainment", lambda s: spread(_alone(s.attainment), share)),
    Column("accuracy", lambda s: spread(_alone(s.effective_accuracy), "{:.4f}".format)),
    Column("cores", lambda s: spread(_alone(s.mean_cores), "{:.2f}".format)),
    Column("score", lambda s: spread(s.score, plain)),
    Column("regret", lambda s: spread(_alone(s.relative_regret), share)),
    Column("", lambda s: "" if s.versus is None else VERDICTS[s.versus.outcome]),
    Column("ms", lambda s: NONE if s.decision_s is None else f"{s.decision_s.mean * MS:.2f}"),
    Column("switches", lambda s: f"{s.switches.mean:.1f}"),
)
"""What a terminal has room for; accuracy is the effective one."""
RECORD_HEAD = (
    "policy",
    "ours better",
    "even",
    "ours worse",
    "significant",
    "best in",
    "mean regret",
    "mean place",
)


def cell_rows(cell: Cell, columns: Sequence[Column] = COLUMNS) -> list[tuple[str, ...]]:
    """Return a cell's table, best score first, without its head."""
    return [tuple(column.text(standing) for column in columns) for standing in cell.standings]


def record_rows(records: Sequence[Record]) -> list[tuple[str, ...]]:
    """Return how ours fared against each policy, the one that regrets least first."""
    return [
        (
            record.policy,
            *(map(str, (record.wins, record.ties, record.losses)) if record.cells else (NONE, NONE, NONE)),
            str(record.significant) if record.cells else NONE,
            str(record.best),
            share(record.relative_regret),
            plain(record.mean_place),
        )
        for record in records
    ]


def cell_table(cell: Cell) -> Table:
    """Return a cell's table for the terminal."""
    title = f"{cell.scenario}: {slo(cell)}, {len(cell.seeds)} seeds, 95 % intervals"
    return _table(title, [column.title for column in TERSE], cell_rows(cell, TERSE), ours=cell.roles.ours)


def record_table(records: Sequence[Record], ours: str) -> Table:
    """Return how ours fared against each policy, for the terminal."""
    return _table(f"{ours} against each policy, by cells", RECORD_HEAD, record_rows(records), ours=ours)


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown: the first column to the left, figures to the right."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(_line(cells) for cells in (head, rule, *rows))


def _alone(of: Estimate | None) -> Estimate | None:
    """Return a mean without its interval."""
    return of and replace(of, low=None, high=None)


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]], *, ours: str) -> Table:
    table = Table(title=escape(title))
    for k, name in enumerate(head):
        table.add_column(escape(name), justify="right" if k else "left")
    for row in rows:
        table.add_row(*map(escape, row), style="bold" if row[0] == ours else None)
    return table


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
