"""The calendar of one loop: what is announced, taking it back, and a form to announce more.

Events go the way of every command: the loop puts them into its calendar at the start of its next turn.
"""

from __future__ import annotations

import math
import time
from datetime import datetime, timedelta

import streamlit as st

from core.calendar import MOST_NOTE, Event
from core.errors import UsageError
from core.proposal import MOST_LOAD_FACTOR
from core.roles import allowed
from tools.calendar import MOST_NAME
from tools.presence import read_presence
from ui import settings, show
from ui.approvals.acting import desk, doing, may, said
from ui.approvals.announcing import Clock, Phase, clock_of, event_of, event_text, events_of, in_phase
from ui.approvals.orders import announced, orders_of, withdrawn
from ui.glance import zero_of
from ui.places import Place
from ui.show import REFRESH_S, Look, guards
from ui.signing import access
from ui.when import MINUTE_S, When, viewers_zone

PART = "calendar"
SHOWN = 20
"""Events of each phase that are listed."""
PHASES: dict[Phase, Look] = {
    "ongoing": Look("green", ":material/play_circle:"),
    "coming": Look("blue", ":material/schedule:"),
    "over": Look("gray", ":material/flag:"),
}
LEAST_TIMES, USUAL_TIMES = 0.1, 2.0
STEP_MIN = 5
"""Minutes between the times that the form offers first."""
AHEAD_MIN, LONG_MIN = 60, 60
"""When the form's event begins, from now, and how long it takes, until somebody says otherwise."""


def section(place: Place) -> None:
    """Draw the calendar, and the form."""
    st.subheader("Calendar", anchor=False)
    _list(place)
    _form(place)


def announce(
    place: Place, clock: Clock, *, name: str, start_s: float, end_s: float, times: float, note: str
) -> str:
    """Announce an event as who acts now; return the sentence about it.

    Raises:
        NotAllowed: they may not.
        UsageError: the event cannot be kept.
        StoreError: the file cannot be used.
    """
    at = desk(place)
    event = event_of(
        place,
        clock,
        name=name,
        start_s=start_s,
        end_s=end_s,
        times=times,
        note=note,
        author=at.person.name,
    )
    at.announce(event)
    return f"{event.id} is announced to {place.key}; it is in the calendar from the loop's next turn on."


def withdraw(place: Place, event: str) -> str:
    """Take an event back as who acts now; return the sentence about it.

    Raises:
        NotAllowed: they may not.
        StoreError: the file cannot be used.
    """
    desk(place).withdraw(event)
    return f"{event} is withdrawn; the loop does without it from its next turn on."


@st.fragment(run_every=REFRESH_S)
@guards
def _list(place: Place) -> None:
    viewer = access.gate_again(settings.given())
    clock, events, orders = _clock(place), events_of(place), orders_of(place)
    leaving, asked = withdrawn(orders), announced(orders)
    said(PART)
    st.text(f"The loop's clock: {clock.when.text(clock.now_s)}")
    for event in asked:
        _line(event, clock.when, "waiting for the loop", Look("orange", ":material/hourglass_empty:"))
    for phase in ("ongoing", "coming"):
        for event in in_phase(events, phase, clock.now_s)[:SHOWN]:
            with st.container(horizontal=True, gap="small", vertical_alignment="center"):
                if event.id in leaving:
                    _line(event, clock.when, "withdrawn, waiting for the loop", PHASES["over"])
                    continue
                _line(event, clock.when, phase, PHASES[phase])
                if allowed(viewer.role, "withdraw"):
                    _withdraw_button(place, event)
    _over(in_phase(events, "over", clock.now_s), clock.when)
    if not events and not asked:
        st.text(
            "Nothing is announced. What is, can let the planner ask for more capacity before the load comes."
        )


def _line(event: Event, when: When, word: str, look: Look) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.badge(word, icon=look.icon, color=look.colour)
        show.plain(event_text(event, when))


def _withdraw_button(place: Place, event: Event) -> None:
    st.button(
        "Withdraw",
        key=f"withdraw:{place.key}:{event.id}",
        icon=":material/event_busy:",
        on_click=_withdrawn,
        args=(place, event.id),
    )


def _withdrawn(place: Place, event: str) -> None:
    doing(PART, lambda: withdraw(place, event))


def _over(events: list[Event], when: When) -> None:
    if not events:
        return
    with st.expander(f"Over: {len(events)}"):
        for event in events[::-1][:SHOWN]:
            _line(event, when, "over", PHASES["over"])


@guards
def _form(place: Place) -> None:
    if not may(access.gate_again(settings.given()), "announce"):
        return
    clock = _clock(place)
    with (
        st.expander("Announce an event", icon=":material/event:"),
        st.form(_key(place, "form"), border=False),
    ):
        first, second = st.columns(2), st.columns(2)
        first[0].text_input("Name", key=_key(place, "name"), max_chars=MOST_NAME)
        first[1].number_input(
            "Times the load of before it",
            min_value=LEAST_TIMES,
            max_value=MOST_LOAD_FACTOR,
            value=USUAL_TIMES,
            step=LEAST_TIMES,
            key=_key(place, "times"),
        )
        with second[0]:
            _moment("From", _key(place, "from"), clock, AHEAD_MIN)
        with second[1]:
            _moment("Until", _key(place, "until"), clock, AHEAD_MIN + LONG_MIN)
        st.text_input("Note", key=_key(place, "note"), max_chars=MOST_NOTE)
        st.form_submit_button(
            "Announce",
            key=_key(place, "announce"),
            type="primary",
            icon=":material/event_available:",
            on_click=_announced,
            args=(place,),
        )


def _moment(words: str, key: str, clock: Clock, ahead_min: float) -> None:
    """Draw the input of a time, which keeps its first default: a new one would undo what was typed."""
    if clock.wall:
        st.session_state.setdefault(key, _default(clock, ahead_min))
        st.datetime_input(f"{words} ({clock.when.zone})", key=key, step=timedelta(minutes=STEP_MIN))
        return
    st.session_state.setdefault(key, float(math.ceil(clock.now_s / MINUTE_S)) + ahead_min)
    st.number_input(f"{words} (minutes into the run)", key=key, min_value=0.0, step=1.0)


def _default(clock: Clock, ahead_min: float) -> datetime:
    """Return that many minutes from now as the viewer's clock shows them, at a full step."""
    unix, step_s = clock.when.unix(clock.now_s) or 0.0, STEP_MIN * MINUTE_S
    begins = math.ceil((unix + ahead_min * MINUTE_S) / step_s) * step_s
    try:
        return datetime.fromtimestamp(begins, clock.when.zone).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError(
            f"the loop's clock shows {clock.now_s:g} s, beyond the calendar: no event can be announced to it"
        ) from error


def _announced(place: Place) -> None:
    doing(PART, lambda: _entered(place))


def _entered(place: Place) -> str:
    clock = _clock(place)
    return announce(
        place,
        clock,
        name=str(st.session_state[_key(place, "name")] or ""),
        start_s=_seconds(clock, place, "from"),
        end_s=_seconds(clock, place, "until"),
        times=float(st.session_state[_key(place, "times")]),
        note=str(st.session_state[_key(place, "note")] or ""),
    )


def _seconds(clock: Clock, place: Place, name: str) -> float:
    """Return a time of the form in seconds of the loop's clock."""
    value = st.session_state[_key(place, name)]
    if isinstance(value, datetime):
        return clock.at(value)
    if isinstance(value, int | float):
        return float(value) * MINUTE_S
    raise UsageError(f"the event has no time {name!r}; choose one")


def _clock(place: Place) -> Clock:
    presence = read_presence(place.folder)
    when = When(zero_of(place.folder, presence), viewers_zone())
    return clock_of(place, presence, when, time.time())


def _key(place: Place, name: str) -> str:
    return f"event:{name}:{place.key}"
