"""Damped Holt: a level and a trend that fades (Gardner & McKenzie 1985, "Forecasting trends in time
series").

    level' = a x + (1 - a)(level + phi trend)
    trend' = b (level' - level) + (1 - b) phi trend
    forecast j blocks ahead = level + (phi + ... + phi^j) trend

The guess is the highest of the blocks the horizon reaches into. It is run anew over each window,
so nothing is carried from one to the next. An unknown block is bridged by its own forecast.
"""

import math

from tools.forecast._registry import Guess, Numbers, register
from tools.forecast._windows import BLOCK_S, Window

LEVEL_WEIGHT = 0.3
TREND_WEIGHT = 0.2
DAMPING = 0.6
"""The best of 80 combinations on IPA's task, on every seventh window of the 14 training days."""


@register("holt")
class Holt:
    """Damped Holt over the block maxima."""

    def __init__(self, horizon_s: int, quantile: float) -> None:
        self._reach = math.ceil(horizon_s / BLOCK_S)

    def guess(self, window: Window) -> Guess:
        """Return the highest forecast block, at least 0."""
        level_rps, trend_rps = smoothed(window.maxima)
        best_rps, damping = -math.inf, 0.0
        for ahead in range(1, self._reach + 1):
            damping += DAMPING**ahead
            best_rps = max(best_rps, level_rps + damping * trend_rps)
        best_rps = max(0.0, best_rps)
        return Guess(best_rps, best_rps, "" if window.whole else "gap: bridged by the trend")

    def learn(self, window: Window, guess: Guess, target_rps: float) -> None:
        """Learn nothing: the parameters are fixed."""

    def numbers(self) -> Numbers:
        """Return nothing: nothing is learned."""
        return {}

    def take(self, numbers: Numbers) -> None:
        """Take nothing."""


def smoothed(maxima: list[float]) -> tuple[float, float]:
    """Return level and trend after *maxima* (rps, oldest first; NaN is unknown, not all)."""
    first = next(i for i, top in enumerate(maxima) if not math.isnan(top))
    level_rps, trend_rps = maxima[first], 0.0
    for top_rps in maxima[first + 1 :]:
        expected_rps = level_rps + DAMPING * trend_rps
        seen_rps = expected_rps if math.isnan(top_rps) else top_rps
        before_rps, level_rps = level_rps, expected_rps + LEVEL_WEIGHT * (seen_rps - expected_rps)
        trend_rps = TREND_WEIGHT * (level_rps - before_rps) + (1 - TREND_WEIGHT) * DAMPING * trend_rps
    return level_rps, trend_rps
