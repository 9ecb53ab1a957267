"""Whether the pipelines are fine: each with its state, the last hour, and what was decided last."""

from __future__ import annotations

import time
from collections import Counter

import streamlit as st

from agent.controller.states import State
from agent.lines import reason_of
from core.errors import TrimtabError
from ui import charts, links, settings, show
from ui.glance import Glance, glance
from ui.heading import ended, figures, telemetry
from ui.places import Found, Place, found, warn
from ui.show import REFRESH_S, STATES
from ui.signing import access
from ui.trouble import banners
from ui.when import viewers_zone

MOST_CARDS = 6
"""Pipelines that are shown with a curve; of more there is a table, and cards of those that need a look."""
WORST_FIRST: tuple[State, ...] = ("breached", "blind", "degraded", "paused", "fine")
CURVE = 150
"""Pixels of a curve's height."""


def page() -> None:
    """Draw the overview, and draw it again every few seconds."""
    st.title("Pipelines", anchor=False)
    _live()


@st.fragment(run_every=REFRESH_S)
@show.guards
def _live() -> None:
    access.gate_again(settings.given())
    seen = found(settings.given().data)
    warn(seen)
    if not seen.places:
        _nothing(seen)
        return
    glances = [g for place in seen.places if (g := _glance(place)) is not None]
    glances.sort(key=lambda g: (WORST_FIRST.index(g.state), g.place.key))
    _summary(glances)
    if len(glances) > MOST_CARDS:
        _table(glances)
        glances = [g for g in glances if g.state != "fine"]
    for one in glances[:MOST_CARDS]:
        _card(one)


def _nothing(seen: Found) -> None:
    if seen.unreadable:
        return
    show.empty(
        "No pipeline yet",
        f"There is no decision below {settings.given().data}. A loop makes them; this page shows it at once.",
        "In a minute, on a simulated cluster:",
        "$ trimtab demo",
        "With a pipeline and a load of your own:",
        "$ trimtab run pipeline.yaml --trace load.csv --real-time",
        "What already runs on Kubernetes, without changing anything:",
        "$ trimtab run --cluster kubernetes --namespace NAMESPACE --prometheus-url URL --data trimtab-out",
    )


def _glance(place: Place) -> Glance | None:
    """Return a pipeline at a glance; what is wrong with one is shown, and hides no other."""
    try:
        seen = glance(place, viewers_zone())
        if seen is None:
            _undecided(place)
        return seen
    except TrimtabError as error:
        show.banner(error)
        return None


def _undecided(place: Place) -> None:
    """Show a pipeline whose loop has recorded nothing yet."""
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small"):
        links.to_pipeline(place)
        st.text("No decision yet: the first comes after an interval, or waits for a person.")
        links.to_approvals("Approvals")


def _summary(glances: list[Glance]) -> None:
    """Show how many are in which state, the worst first."""
    counts = Counter(g.state for g in glances)
    show.chips([(f"{counts[state]} {state}", STATES[state]) for state in WORST_FIRST if counts[state]])


def _card(one: Glance) -> None:
    now = time.time()
    with st.container(border=True):
        _head(one, now)
        banners(one, now)
        left, right = st.columns([3, 2], vertical_alignment="center")
        with left:
            chart = charts.load_chart(one.recent, charts.Across(one.when, titled=False), height=CURVE)
            st.altair_chart(chart, alt="Load against its forecast over the last hour")
        with right:
            figures(one)
        _last(one)
        telemetry(one.decision.signals)


def _head(one: Glance, now: float) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        links.to_pipeline(one.place)
        show.state_chip(one.state)
        mode = one.decision.mode if one.presence is None else one.presence.mode
        st.badge(f"mode {mode}", icon=":material/tune:", color="blue")
        ended(one, now)


def _last(one: Glance) -> None:
    decision = one.decision
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        show.outcome_chip(decision.outcome)
        links.to_decision(one.place, decision.id, one.when.text(decision.time_s))
        show.plain(reason_of(decision), 200)


def _table(glances: list[Glance]) -> None:
    rows = [
        {
            "pipeline": g.place.key,
            "state": g.state,
            "mode": g.decision.mode,
            "attainment": None if g.attainment is None else 100 * g.attainment,
            "load": [p.load_mean or 0.0 for p in charts.thinned(g.recent, CURVE)],
            "accuracy": None if g.decision.observation is None else g.decision.observation.accuracy,
            "cores": g.cores,
            "last decision": f"{g.decision.outcome}: {reason_of(g.decision)}"[:200],
        }
        for g in glances
    ]
    picked = st.dataframe(
        rows,
        hide_index=True,
        key="pipelines",
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "attainment": st.column_config.NumberColumn("in time, 1 h", format="%.2f %%"),
            "load": st.column_config.LineChartColumn("load, 1 h"),
            "accuracy": st.column_config.NumberColumn(format="%.3f"),
            "cores": st.column_config.NumberColumn(format="%.1f"),
        },
    )
    chosen = picked["selection"]["rows"]
    if chosen:
        links.open_pipeline(glances[chosen[0]].place)
