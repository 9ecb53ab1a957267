"""From samples, one a second, to what the methods see: the maxima and means of blocks of 10 s.

Missing is not zero. A sample is missing when it is `None`. A block, and likewise a target, is known
when at least half of its seconds are; it is then what the known ones say. Otherwise it is
unknown (NaN inside this package). Blocks are anchored to the newest sample, so the newest block is
never cut short by where the clock happens to stand.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import UsageError

BLOCK_S = 10
"""The resolution of IPA's predictor (its train.py): a maximum every ten seconds."""
BLOCKS = 12
"""Two minutes of history, as IPA's predictor sees."""
WINDOW_S = BLOCK_S * BLOCKS
MAX_HORIZON_S = 1800
"""Cold starts of large models take minutes; beyond half an hour a maximum says little."""
HISTORY_S = 2 * MAX_HORIZON_S
"""Samples kept: a window and the longest horizon after it, and enough to calibrate a new one."""
MAX_RPS = 1e12
"""Above this a sample is a fault of its source, and sums of squares would lose their digits."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Window:
    """Two minutes of load in blocks of ten seconds, oldest first; NaN is unknown."""

    maxima: list[float]
    means: list[float]
    whole: bool
    """Whether every block is known."""

    @property
    def known(self) -> list[float]:
        """The maxima of the known blocks, oldest first."""
        return self.maxima if self.whole else [m for m in self.maxima if not math.isnan(m)]

    @property
    def current(self) -> bool:
        """Whether the newest block is known."""
        return not math.isnan(self.maxima[-1])


def checked(samples: Sequence[float | None]) -> Floats:
    """Return *samples* (requests per second, one a second) as an array, missing ones as NaN.

    Raises `UsageError` naming the index of the first that is negative, NaN, infinite or absurd.
    """
    for index, sample in enumerate(samples):
        if sample is not None and not 0 <= sample <= MAX_RPS:
            raise UsageError(
                f"sample {index} is {sample!r} requests per second; it must lie between 0 and "
                f"{MAX_RPS:g}, or be None when it is missing"
            )
    return np.array(samples, dtype=np.float64)


class History:
    """The last hour of samples, addressed by the number of seconds observed before them."""

    def __init__(self, seconds: int = 0, kept: Floats | None = None) -> None:
        self.seconds = seconds
        """Seconds observed so far, missing ones included."""
        self._samples = np.full(2 * HISTORY_S, np.nan)
        self._end = HISTORY_S
        if kept is not None and len(kept):
            self._samples[self._end - len(kept) : self._end] = kept

    def append(self, samples: Floats) -> None:
        """Add at most `HISTORY_S` samples."""
        if self._end + len(samples) > len(self._samples):
            self._samples[:HISTORY_S] = self._samples[self._end - HISTORY_S : self._end]
            self._samples[HISTORY_S:] = np.nan
            self._end = HISTORY_S
        self._samples[self._end : self._end + len(samples)] = samples
        self._end += len(samples)
        self.seconds += len(samples)

    def kept(self) -> Floats:
        """Return the samples still held, oldest first."""
        return self._samples[self._end - min(self.seconds, HISTORY_S) : self._end].copy()

    def window(self, at: int) -> Window | None:
        """Return the window that ends *at* that many seconds, or `None` if no block is known."""
        stop = self._end - (self.seconds - at)
        cells = self._samples[stop - WINDOW_S : stop].reshape(BLOCKS, BLOCK_S)
        means = cells.mean(axis=1)
        if not np.isnan(means).any():
            return Window(cells.max(axis=1).tolist(), means.tolist(), whole=True)
        return _with_holes(cells)

    def target_rps(self, origin: int, horizon_s: int) -> float | None:
        """Return the maximum over the *horizon_s* seconds after *origin*, `None` if unknown."""
        start = self._end - (self.seconds - origin)
        cells = self._samples[start : start + horizon_s]
        top = float(cells.max())
        if not math.isnan(top):
            return top
        present = cells[~np.isnan(cells)]
        return float(present.max()) if _enough(len(present), horizon_s) else None


def _with_holes(cells: Floats) -> Window | None:
    """Return the window of *cells*, of which some are missing."""
    maxima, means = [math.nan] * BLOCKS, [math.nan] * BLOCKS
    for index, cell in enumerate(cells):
        present = cell[~np.isnan(cell)]
        if _enough(len(present), BLOCK_S):
            maxima[index], means[index] = float(present.max()), float(present.mean())
    missing = sum(map(math.isnan, maxima))
    return None if missing == BLOCKS else Window(maxima, means, whole=missing == 0)


def _enough(present: int, seconds: int) -> bool:
    """Whether *present* samples are enough to speak for *seconds*: at least half of them."""
    return 2 * present >= seconds
