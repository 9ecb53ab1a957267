"""A surge: surely more arrives in these seconds than is expected, and an average would show it late.

The mean of the last two to five seconds is held against the forecast. It is a surge if the mean exceeds it by
more than chance adds to a Poisson count, and by a share that no forecast would follow in time. A surge
goes on rising while capacity for it loads, so what it has brought is expected once and a half again, and it
is held until the averages have followed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from core.values import Count, Frozen, NonNegative

LEAST_RECENT_S, MOST_RECENT_S = 2, 5
"""Seconds whose mean is what arrives now: one alone says little of a rate, and a surge is soon longer."""
SURE = 1.64
"""Standard deviations: 95 % of Poisson counts stay below so many above their mean."""
LEAST_SURGE = 1.4
"""Times the expected load; less is no surge but what the forecast will follow."""
RISING = 1.5
"""Of what a surge has brought, how much it brings until capacity that is asked for now is ready."""
HELD_S = 20
"""For so long a surge is expected to go on: until averages show it, and it alone, two decisions later."""


class Surge(Frozen):
    """The last surge that was seen."""

    brings_rps: NonNegative = 0.0
    """The load it is expected to reach; 0 where there is none."""
    since: Count = 0
    """When it was seen last, in seconds observed."""

    def followed(self, newest: Sequence[float | None], expected_rps: float, now: int) -> Surge:
        """Return the surge *now*, *newest* being the last samples, in requests per second, oldest first."""
        found_rps = _reached_rps(newest, expected_rps)
        if found_rps >= self.brings_rps or now - self.since > HELD_S:
            return Surge(brings_rps=found_rps, since=now)
        return self


def _reached_rps(newest: Sequence[float | None], expected_rps: float) -> float:
    """Return the load that a surge will reach, 0 where there is none."""
    found_rps = 0.0
    for seconds in range(LEAST_RECENT_S, MOST_RECENT_S + 1):
        known = [rps for rps in newest[-seconds:] if rps is not None]
        if len(known) < LEAST_RECENT_S:
            continue
        mean_rps = sum(known) / len(known)
        is_sure = mean_rps - SURE * math.sqrt(mean_rps / len(known)) > expected_rps
        if is_sure and mean_rps > LEAST_SURGE * expected_rps:
            found_rps = max(found_rps, mean_rps + RISING * (mean_rps - expected_rps))
    return found_rps
