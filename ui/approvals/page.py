"""Approvals and controls: what waits for a person, what was answered, and what a person can have a loop do.

The form is drawn for one decision and one hash, and its buttons carry both: whatever the page shows by the
time of the click, the desk compares them with what is asked, and refuses an answer to anything else.
"""

from __future__ import annotations

import time
from datetime import tzinfo

import streamlit as st

from core.approval import MOST_COMMENT
from tools.presence import life_of, read_presence
from tools.requests import Request
from ui import links, settings, show
from ui.approvals import announcements, controls
from ui.approvals.acting import desk, doing, may, said
from ui.approvals.steady import laid_out
from ui.approvals.waiting import (
    Unweighed,
    Waiting,
    Weighed,
    constraint_rows,
    effect_rows,
    history_of,
    last_decision,
    open_of,
    outcome_of,
    requests_of,
    stage_rows,
    verdict_line,
    weigh,
)
from ui.places import Place, found, pick, warn
from ui.show import REFRESH_S, Look, guarded, guards
from ui.signing import access
from ui.when import viewers_zone, wall

PART = "approvals"
WEIGHED_S = 600.0
"""How long a change is not weighed again while no new decision came."""
LAYOUT = "approvals:layout"
"""Where a session keeps what stood where."""
ANSWERS = ((True, "Approve", ":material/check:"), (False, "Refuse", ":material/close:"))
ACCEPTED, REJECTED = Look("green", ":material/check_circle:"), Look("red", ":material/cancel:")
WIDTHS = {"asked": 150, "when": 150, "comment": 200, "what became of it": 260}
"""Pixels of the columns that the first rows may leave empty."""
SHORT = 12
"""Characters of a hash by which a person knows it again; the buttons carry it whole."""
CAME_S = 30.0
"""How long it is believed what a decision came to."""


@guards
def page() -> None:
    """Draw the page."""
    st.title("Approvals", anchor=False)
    here = found(settings.given().data)
    _waiting(here.places)
    if here.places:
        st.divider()
        place = pick(here)
        controls.section(place)
        announcements.section(place)


def answer(place: Place, decision: str, shown: str, comment: str, *, agreed: bool) -> str:
    """Answer as who acts now, and return the sentence about it.

    Raises:
        NotAllowed: they may not.
        UsageError: the request is over, or is about another change than was shown.
        StoreError: the file cannot be used.
    """
    at = desk(place)
    word = (at.approve if agreed else at.refuse)(decision, shown=shown, comment=comment)
    verb = "approved" if word.agreed else "refused"
    return (
        f"{decision} {verb} by {word.approver} at {wall(word.at, viewers_zone())}; "
        "the loop acts on it in its next turn"
    )


@st.fragment(run_every=REFRESH_S)
@guards
def _waiting(places: tuple[Place, ...]) -> None:
    viewer = access.gate_again(settings.given())
    here = found(settings.given().data)
    if here.places != places:  # the rest of the page is about other loops now
        st.rerun()
    zone, now = viewers_zone(), time.time()
    everything = _everything(places)
    waiting = open_of(everything, now)
    layout = laid_out(st.session_state.get(LAYOUT), [w.key for w in waiting], now)
    st.session_state[LAYOUT] = layout
    said(PART)
    warn(here)
    if not waiting and not here.unreadable:
        show.empty(
            "No change waits for an answer",
            "A loop asks for each change while its mode is approve. Start one with it:",
            "$ trimtab run PIPELINE.yaml --trace TRACE.csv --mode approve",
            "A loop that was started with the mode approve or auto can be set to approve below.",
        )
    for index, one in enumerate(waiting):
        with st.container(border=True), guarded():
            _card(one, zone, now)
            if one.asked.answer is None and may(viewer, "answer"):
                _form(one, still=layout.still(index, now))
    with guarded():
        _history(history_of(everything, now), zone)


def _everything(places: tuple[Place, ...]) -> list[Waiting]:
    """Return what all loops asked lately; one whose file cannot be read is shown, and hides no other."""
    everything: list[Waiting] = []
    for place in places:
        with guarded():
            everything += requests_of(place)
    return everything


def _card(one: Waiting, zone: tzinfo, now: float) -> None:
    request = one.request
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        links.to_pipeline(one.place)
        st.text(
            f"{request.decision}, asked {show.age(now - request.asked_at)} ago, "
            f"{wall(request.asked_at, zone)}"
        )
    _left(one, zone, now)
    _life(one.place, now)
    weighed = _weighed(one.place, request, last_decision(one.place))
    change, effect = st.columns([1, 1], gap="medium")
    with change:
        st.text("What changes, stage by stage")
        st.dataframe(stage_rows(request.running, request.proposed), hide_index=True)
    with effect:
        _effect(request, weighed)
    if isinstance(weighed, Weighed):
        _verdict(weighed)
    st.text("Why, in the planner's words:")
    show.plain(request.rationale or "(none)")


def _left(one: Waiting, zone: tzinfo, now: float) -> None:
    request, word = one.request, one.asked.answer
    if word is not None:
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            verb = "approved" if word.agreed else "refused"
            st.badge(verb, icon=":material/how_to_reg:", color="green" if word.agreed else "violet")
            show.plain(
                f"{verb.capitalize()} by {word.approver} at {wall(word.at, zone)}; "
                "the loop acts on it in its next turn."
            )
        if word.comment:
            show.plain(f"Comment: {word.comment}")
        return
    left_s, whole_s = request.expires_at - now, request.expires_at - request.asked_at
    st.progress(min(1.0, left_s / whole_s) if whole_s > 0 else 0.0)
    st.text(
        f"{show.age(left_s)} left, until {wall(request.expires_at, zone)}; "
        "after that it is asked anew if it is still due."
    )


def _life(place: Place, now: float) -> None:
    """Say so where nobody acts on an answer for now."""
    presence = read_presence(place.folder)
    if presence is not None and life_of(presence, now) != "running":
        st.text("The loop does not run now: an answer given in time is acted on when it is started again.")


def _effect(request: Request, weighed: Weighed | Unweighed) -> None:
    if isinstance(weighed, Unweighed):
        st.text("What the check said when it was asked")
        show.plain(request.effect or "nothing")
        show.plain(f"It cannot be weighed anew: {weighed.reason}.")
        return
    st.text("What is predicted")
    st.dataframe(effect_rows(weighed), hide_index=True)


def _verdict(weighed: Weighed) -> None:
    verdict = weighed.verdict
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        word, look = ("accepted", ACCEPTED) if verdict.accepted else ("rejected", REJECTED)
        st.badge(word, icon=look.icon, color=look.colour)
        show.plain(
            f"{verdict_line(verdict)} Checked now on the problem of {weighed.decision}, "
            f"{weighed.load_rps:.4g} requests/s; the loop checks again before it acts."
        )
    with st.expander("Every limit, with its figures", expanded=not verdict.accepted):
        st.dataframe(constraint_rows(verdict.constraints), hide_index=True)


def _form(one: Waiting, *, still: bool) -> None:
    request, comment = one.request, f"comment:{one.key}"
    with st.form(f"answer:{one.key}", enter_to_submit=False, border=False):
        st.text_input("Comment", key=comment, max_chars=MOST_COMMENT, placeholder="may be left empty")
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            for agreed, words, icon in ANSWERS:
                st.form_submit_button(
                    words,
                    key=f"{words}:{one.key}",
                    icon=icon,
                    type="primary" if agreed else "secondary",
                    disabled=not still,
                    on_click=_clicked,
                    args=(one.place, request.decision, request.proposal, comment, agreed),
                )
            if still:
                st.text(f"The answer is to the change {request.proposal[:SHORT]}… and to no other.")
            else:
                st.text("It came to this place just now; it can be answered in a moment.")


def _clicked(place: Place, decision: str, shown: str, comment: str, agreed: bool) -> None:
    text = str(st.session_state.get(comment, "") or "")
    doing(PART, lambda: answer(place, decision, shown, text, agreed=agreed))


def _history(over: list[Waiting], zone: tzinfo) -> None:
    if not over:
        return
    st.subheader("Asked before", anchor=False)
    st.dataframe(
        [_past(w, zone) for w in over],
        hide_index=True,
        column_config={name: st.column_config.TextColumn(width=wide) for name, wide in WIDTHS.items()},
    )


def _past(one: Waiting, zone: tzinfo) -> dict[str, str]:
    request, word = one.request, one.asked.answer
    return {
        "asked": wall(request.asked_at, zone),
        "pipeline": one.place.key,
        "decision": request.decision,
        "answer": "none" if word is None else "approved" if word.agreed else "refused",
        "by": "–" if word is None else word.approver,
        "when": "–" if word is None else wall(word.at, zone),
        "comment": "" if word is None else word.comment,
        "what became of it": _outcome(one.place, request.decision, one.asked.closed),
    }


@st.cache_data(ttl=WEIGHED_S, max_entries=64, show_spinner=False)
def _weighed(place: Place, request: Request, last: str | None) -> Weighed | Unweighed:
    """Weigh once for each decision that came: *last* is part of the key alone."""
    return weigh(place, request)


@st.cache_data(ttl=CAME_S, max_entries=256, show_spinner=False)
def _outcome(place: Place, decision: str, closed: str | None) -> str:
    """Return what a decision came to; *closed* is part of the key alone: before, there is no record."""
    came = outcome_of(place, decision)
    if came is None:
        return closed or "expired"
    outcome, note = came
    return f"{outcome}: {note}" if note else outcome
