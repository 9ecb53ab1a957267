"""Buttons that act only where they have stood still: a refresh must not swap them under a hand.

The desk refuses an answer to what is no longer asked. It cannot know that a card moved up, or gave its place
to another, in the moment of a click: that click says what was drawn last, not what was read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

STILL_S = 4.0
"""How long a card has to have stood in its place: shorter than a refresh, longer than a hand takes."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What stood where when the page was drawn last."""

    keys: tuple[str, ...]
    """Of the cards, from the top."""
    since: tuple[float, ...]
    """For each card, since when it and all above it stand so; Unix time."""

    def still(self, index: int, now: float) -> bool:
        """Say whether a card has stood in its place for long enough."""
        return now - self.since[index] >= STILL_S


def laid_out(before: Layout | None, keys: Sequence[str], now: float) -> Layout:
    """Return the layout of the cards with these *keys*; on a page opened just now nothing can have moved."""
    now_keys = tuple(keys)
    if before is None:
        return Layout(now_keys, (0.0,) * len(now_keys))
    same = [before.keys[: k + 1] == now_keys[: k + 1] for k in range(len(now_keys))]
    since = tuple(before.since[k] if same[k] else now for k in range(len(now_keys)))
    return Layout(now_keys, since)
