"""The script that Streamlit runs: who looks, the pages, and the page they want."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from ui import links, overview, settings, show
from ui.approvals import page as approvals
from ui.decisions import page as decision_page
from ui.evaluations import page as evaluations
from ui.pipeline import page as pipeline_page
from ui.questions import page as chat
from ui.signing import access

ICON = Path(__file__).parent / "icon.svg"
"""A file of ours: a Material symbol would be fetched from somebody else's server."""


def main() -> None:
    """Draw the page that the address names, for who may see it."""
    st.set_page_config(page_title="Trimtab", page_icon=ICON, layout="wide")
    with show.guarded():
        _pages(access.gate(settings.given()))


def _pages(viewer: access.Viewer) -> None:
    pages = [
        links.page(overview.page, "Overview", ":material/dashboard:", ""),
        links.page(pipeline_page.page, "Pipeline", ":material/monitoring:", "pipeline"),
        links.page(decision_page.page, "Decisions", ":material/fact_check:", "decision"),
        links.page(chat.page, "Ask", ":material/forum:", "ask"),
        links.page(approvals.page, "Approvals", ":material/how_to_vote:", "approvals"),
        links.page(evaluations.page, "Evaluations", ":material/leaderboard:", "evaluations"),
    ]
    wanted = st.navigation(pages, position="top")
    with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
        access.whoami(viewer)
    wanted.run()


main()
