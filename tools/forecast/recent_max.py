"""Expect the worst of the last half minute: simple, early to rise, late to fall."""

from tools.forecast._registry import Guess, Numbers, register
from tools.forecast._windows import Window

RECENT = 3
"""Blocks looked back: half a minute."""


def recent_max_rps(window: Window) -> float:
    """Return the highest of the newest `RECENT` known blocks."""
    return max(window.known[-RECENT:])


@register("max")
class RecentMax:
    """The maximum of the newest three known blocks of ten seconds, whatever the horizon."""

    def __init__(self, horizon_s: int, quantile: float) -> None:
        """Take any horizon and quantile: neither changes the guess."""

    def guess(self, window: Window) -> Guess:
        """Return the highest recent block."""
        top_rps = recent_max_rps(window)
        return Guess(top_rps, top_rps, "" if window.current else "gap: newest known blocks")

    def learn(self, window: Window, guess: Guess, target_rps: float) -> None:
        """Learn nothing."""

    def numbers(self) -> Numbers:
        """Return nothing: nothing is learned."""
        return {}

    def take(self, numbers: Numbers) -> None:
        """Take nothing."""
