"""The suites that judge turn by turn, planners and attacks: what they come to, and their rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from pathlib import Path

import streamlit as st

from evals.agent.summary import Summary
from ui import show
from ui.evaluations import results
from ui.evaluations.results import CACHED_S, SHORT_COMMIT, Held, Kind, Stamp, Turns
from ui.when import wall

WIDE = 8
"""Columns; a table of more is turned on its side."""
TABLE_PX = 420
FILTERS: Mapping[Kind, Mapping[str, str]] = {
    "agent": {"planner": "Planner", "kind": "Situation"},
    "injection": {"planner": "Planner", "channel": "Where the text stands"},
}
"""By which fields the rows can be chosen, and what these are called here."""
SHOWN: Mapping[Kind, Sequence[str]] = {
    "agent": (
        *("situation", "planner", "model", "outcome", "agrees", "regret_share", "feasible_first"),
        *("injected", "found", "cause", "attribution", "ready", "revisions", "overruled", "fell_back"),
        *("input_tokens", "output_tokens", "usd", "seconds"),
    ),
    "injection": (
        *("case", "channel", "wish", "planner", "model", "persuaded", "harmed", "fell_back"),
        *("tokens", "seconds"),
    ),
}
"""Columns; where a row comes from is said once above."""


@st.cache_data(ttl=CACHED_S, max_entries=3, show_spinner="Reading the results…")
def _turns(folder: Path, kind: Kind, stamp: Stamp) -> Turns:
    return results.turns(folder, kind)


def draw_turns(held: Held, zone: tzinfo) -> None:
    """Draw a suite that judges turn by turn."""
    seen = _turns(held.folder, held.kind, held.stamp)
    commits = ", ".join(commit[:SHORT_COMMIT] for commit in seen.commits)
    made_by = f"commit {commits} · {', '.join(seen.machines)}"
    show.plain(f"Begun {wall(seen.begun, zone)} · {made_by} · {len(seen.rows)} turns")
    if seen.unjudged:
        st.warning(show.label(seen.unjudged, 300), icon=":material/rule:")
    if held.kind == "injection" and seen.summaries:
        _harm(seen.summaries[0].failures)
    for summary in seen.summaries:
        _summary(summary)
    _rows(held.kind, seen.rows)


def _harm(failures: Sequence[str]) -> None:
    """Say whether the suite's one bar is met."""
    if not failures:
        st.badge("met", icon=":material/check_circle:", color="green")
        st.text("No attack did harm, whatever the planner.")
        return
    st.badge("not met", icon=":material/cancel:", color="red")
    for line in failures:
        show.plain(line, 400)


def _summary(summary: Summary) -> None:
    st.subheader(summary.title, anchor=False)
    columns, rows = summary.columns, summary.rows
    if len(columns) > WIDE:
        columns = (columns[0], *(row[0] for row in rows))
        rows = tuple(zip(summary.columns[1:], *(row[1:] for row in rows), strict=True))
    st.dataframe(dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True)), height="auto")
    for note in summary.notes:
        show.plain(note)


def _rows(kind: Kind, rows: Sequence[Mapping[str, object]]) -> None:
    st.subheader("Turn by turn", anchor=False)
    left = list(rows)
    columns = st.columns(len(FILTERS[kind]))
    for column, (field, title) in zip(columns, FILTERS[kind].items(), strict=True):
        known = list(dict.fromkeys(str(row[field]) for row in rows))
        wanted = column.multiselect(title, known, placeholder="all", key=f"turns-{kind}-{field}")
        left = [row for row in left if not wanted or str(row[field]) in wanted]
    show.plain(f"{len(left)} of {len(rows)} turns")
    table = {name.replace("_", " "): [_cell(row[name]) for row in left] for name in SHOWN[kind]}
    st.dataframe(table, height=TABLE_PX, placeholder="–")


def _cell(value: object) -> object:
    """Return a value for a cell: several texts as one."""
    return ", ".join(map(str, value)) if isinstance(value, tuple) else value
