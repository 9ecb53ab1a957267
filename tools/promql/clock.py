"""What time it is for Prometheus: samples bear its times, so a sweep is of a moment of its clock."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from tools.prometheus import Prometheus

MOST_SKEW_S = 10.0
"""Clocks kept by NTP differ by less than one; an answer that takes seconds seems to be some more."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The moment of a sweep."""

    at: int
    """Unix time by Prometheus' clock."""
    skew_s: float
    """How far that clock is ahead of ours, in seconds."""

    @classmethod
    def of(cls, prometheus: Prometheus, unix: Callable[[], float], until: float) -> Moment:
        """Ask Prometheus for the time.

        Raises:
            MetricsUnavailable: it cannot be asked.
        """
        asked_at = unix()
        theirs = prometheus.now(until)
        return cls(at=math.floor(theirs), skew_s=theirs - (asked_at + unix()) / 2)

    @property
    def ours(self) -> float:
        """The same moment by our clock, as unix time."""
        return self.at - self.skew_s

    @property
    def oddity(self) -> str:
        """What is to be said of the clocks; empty where they agree."""
        if abs(self.skew_s) <= MOST_SKEW_S:
            return ""
        way = "ahead of" if self.skew_s > 0 else "behind"
        return f"the clock of Prometheus is {abs(self.skew_s):.0f} s {way} ours; set both by NTP"
