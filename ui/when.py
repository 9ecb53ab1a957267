"""Times as their reader sees them: in the zone of the browser, or as seconds of a simulated run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from agent.calendarcli import WALL_S

HOUR_S = 3600.0
MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class When:
    """What the clock of one loop means."""

    zero: float | None
    """Unix time of second 0; None where the run is simulated, and its seconds are nobody's."""
    zone: tzinfo

    def unix(self, time_s: float) -> float | None:
        """Return the Unix time of a second of the loop's clock; None where there is none."""
        if time_s >= WALL_S:
            return time_s
        return None if self.zero is None else self.zero + time_s

    def text(self, time_s: float) -> str:
        """Return a second of the loop's clock for a person."""
        unix = self.unix(time_s)
        if unix is None:
            hours, rest = divmod(time_s, HOUR_S)
            minutes, seconds = divmod(rest, MINUTE_S)
            return f"{hours:.0f}:{minutes:02.0f}:{seconds:02.0f} into the run"
        return wall(unix, self.zone)


def wall(unix: float, zone: tzinfo) -> str:
    """Return a Unix time for a person in that zone."""
    try:
        return datetime.fromtimestamp(unix, zone).strftime("%d %b %Y %H:%M:%S")
    except (ValueError, OverflowError, OSError):  # beyond the calendar
        return f"{unix:.0f} s"


def viewers_zone() -> tzinfo:
    """Return the zone of the browser; UTC where it does not say, or says what nobody knows."""
    name = st.context.timezone
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError):
        return UTC
