"""What an announced event multiplies the load by: all of it before it starts, the rest of it after."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.calendar import Event, announced_ratio
from core.proposal import MOST_LOAD_FACTOR


def event(start_s: float, end_s: float, factor: float = 3.0) -> Event:
    return Event(
        id="launch",
        pipeline="toy",
        start_s=start_s,
        end_s=end_s,
        load_factor=factor,
        author="ann",
        entered_s=0,
    )


LAUNCH = event(100, 200)
BEFORE = [(80.0, 9.0), (90.0, 10.0)]


@pytest.mark.parametrize(
    ("now_s", "load_rps", "ratio"),
    [
        pytest.param(80, 10, 1, id="beyond the horizon"),
        pytest.param(90, 10, 3, id="about to begin"),
        pytest.param(110, 12, 2.5, id="begun, and partly in the load"),
        pytest.param(110, 30, 1, id="wholly in the load"),
        pytest.param(110, 45, 1, id="more than was announced"),
        pytest.param(200, 10, 1, id="over"),
    ],
)
def test_an_event_counts_for_what_is_not_in_the_load_yet(now_s: float, load_rps: float, ratio: float) -> None:
    assert announced_ratio([LAUNCH], BEFORE, load_rps=load_rps, now_s=now_s, horizon_s=11) == pytest.approx(
        ratio
    )


def test_an_event_whose_before_nobody_saw_has_shown_itself() -> None:
    assert announced_ratio([LAUNCH], [(110, 30)], load_rps=10, now_s=120, horizon_s=11) == 1


def test_the_largest_of_several_events_counts() -> None:
    events = (LAUNCH, event(95, 120, 2.0))

    def ratio(now_s: float) -> float:
        return announced_ratio(events, BEFORE, load_rps=10, now_s=now_s, horizon_s=11)

    assert ratio(90) == 3
    assert ratio(85) == 2
    assert ratio(39) == 1


def test_an_idle_pipeline_is_multiplied_by_nothing() -> None:
    assert announced_ratio([LAUNCH], BEFORE, load_rps=0, now_s=95, horizon_s=11) == 1


@given(
    factor=st.floats(0.01, MOST_LOAD_FACTOR),
    start_s=st.floats(0, 300),
    length_s=st.floats(1, 300),
    now_s=st.floats(0, 600),
    load_rps=st.floats(0.001, 1e6),
    base_rps=st.floats(0, 1e6),
)
def test_the_ratio_never_shrinks_the_load_and_never_exceeds_the_bound(
    factor: float, start_s: float, length_s: float, now_s: float, load_rps: float, base_rps: float
) -> None:
    events = [event(start_s, start_s + length_s, factor)]

    ratio = announced_ratio(events, [(0, base_rps)], load_rps=load_rps, now_s=now_s, horizon_s=20)

    assert 1 <= ratio <= MOST_LOAD_FACTOR


def test_an_event_ends_after_it_begins_and_names_its_author() -> None:
    with pytest.raises(ValidationError, match="ends at 100 s, not after its start at 100 s"):
        event(100, 100)
    with pytest.raises(ValidationError, match="author"):
        Event(id="x", pipeline="toy", start_s=0, end_s=1, load_factor=2, author="", entered_s=0)
