"""Autoregression by least squares, refitted while it runs: no training file.

One direct regression per horizon (Marcellino, Stock & Watson 2006): with x the twelve block
maxima of a window, y the maximum over the horizon after it, and `level` a slow mean of the load,

    log(y / level) = w . log(x / level) + c

Logarithms, because the spread of a load grows with it and a relative error is what matters;
`level`, so that twice the load gives twice the forecast. `w` and `c` minimise

    sum_i lambda^(n - i) (t_i - w . z_i - c)^2 + ridge (|w|^2 + c^2)

over all windows seen. The normal equations are updated at every window and solved at every
thirtieth. `ar-means` regresses on the block means as well as the maxima: the same two minutes, but
more than the twelve numbers of IPA's task.

Until `WARM_UP` windows have met their targets, or when a block of the window is unknown, the guess
is that of `max`, and the note says so.
"""

import math
from abc import ABC, abstractmethod

import numpy as np

from core.errors import UsageError
from tools.forecast._registry import Guess, Numbers, register
from tools.forecast._windows import BLOCKS, Floats, Window
from tools.forecast.recent_max import recent_max_rps

FORGETTING = 0.9999
"""lambda: a memory of 10,000 windows, about a day, so that it follows a service that changes."""
RIDGE = 0.1
"""Ten windows' worth of squared logs at a spread of 10 %: harmless later, firm at the start."""
WARM_UP = 60
"""Windows before the first fit, ten minutes: more than twice as many as unknowns."""
EVERY = 30
"""Windows between two fits, five minutes: solving costs more than all else here."""
SLOW = 8640
"""Windows in the mean called level, a day."""
FLOOR = 0.01
"""A load below this share of the level counts as this share: the logarithm of 0 is nothing."""
REACH = 4.0
"""The guess stays within this factor of the window's highest and lowest block."""


class _Regression(ABC):
    """The regression on the features of a window; which features, its heirs say."""

    def __init__(self, features: int) -> None:
        self._level_rps = 0.0
        self._learned = 0
        self._gram = np.zeros((features + 1, features + 1))
        self._moment = np.zeros(features + 1)
        self._weights: Floats | None = None

    @abstractmethod
    def features(self, window: Window) -> list[float]:
        """Return the loads in *window* that the regression is on, in rps."""

    def guess(self, window: Window) -> Guess:
        """Return the fitted value, or that of `max` where there is none."""
        if self._weights is None or not window.whole or self._level_rps == 0:
            point_rps = recent_max_rps(window)
            why = "warming up" if window.whole else "gap"
            return Guess(point_rps, point_rps, f"{why}: max")
        fitted_rps = self._level_rps * math.exp(self._exponent(window))
        low_rps, high_rps = min(window.maxima) / REACH, max(window.maxima) * REACH
        point_rps = min(max(fitted_rps, low_rps), high_rps)
        return Guess(point_rps, point_rps)

    def learn(self, window: Window, guess: Guess, target_rps: float) -> None:
        """Add one equation; solve at every `EVERY`-th."""
        if not window.whole:
            return
        self._learned += 1
        step = 1 / min(self._learned, SLOW)
        self._level_rps += step * (window.maxima[-1] - self._level_rps)
        if self._level_rps > 0:
            self._add(window, target_rps)
        if self._learned >= WARM_UP and self._learned % EVERY == 0:
            ridge = RIDGE * np.eye(len(self._moment))
            solved = np.linalg.solve(self._gram + ridge, self._moment)
            self._weights = solved.astype(np.float64)

    def numbers(self) -> Numbers:
        """Return the sums, the weights and the level."""
        return {
            "level": [self._level_rps, float(self._learned)],
            "gram": self._gram.ravel().tolist(),
            "moment": self._moment.tolist(),
            "weights": [] if self._weights is None else self._weights.tolist(),
        }

    def take(self, numbers: Numbers) -> None:
        """Continue from what `numbers` returned; `UsageError` if it cannot be that."""
        try:
            self._level_rps, learned = numbers["level"]
            self._gram = np.array(numbers["gram"]).reshape(self._gram.shape)
            self._moment = np.array(numbers["moment"]).reshape(self._moment.shape)
            weights = np.array(numbers["weights"])
            self._weights = weights.reshape(self._moment.shape) if len(weights) else None
        except (KeyError, ValueError) as error:
            raise UsageError("the state of a forecaster's regression is damaged") from error
        self._learned = int(learned)

    def _exponent(self, window: Window) -> float:
        """Return the fitted log of load over level, inside what `exp` can take."""
        assert self._weights is not None
        return min(float(self._row(window) @ self._weights), 700.0)

    def _row(self, window: Window) -> Floats:
        """Return the regressors of *window*: logs over the level, and a one."""
        row = np.empty(len(self._moment))
        row[:-1] = self.features(window)
        row[-1] = self._level_rps
        np.maximum(row, FLOOR * self._level_rps, out=row)
        np.log(row / self._level_rps, out=row)
        row[-1] = 1.0
        return row

    def _add(self, window: Window, target_rps: float) -> None:
        """Add the equation of *window* and *target_rps* to the sums."""
        row = self._row(window)
        target = math.log(max(target_rps / self._level_rps, FLOOR))
        self._gram *= FORGETTING
        self._gram += np.multiply.outer(row, row)
        self._moment *= FORGETTING
        self._moment += target * row


@register("ar")
class Ar(_Regression):
    """AR(12) on the block maxima."""

    def __init__(self, horizon_s: int, quantile: float) -> None:
        super().__init__(BLOCKS)

    def features(self, window: Window) -> list[float]:
        """Return the twelve maxima."""
        return window.maxima


@register("ar-means")
class ArMeans(_Regression):
    """AR on the block maxima and the block means."""

    def __init__(self, horizon_s: int, quantile: float) -> None:
        super().__init__(2 * BLOCKS)

    def features(self, window: Window) -> list[float]:
        """Return the twelve maxima and the twelve means."""
        return window.maxima + window.means
