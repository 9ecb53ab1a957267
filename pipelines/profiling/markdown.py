"""Tables and figures as Markdown writes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]
EXACT_FROM = 100
"""From here a figure is written without decimals."""


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def section(title: str, words: str, *tables: str) -> str:
    """Return a section: its title, a sentence or two, its tables."""
    return "\n\n".join(part for part in (f"### {title}", words) if part) + "\n\n" + "\n".join(tables)


def code(name: str) -> str:
    """Return a name set as code."""
    return f"`{name}`"


def figure(value: float) -> str:
    """Return a figure with three digits."""
    return f"{value:.3g}" if value < EXACT_FROM else f"{value:.0f}"


def milliseconds(interval: Json) -> str:
    """Return seconds with their interval, in milliseconds; a bound that is not known is left out."""
    low, high = (
        "" if bound is None else figure(1e3 * bound) for bound in (interval["low"], interval["high"])
    )
    return f"{figure(1e3 * interval['value'])} ({low}–{high})"


def share(interval: Json) -> str:
    """Return a share with its interval."""
    return "{value:.3f} ({low:.3f}–{high:.3f})".format_map(interval)


def correlation(phi: float | None) -> str:
    """Return a correlation, or that there is none."""
    return "none" if phi is None else f"{phi:.2f}"


def points(share: float, *, signed: bool = False) -> str:
    """Return a difference of shares in percentage points."""
    return f"{100 * share:+.1f}" if signed else f"{100 * share:.1f}"
