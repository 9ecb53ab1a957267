"""Times are told in the zone of the reader, or as seconds of a run that no wall clock knows."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from ui.when import When, wall

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 7, 1, 12, 0, tzinfo=UTC).timestamp()


def test_a_second_of_the_loop_is_told_in_the_readers_zone() -> None:
    assert When(zero=NOON, zone=BERLIN).text(61.0) == "01 Jul 2026 14:01:01"


def test_a_clock_that_is_the_walls_needs_no_zero() -> None:
    assert When(zero=None, zone=UTC).text(NOON) == "01 Jul 2026 12:00:00"


def test_a_simulated_second_is_no_ones_time() -> None:
    when = When(zero=None, zone=BERLIN)

    assert when.unix(3725.0) is None
    assert when.text(3725.0) == "1:02:05 into the run"


def test_a_time_beyond_the_calendar_is_told_in_seconds() -> None:
    assert wall(1e15, UTC) == "1000000000000000 s"
