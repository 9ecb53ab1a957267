"""Text from elsewhere made fit for a terminal: no control characters, no hidden ones, no endless lines."""

from __future__ import annotations

import re
import unicodedata

from core.configuration import Configuration

MOST_LINE = 600
"""Characters of one statement that are shown: six lines of a wide terminal."""
BREAKS = ("Zl", "Zp")
"""Unicode's own line and paragraph separators; all of its control, format (bidirectional overrides,
zero-width), surrogate, private and unassigned characters begin with C."""
BREAK = re.compile(r" *\0[ \0]*")
"""A run with anything hidden in it, which one space stands for; plain spaces, as in a table, stay."""


def neutral(text: str, most: int = MOST_LINE) -> str:
    """Return *text* on one line, without what a terminal would obey or hide, cut to *most* characters."""
    marked = "".join("\0" if _hidden(char) else char for char in text[: 4 * most])
    shown = BREAK.sub(" ", marked).strip()
    return shown if len(shown) <= most and len(text) <= 4 * most else f"{shown[: most - 1]}…"


def figure(value: float | None, unit: str = "") -> str:
    """Return a figure with four digits, or that it is unknown."""
    return "unknown" if value is None else f"{value:.4g}{unit}"


def share(value: float | None) -> str:
    """Return a share in per cent, or that it is unknown."""
    return "unknown" if value is None else f"{value:.1%}"


def count(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def settings(configuration: Configuration | None) -> str:
    """Return a configuration in one line, or that it is unknown."""
    if configuration is None:
        return "unknown"
    return ", ".join(f"{s.stage}={s.variant}/{s.batch}x{s.replicas}" for s in configuration.stages)


def difference(before: Configuration | None, after: Configuration) -> str:
    """Return what changes from one configuration to another, stage by stage."""
    if before is None:
        return settings(after)
    changes = []
    for setting in after.stages:
        ran = before.by_stage.get(setting.stage)
        now = f"{setting.variant}/{setting.batch}x{setting.replicas}"
        if ran is None:
            changes.append(f"{setting.stage}: {now}, new")
        elif ran != setting:
            changes.append(f"{setting.stage}: {ran.variant}/{ran.batch}x{ran.replicas} → {now}")
    return "; ".join(changes) or "no stage"


def _hidden(char: str) -> bool:
    category = unicodedata.category(char)
    return category.startswith("C") or category in BREAKS
