"""The breaker: after several failed decisions in a row the model is left alone for a while.

closed     asked as usual
open       not asked; after the cool-down
half-open  one decision tries: success closes it, failure opens it again
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

State = Literal["closed", "open", "half-open"]


@dataclass(slots=True)
class Breaker:
    """Counts failed decisions. A new one that starts with too many behind it is half-open: it tries once."""

    most_failures: int
    cool_down_s: float
    clock: Callable[[], float]
    """Seconds; whatever it counts from."""
    failures: int = 0
    """Failed decisions in a row."""
    opened_s: float | None = None
    """When it opened; None where that was before this process."""

    @property
    def state(self) -> State:
        """Where it stands now."""
        if self.failures < self.most_failures:
            return "closed"
        if self.opened_s is None or self.clock() - self.opened_s >= self.cool_down_s:
            return "half-open"
        return "open"

    @property
    def left_s(self) -> float:
        """Seconds until it tries again; 0 where it does."""
        if self.state != "open" or self.opened_s is None:
            return 0.0
        return max(0.0, self.opened_s + self.cool_down_s - self.clock())

    def succeeded(self) -> None:
        """Close it."""
        self.failures, self.opened_s = 0, None

    def failed(self) -> None:
        """Count one more; open it where they are too many."""
        self.failures += 1
        if self.failures >= self.most_failures:
            self.opened_s = self.clock()
