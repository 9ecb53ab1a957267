"""Controls of one loop: pause and resume, the mode, and what became of the last commands.

Nothing here acts. A command is put down for the loop, which looks at the start of each turn.
"""

from __future__ import annotations

import time
from datetime import tzinfo

import streamlit as st

from core.autonomy import LADDER
from core.decision import Mode
from tools.commands import Commanded
from tools.presence import Presence, life_of, read_presence
from ui import settings, show
from ui.approvals.acting import desk, doing, may, said
from ui.approvals.orders import MODES, above, order_row, orders_of, paused_by, stands
from ui.places import Place
from ui.show import REFRESH_S, Look, guards
from ui.signing import access
from ui.when import viewers_zone

PART = "controls"
SHOWN = 8
"""Commands listed."""
WIDE = 560
"""Pixels for what the loop says of a command: a sentence."""
LIVES = {
    "running": Look("green", ":material/play_circle:"),
    "ended": Look("gray", ":material/flag:"),
    "silent": Look("red", ":material/heart_broken:"),
}


@st.fragment(run_every=REFRESH_S)
@guards
def section(place: Place) -> None:
    """Draw how the loop stands, what it may be told, and what it was told."""
    viewer, zone, now = access.gate_again(settings.given()), viewers_zone(), time.time()
    presence, orders = read_presence(place.folder), orders_of(place)
    st.subheader("Controls", anchor=False)
    said(PART)
    _stands(presence, now, zone)
    by = paused_by(presence, orders)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if may(viewer, "pause"):
            _pause(place, paused=bool(by))
        if may(viewer, "mode"):
            _mode(place, presence)
    _orders(orders, zone, now)


def pause(place: Place, *, paused: bool) -> str:
    """Pause the loop or let it act again, as who acts now; return the sentence about it.

    Raises:
        NotAllowed: they may not.
        StoreError: the file cannot be used.
    """
    at = desk(place)
    if paused:
        at.pause()
        return f"{place.key} changes nothing from its next turn on, until somebody resumes it."
    at.resume()
    return f"{place.key} acts again from its next turn on, as far as its mode allows."


def switch(place: Place, mode: Mode) -> str:
    """Set the mode, as who acts now; return the sentence about it.

    Raises:
        NotAllowed: they may not.
        StoreError: the file cannot be used.
    """
    desk(place).mode(mode)
    return f"{place.key} is in mode {mode} from its next turn on: {MODES[mode]}."


def _stands(presence: Presence | None, now: float, zone: tzinfo) -> None:
    if presence is None:
        st.text("This loop keeps no sign of life: it was run by an older version.")
        return
    life = life_of(presence, now)
    looks = [(life, LIVES[life]), (f"mode {presence.mode}", Look("blue", ":material/tune:"))]
    if presence.paused_by:
        looks.append((f"paused by {presence.paused_by}", show.STATES["paused"]))
    show.chips(looks)
    show.plain(stands(presence, life, now, zone))
    reason = f"; {presence.mode_reason}" if presence.mode_reason else ""
    show.plain(f"In mode {presence.mode} {MODES[presence.mode]}; at most {presence.limit} here{reason}.")
    if presence.problem:
        st.warning(show.label(f"Its last turn failed: {presence.problem}", 400), icon=":material/error:")
    if life != "running":
        st.text("What is asked of it now is done when it is started again.")


def _pause(place: Place, *, paused: bool) -> None:
    verb, icon = ("Resume", ":material/play_arrow:") if paused else ("Pause", ":material/pause:")
    with st.popover(verb, icon=icon):
        if paused:
            st.text("The loop acts again from its next turn on, as far as its mode allows.")
        else:
            st.text("The loop goes on looking and recommending, and changes nothing.")
            st.text("A change that waits for an answer is closed.")
        st.button(
            f"{verb} now",
            key=f"{verb}:{place.key}",
            type="primary",
            on_click=lambda: doing(PART, lambda: pause(place, paused=not paused)),
        )


def _mode(place: Place, presence: Presence | None) -> None:
    now, limit = ("", LADDER[-1]) if presence is None else (presence.mode, presence.limit)
    with st.popover("Change the mode", icon=":material/tune:"):
        for mode in LADDER:
            over = above(mode, limit)
            st.button(
                f"{mode}: {MODES[mode]}",
                key=f"mode:{mode}:{place.key}",
                disabled=over,
                width="stretch",
                icon=":material/radio_button_checked:"
                if mode == now
                else ":material/radio_button_unchecked:",
                on_click=_switched,
                args=(place, mode),
            )
        if limit != LADDER[-1]:
            st.text(f"The loop was started to go no further than {limit}; start it with --mode for more.")


def _switched(place: Place, mode: Mode) -> None:
    doing(PART, lambda: switch(place, mode))


def _orders(orders: tuple[Commanded, ...], zone: tzinfo, now: float) -> None:
    if not orders:
        st.text("Nobody has told this loop anything yet.")
        return
    st.text("What it was told last")
    st.dataframe(
        [order_row(one, zone, now) for one in orders[:SHOWN]],
        hide_index=True,
        column_config={"what became of it": st.column_config.TextColumn(width=WIDE)},
    )
