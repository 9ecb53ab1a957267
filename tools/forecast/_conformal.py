"""Adaptive conformal inference: an upper quantile that is right as often as it says.

The score of a past forecast is how far the target lay above its base, relative to the base:

    s = (y - base) / max(base, 1 rps)

The upper quantile is `base + q * max(base, 1 rps)`, with q the ceil((n + 1)(1 - a))-th smallest of
the last n scores (split conformal prediction), and `a` follows the misses, so that coverage holds
on average whatever the series does (Gibbs & Candès 2021, "Adaptive conformal inference under
distribution shift", equation 2):

    a <- a + gamma * ((1 - quantile) - missed)

We differ from the paper in three ways. Targets overlap and are scored when the horizon has passed,
not at the next step. `a` is kept between a tenth and twice its nominal value: unbounded, it drifts
off while a constant load never misses, and its way back would cost many misses; the guarantee is
lost only while the bound is active. A rank beyond n gives the largest score, not infinity.
"""

import math
from bisect import bisect_left, insort
from collections import deque

from core.errors import UsageError

GAMMA = 0.005
"""The step size of the paper's experiments."""
REMEMBERED = 1000
"""Scores kept: 2.8 hours of one every ten seconds, so that the margin follows the day."""
WARM_UP = 20
"""With fewer scores the tail is unknown: the missing ones are taken to be `FIRST_MARGIN`."""
FIRST_MARGIN = 0.5
"""Before anything is known: half as much again, on the safe side of a short history."""
ENOUGH_TO_SAY = 50
"""Scored targets before a coverage is stated: its standard error at 0.9 is then 0.04."""
RESOLUTION_RPS = 1.0
"""One request a second: below it a relative error means nothing."""


class Calibrator:
    """Turns bases into upper quantiles, for one method and horizon, and counts the misses."""

    def __init__(self, quantile: float) -> None:
        self.quantile = quantile
        self.scored = 0
        self.missed = 0
        self._nominal = 1 - quantile
        self._level = self._nominal
        self._scores: deque[float] = deque()
        self._sorted: list[float] = []
        self._hits: deque[bool] = deque(maxlen=REMEMBERED)
        self._hit_count = 0

    @property
    def coverage(self) -> float | None:
        """The share of the last `REMEMBERED` targets at or below their upper quantile, if known."""
        if len(self._hits) < ENOUGH_TO_SAY:
            return None
        return self._hit_count / len(self._hits)

    def upper_rps(self, point_rps: float, base_rps: float) -> float:
        """Return the upper quantile over *base_rps*, never below *point_rps*."""
        return max(point_rps, base_rps + self._margin() * max(base_rps, RESOLUTION_RPS))

    def settle(self, *, base_rps: float, upper_rps: float, target_rps: float) -> None:
        """Score a forecast of *upper_rps* made on *base_rps* against what came."""
        hit = target_rps <= upper_rps
        self._count(hit)
        self._follow(hit)
        self._remember((target_rps - base_rps) / max(base_rps, RESOLUTION_RPS))

    def numbers(self) -> dict[str, list[float]]:
        """Return everything learned, JSON-plain."""
        return {
            "level": [self._level],
            "counts": [float(self.scored), float(self.missed)],
            "scores": list(self._scores),
            "hits": [float(hit) for hit in self._hits],
        }

    def take(self, numbers: dict[str, list[float]]) -> None:
        """Continue from what `numbers` returned; `UsageError` if it cannot be that."""
        try:
            (self._level,) = numbers["level"]
            scored, missed = numbers["counts"]
            scores, hits = numbers["scores"], numbers["hits"]
        except (KeyError, ValueError) as error:
            raise UsageError("the state of a forecaster's calibration is damaged") from error
        self.scored, self.missed = int(scored), int(missed)
        self._scores, self._sorted = deque(scores), sorted(scores)
        self._hits = deque((bool(hit) for hit in hits), maxlen=REMEMBERED)
        self._hit_count = sum(self._hits)

    def _margin(self) -> float:
        """Return the score that the share 1 - a of the remembered ones does not exceed."""
        scores = self._sorted
        if len(scores) < WARM_UP:
            scores = sorted([*scores, *[FIRST_MARGIN] * (WARM_UP - len(scores))])
        rank = math.ceil((len(scores) + 1) * (1 - self._level))
        return scores[min(rank, len(scores)) - 1]

    def _count(self, hit: bool) -> None:
        """Count one scored target."""
        self.scored += 1
        self.missed += not hit
        if len(self._hits) == REMEMBERED:
            self._hit_count -= self._hits[0]
        self._hits.append(hit)
        self._hit_count += hit

    def _follow(self, hit: bool) -> None:
        """Move the level against the misses, inside its bounds."""
        moved = self._level + GAMMA * (self._nominal - (not hit))
        self._level = min(max(moved, self._nominal / 10), 2 * self._nominal)

    def _remember(self, score: float) -> None:
        """Keep *score*, and forget the oldest beyond `REMEMBERED`."""
        self._scores.append(score)
        insort(self._sorted, score)
        if len(self._scores) > REMEMBERED:
            del self._sorted[bisect_left(self._sorted, self._scores.popleft())]
