"""The decisions of one pipeline, newest first, a page at a time.

What is listed stays where it is while it is looked at: newer decisions are announced, and shown when asked
for. A table that moved under the pointer would open another decision than the one that was meant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import streamlit as st

from agent.explain.text import neutral
from core.decision import Outcome
from ui import settings, show
from ui.decisions.record import CHANGES, PAGE, Listed, listed, newest
from ui.links import ABOUT
from ui.places import CHOSEN, Place
from ui.show import REFRESH_S
from ui.signing import access
from ui.when import When

MOST_WHY = 240
"""Characters of a reason in the table."""
ALL: tuple[Outcome, ...] = get_args(Outcome)


@dataclass(slots=True)
class _Looking:
    """Where in the list somebody is: the first line of every page so far, by place in the store."""

    pages: list[int]


def draw(place: Place, when: When) -> None:
    """Draw the list; a line that is chosen opens."""
    last = newest(place)
    if last is None:
        show.empty("No decision yet", "The loop of this pipeline has not decided anything so far.")
        return
    outcomes = _outcomes()
    looking = _looking(place, outcomes, last)
    rows, following = listed(place, looking.pages[-1], outcomes)
    _news(place, looking)
    if rows:
        _table(place, rows, when)
    else:
        st.text("No decision here ended so; choose other outcomes.")
    _pages(looking, following)


def rows_of(rows: list[Listed], when: When) -> list[dict[str, str | float | None]]:
    """Return the lines as rows of a table."""
    return [
        {
            "time": when.text(r.point.time_s),
            "outcome": r.point.outcome + (", degraded" if r.point.degraded else ""),
            "mode": r.point.mode,
            "load": r.point.load_mean,
            "causes": ", ".join(dict.fromkeys(r.point.findings)),
            "why": neutral(r.why, MOST_WHY),
            "decision": neutral(r.point.id),
        }
        for r in rows
    ]


def _outcomes() -> tuple[Outcome, ...]:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        only = st.toggle("Only changes", key="only-changes", help="Leave out the turns that held what runs.")
        chosen = st.pills("Outcome", ALL, selection_mode="multi", key="outcomes")
    wanted = tuple(chosen) or ALL
    if only:
        wanted = tuple(o for o in wanted if o in CHANGES)
        return wanted or CHANGES
    return tuple(chosen)


def _looking(place: Place, outcomes: tuple[Outcome, ...], last: int) -> _Looking:
    """Return where in this list somebody is; another pipeline or filter begins anew."""
    about = (place.key, outcomes)
    known = st.session_state.get("decisions-looking")
    if known is None or known[0] != about:
        known = (about, _Looking([last]))
        st.session_state["decisions-looking"] = known
    found: _Looking = known[1]
    return found


@st.fragment(run_every=REFRESH_S)
@show.guards
def _news(place: Place, looking: _Looking) -> None:
    access.gate_again(settings.given())
    last = newest(place)
    if last is None or last <= looking.pages[0]:
        return
    if st.button("There are newer decisions: show them", icon=":material/arrow_upward:", type="primary"):
        looking.pages[:] = [last]
        st.rerun()


def _table(place: Place, rows: list[Listed], when: When) -> None:
    picked = st.dataframe(
        rows_of(rows, when),
        hide_index=True,
        key="decisions",
        height="content",
        on_select="rerun",
        selection_mode="single-row",
        placeholder="–",
        column_config={
            "load": st.column_config.NumberColumn("load, rps", format="%.1f"),
            "causes": st.column_config.TextColumn(width="medium"),
            "why": st.column_config.TextColumn(width="large"),
        },
    )
    st.caption("Tick a line to open it. By keyboard: the arrows choose a line, shift and space open it.")
    chosen = picked["selection"]["rows"]
    if chosen:
        st.query_params.from_dict({CHOSEN: place.key, ABOUT: rows[chosen[0]].point.id})
        st.rerun()


def _pages(looking: _Looking, following: int | None) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if st.button("Newer", icon=":material/chevron_left:", disabled=len(looking.pages) == 1):
            looking.pages.pop()
            st.rerun()
        if (
            st.button("Older", icon=":material/chevron_right:", disabled=following is None)
            and following is not None
        ):
            looking.pages.append(following)
            st.rerun()
        st.caption(f"page {len(looking.pages)}, {PAGE} decisions each", width="content")
