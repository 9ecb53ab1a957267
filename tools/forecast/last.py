"""Expect the last block again: the reference that every forecaster must beat."""

from tools.forecast._registry import Guess, Numbers, register
from tools.forecast._windows import Window


@register("last")
class Last:
    """The maximum of the newest known ten seconds, whatever the horizon."""

    def __init__(self, horizon_s: int, quantile: float) -> None:
        """Take any horizon and quantile: neither changes the guess."""

    def guess(self, window: Window) -> Guess:
        """Return the newest known block."""
        last_rps = window.known[-1]
        return Guess(last_rps, last_rps, "" if window.current else "gap: newest known block")

    def learn(self, window: Window, guess: Guess, target_rps: float) -> None:
        """Learn nothing."""

    def numbers(self) -> Numbers:
        """Return nothing: nothing is learned."""
        return {}

    def take(self, numbers: Numbers) -> None:
        """Take nothing."""
