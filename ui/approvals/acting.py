"""Writing from a page: in whose name, through the desk, and the one sentence that says what came of it.

Streamlit calls what a button does with the arguments that were drawn with it, before the page is drawn anew.
So a click on a page that has aged still says exactly what was shown, and the desk can refuse it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from agent.desk import Desk
from core.errors import TrimtabError
from core.roles import NEEDED, WORDS, Act, allowed
from ui import settings, show
from ui.places import BUSY_S, Place
from ui.signing import access
from ui.signing.access import Viewer

SAID_S = 60.0
"""How long the sentence about an act stays; the lists show what came of it for good."""
MOST_SAID = 400
"""Characters of that sentence."""


@dataclass(frozen=True, slots=True)
class Said:
    """What came of an act."""

    text: str
    error: TrimtabError | None
    at: float
    """Unix time, in seconds."""


def desk(place: Place) -> Desk:
    """Return the desk of a loop for who acts, worked out now and never remembered.

    Raises:
        UsageError: the sign-in is over, or gives no role.
    """
    return Desk(place.folder, access.person(settings.given()), busy_s=BUSY_S)


def may(viewer: Viewer, act: Act) -> bool:
    """Say whether who looks may do that, and show what it takes where not; the desk checks again."""
    if allowed(viewer.role, act):
        return True
    st.text(f"You are {viewer.role}; to {WORDS[act]} takes the role {NEEDED[act]}.")
    return False


def doing(part: str, act: Callable[[], str]) -> None:
    """Do what a button is for, and keep the sentence about it for that *part* of the page."""
    try:
        said = Said(act(), None, time.time())
    except TrimtabError as error:
        said = Said("", error, time.time())
    st.session_state[_key(part)] = said


def said(part: str) -> None:
    """Show the sentence about the last act in that part of the page, for a minute."""
    last = st.session_state.get(_key(part))
    if not isinstance(last, Said) or time.time() - last.at > SAID_S:
        return
    if last.error is not None:
        show.banner(last.error)
    else:
        st.success(show.label(last.text, MOST_SAID), icon=":material/check_circle:")


def _key(part: str) -> str:
    return f"said:{part}"
