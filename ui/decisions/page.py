"""Decisions: the list of them, and one followed through from what was seen to what came of it."""

from __future__ import annotations

import re

import streamlit as st

from agent.asking import written
from agent.explain.account import account, quiet
from agent.explain.aftermath import FOLLOWED
from core.decision import Decision
from core.tooluse import ToolUse
from ui import links, places, settings, show
from ui.decisions import draw_outcome, draw_thought
from ui.decisions import listing as decision_list
from ui.decisions.exchanges import Said
from ui.decisions.record import Opened, after, opened, reason
from ui.decisions.steps import (
    Acted,
    Approved,
    Assessed,
    Came,
    Checked,
    Doing,
    Foreseen,
    Observed,
    Proposed,
    Proved,
    Revised,
    Spent,
    Step,
    Thinking,
)
from ui.decisions.timeline import came, timeline
from ui.glance import when_of
from ui.links import ABOUT
from ui.places import Place
from ui.show import REFRESH_S, Look
from ui.signing import access
from ui.when import When, viewers_zone

MOST_AT_AN_END = 40
"""Steps drawn at each end of a decision that has very many; a model's budget allows few."""
COLUMN = 12
"""Characters of a title in the account."""


@show.guards
def page() -> None:
    """Draw the decision that the address names, or the list."""
    seen = places.found(settings.given().data)
    places.warn(seen)
    if not seen.places:
        if seen.unreadable:
            return
        show.empty(
            "No decision yet", "A loop makes them; in a minute, on a simulated cluster:", "$ trimtab demo"
        )
        return
    name = st.query_params.get(ABOUT)
    if name is None:
        place = places.titled(seen, "Decisions")
        decision_list.draw(place, when_of(place, viewers_zone()))
        return
    place = places.chosen(seen.places)
    _one(place, opened(place, name), when_of(place, viewers_zone()))


def _one(place: Place, found: Opened, when: When) -> None:
    _ways(place, found)
    _head(found.decision, when)
    if found.trouble:
        st.warning(show.label(found.trouble, 400), icon=":material/flight:")
    steps = timeline(found.decision, found.pipeline, found.entries, found.later)
    left_out = len(steps) - 2 * MOST_AT_AN_END
    for number, one in enumerate(steps):
        if number == MOST_AT_AN_END and left_out > 0:
            st.text(f"{left_out} more steps: the record below has them")
        if left_out > 0 and MOST_AT_AN_END <= number < MOST_AT_AN_END + left_out:
            continue
        if not (isinstance(one, Spent) and quiet(found.decision)):
            _step(one, place, found, when)
    _record(found)


def _ways(place: Place, found: Opened) -> None:
    """Draw the ways to other decisions and to what goes with this one."""
    following = found.later[0].id if found.later else None
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if st.button("All decisions", icon=":material/list:"):
            _go(place, None)
        if st.button("Previous", icon=":material/chevron_left:", disabled=found.before is None):
            _go(place, found.before)
        if st.button("Next", icon=":material/chevron_right:", disabled=following is None):
            _go(place, following)
        links.to_pipeline(place)
        links.to_chat(place, found.decision.id)


def _go(place: Place, name: str | None) -> None:
    about = {places.CHOSEN: place.key} | ({} if name is None else {ABOUT: name})
    st.query_params.from_dict(about)
    st.rerun()


def _head(decision: Decision, when: When) -> None:
    st.title("Decision", anchor=False)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        show.outcome_chip(decision.outcome)
        if decision.degraded:
            st.badge("degraded", icon=":material/warning:", color="orange")
        show.chips(
            [
                (f"planner {decision.planner}", Look("gray", ":material/psychology:")),
                (f"mode {decision.mode}", Look("blue", ":material/tune:")),
            ]
        )
    show.plain(f"{decision.id}, {when.text(decision.time_s)}: {reason(decision)}")
    if decision.mode_reason:
        show.plain(f"mode: {decision.mode_reason}")
    if quiet(decision):
        st.caption(
            "A quiet turn: what runs was held, for no special reason, and no language model was asked."
        )


def _step(one: Step, place: Place, found: Opened, when: When) -> None:
    match one:
        case Checked() | Revised() | Approved() | Acted() | Proved() | Came():
            _done(one, place, found, when)
        case _:
            _thought(one, found.decision)


def _thought(one: Thinking, decision: Decision) -> None:
    match one:
        case Observed():
            draw_thought.observed(one, brief=quiet(decision))
        case Foreseen():
            draw_thought.foreseen(one, brief=quiet(decision))
        case Assessed():
            draw_thought.assessed(one)
        case Said():
            draw_thought.said(one)
        case ToolUse():
            draw_thought.used(one)
        case Proposed():
            draw_thought.proposed(one, of=len(decision.proposals))
        case Spent():
            draw_thought.spent(one, decision.planner)


def _done(one: Doing, place: Place, found: Opened, when: When) -> None:
    decision, of = found.decision, len(found.decision.proposals)
    match one:
        case Checked():
            draw_outcome.checked(one, of=of, brief=quiet(decision) or one.number < of)
        case Revised():
            draw_outcome.revised(one)
        case Approved():
            draw_outcome.approved(one, when)
        case Acted():
            draw_outcome.acted(one)
        case Proved():
            draw_outcome.proved(one.certificate, decision.id)
        case Came():
            _came(one, place, found, when)


def _came(one: Came, place: Place, found: Opened, when: When) -> None:
    """Draw what came of it; where more may come, again every few seconds."""
    if len(found.later) >= FOLLOWED:
        draw_outcome.came(one, when)
        return
    _live(place, found, when)


@st.fragment(run_every=REFRESH_S)
@show.guards
def _live(place: Place, found: Opened, when: When) -> None:
    access.gate_again(settings.given())
    later = after(place, found.decision.id)
    draw_outcome.came(came(found.decision, found.pipeline, later), when)


def _record(found: Opened) -> None:
    decision = found.decision
    with st.expander("Record", icon=":material/description:"):
        told = written(account(decision, found.pipeline, found.later))
        draw_thought.code("\n".join(f"{title:<{COLUMN}}{line}" if title else line for title, line in told))
        st.download_button(
            "The whole decision, JSON",
            decision.model_dump_json(indent=2),
            file_name=f"{re.sub(r'[^A-Za-z0-9._-]', '_', decision.id)}.json",
            mime="application/json",
            on_click="ignore",
            icon=":material/download:",
        )
