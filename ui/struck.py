"""Figures of a text struck through in the text itself, so that it can be shown without any markup."""

from __future__ import annotations

import re
from collections.abc import Iterable

STROKE = "\N{COMBINING LONG STROKE OVERLAY}"
"""Drawn through the character before it."""


def struck(text: str, figures: Iterable[str]) -> str:
    """Return *text* with each of *figures* struck through wherever it stands as a number of its own.

    Strokes that the text brings itself are taken out: none but these says anything of a figure.
    """
    found = text.replace(STROKE, "")
    patterns = [_pattern(figure) for figure in sorted(set(figures), key=len, reverse=True) if figure.strip()]
    if not patterns:
        return found
    return re.sub("|".join(patterns), lambda match: _through(match.group()), found)


def written_in(text: str, figures: Iterable[str]) -> tuple[str, ...]:
    """Return those of *figures* that stand in *text*."""
    return tuple(figure for figure in figures if figure.strip() and re.search(_pattern(figure), text))


def _through(figure: str) -> str:
    return "".join(f"{character}{STROKE}" for character in figure)


def _pattern(figure: str) -> str:
    """Return how a figure stands in a text; `agent.llm.grounding` puts one space before its unit.

    It is no part of a longer number, nor of a name: of letters only a multiplication's x may stand beside it.
    """
    number, *unit = figure.split()
    apart = "".join(rf"[\s-]+{re.escape(part)}" for part in unit)
    thousands = r"(?<!\d,)" if re.match(r"\d{3}(?!\d)", number) else ""
    before = rf"(?<![^\WxX])(?<![^\W\d][xX])(?<!\d\.){thousands}"
    after = r"(?![^\W\d])" if figure[-1] in "xX" else r"(?!\w)"
    return rf"{before}{re.escape(number)}{apart}{after}(?!\.\d)(?!,\d{{3}})"
