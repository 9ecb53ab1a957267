"""What a suite comes to: a table, what remains to be said, and whether its bar is met."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rich.markup import escape
from rich.table import Table

WIDE = 8
"""Columns; more do not fit into a terminal of usual width."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A table for people; every figure of it is worked out from rows that are on disk."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    """Where the bar is not met; empty where it is."""

    @property
    def passed(self) -> bool:
        """Whether the bar is met."""
        return not self.failures


def table_of(summary: Summary) -> Table:
    """Return the summary for a terminal; what is too wide for one is turned on its side."""
    if len(summary.columns) > WIDE:
        columns = (summary.columns[0], *(row[0] for row in summary.rows))
        turned = tuple(zip(summary.columns[1:], *(row[1:] for row in summary.rows), strict=True))
        summary = replace(summary, columns=columns, rows=turned)
    caption = "\n".join((*summary.notes, *(f"FAILED: {line}" for line in summary.failures)))
    table = Table(title=escape(summary.title), caption=escape(caption) or None, caption_justify="left")
    for number, column in enumerate(summary.columns):
        table.add_column(escape(column), justify="left" if number == 0 else "right")
    for row in summary.rows:
        table.add_row(*(escape(cell) for cell in row))
    return table


def markdown_of(summary: Summary) -> str:
    """Return the summary as Markdown: a heading, a table, the notes."""
    head, rule = _line(summary.columns), _line(("---", *("---:" for _ in summary.columns[1:])))
    parts = [f"### {_cell(summary.title)}", "\n".join((head, rule, *(_line(row) for row in summary.rows)))]
    parts += [_cell(note) for note in summary.notes]
    parts += [f"**Not met:** {_cell(line)}" for line in summary.failures]
    return "\n\n".join(parts) + "\n"


def percent(part: int, whole: int) -> str:
    """Return a share with what it is of; a dash where there is nothing."""
    return f"{100 * part / whole:.0f} % ({part}/{whole})" if whole else "-"


def mean(values: list[float], unit: str, *, digits: int) -> str:
    """Return a mean with its unit; a dash where there is nothing."""
    return f"{sum(values) / len(values):.{digits}f}{unit}" if values else "-"


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _cell(text: str) -> str:
    """Return text that cannot end its cell or be read as markup."""
    one_line = " ".join(text.split())
    for char in ("\\", "|", "<", "`"):
        one_line = one_line.replace(char, f"\\{char}" if char != "<" else "&lt;")
    return one_line
