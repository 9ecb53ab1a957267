"""The pages, and links between them that carry what they are about in the address."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from core.errors import TrimtabError
from ui.places import CHOSEN, Place
from ui.show import label

ABOUT = "decision"
"""The key of a decision in the address."""


@dataclass(slots=True)
class _Pages:
    """By address; made anew with every run of the script, as Streamlit wants it."""

    by_path: dict[str, StreamlitPage] = field(default_factory=dict)


_pages = _Pages()


def page(draw: Callable[[], None], title: str, icon: str, path: str) -> StreamlitPage:
    """Make a page, and remember it for links; the one with an empty path opens first."""
    made = st.Page(draw, title=title, icon=icon, url_path=path or None, default=not path)
    _pages.by_path[path] = made
    return made


def to_pipeline(place: Place, text: str = "") -> None:
    """Draw a link to the page of a pipeline."""
    _link("pipeline", text or place.key, ":material/monitoring:", {CHOSEN: place.key})


def to_decision(place: Place, name: str, text: str = "") -> None:
    """Draw a link to a decision."""
    _link("decision", text or name, ":material/fact_check:", {CHOSEN: place.key, ABOUT: name})


def to_decisions(place: Place, text: str = "all decisions") -> None:
    """Draw a link to the list of a pipeline's decisions."""
    _link("decision", text, ":material/list:", {CHOSEN: place.key})


def to_chat(place: Place, name: str, text: str = "Ask about it") -> None:
    """Draw a link to the questions about a decision."""
    _link("ask", text, ":material/forum:", {CHOSEN: place.key, ABOUT: name})


def to_approvals(text: str) -> None:
    """Draw a link to what waits for a person."""
    _link("approvals", text, ":material/how_to_vote:", {})


def open_pipeline(place: Place) -> None:
    """Go to the page of a pipeline."""
    st.switch_page(_page("pipeline"), query_params={CHOSEN: place.key})


def open_decision(place: Place, name: str) -> None:
    """Go to the page of a decision."""
    st.switch_page(_page("decision"), query_params={CHOSEN: place.key, ABOUT: name})


def _link(path: str, text: str, icon: str, about: dict[str, str]) -> None:
    if path not in _pages.by_path:  # one page alone, as tests show it
        st.text(text)
        return
    st.page_link(_page(path), label=label(text), icon=icon, query_params=about)


def _page(path: str) -> StreamlitPage:
    try:
        return _pages.by_path[path]
    except KeyError as error:
        raise TrimtabError(f"the console has no page {path!r}; start it with `trimtab console`") from error
