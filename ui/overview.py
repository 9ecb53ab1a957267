"""Whether the pipelines are fine: each with its state, the last hour, and what was decided last."""

from __future__ import annotations

import time
from collections import Counter

import streamlit as st

from agent.controller.states import State
from agent.lines import reason_of
from ui import charts, links, settings, show
from ui.approvals.waiting import open_of, requests_of
from ui.glance import Glance, Gone, glance
from ui.heading import figures, made, state, telemetry
from ui.places import Found, Place, found, warn
from ui.show import REFRESH_S, STATES, Look
from ui.signing import access
from ui.trouble import banners
from ui.when import viewers_zone

MOST_CARDS = 6
"""Pipelines that are shown with a curve; of more there is a table, and cards of those that need a look."""
WORST_FIRST: tuple[State, ...] = ("breached", "blind", "degraded", "paused", "fine")
CURVE = 145
"""Pixels of a curve's height: four cards nearly fit on the screen of a laptop."""
NARROW = 120
"""Pixels of a figure on a card: the four stand in one row."""
MOST_WHY = 160
"""Characters of a reason on a card."""
GONE: dict[Gone, Look] = {
    "silent": Look("red", ":material/heart_broken:"),
    "stopped": Look("orange", ":material/stop_circle:"),
}
"""How a loop looks that should decide and does not."""


def page() -> None:
    """Draw the overview, and draw it again every few seconds."""
    _live()


@st.fragment(run_every=REFRESH_S)
@show.guards
def _live() -> None:
    access.gate_again(settings.given())
    seen = found(settings.given().data)
    warn(seen)
    if not seen.places:
        st.title("Pipelines", anchor=False)
        _nothing(seen)
        return
    head = st.container(horizontal=True, vertical_alignment="center", gap="medium")
    now = time.time()
    glances = [g for place in seen.places if (g := _glance(place)) is not None]
    glances.sort(key=lambda g: (g.gone(now) is None, WORST_FIRST.index(g.state), g.place.key))
    with head:
        st.title("Pipelines", anchor=False, width="content")
        _summary(glances, now)
    if len(glances) > MOST_CARDS:
        _table(glances, now)
        glances = [g for g in glances if g.state != "fine" or g.gone(now)]
    for one in glances[:MOST_CARDS]:
        _card(one, now)


def _nothing(seen: Found) -> None:
    if seen.unreadable:
        return
    data = settings.given().data
    missing = (
        f"There is no folder {data} yet." if not data.exists() else f"There is no decision below {data}."
    )
    show.empty(
        "No pipeline yet",
        f"{missing} A loop makes them; this page shows it at once.",
        "In a minute, on a simulated cluster:",
        "$ trimtab demo",
        "With a pipeline and a load of your own:",
        "$ trimtab run pipeline.yaml --trace load.csv --real-time",
        "What already runs on Kubernetes, without changing anything:",
        "$ trimtab run --cluster kubernetes --namespace NAMESPACE --prometheus-url URL --data trimtab-out",
    )


def _glance(place: Place) -> Glance | None:
    """Return a pipeline at a glance; what is wrong with one is shown, and hides no other."""
    seen: Glance | None = None
    with show.guarded():
        seen = glance(place, viewers_zone())
        if seen is None:
            _undecided(place)
    return seen


def _undecided(place: Place) -> None:
    """Show a pipeline whose loop has recorded nothing yet."""
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small"):
        links.to_pipeline(place)
        st.text("No decision yet: the first comes after an interval, or waits for a person.")
        links.to_approvals("Approvals")


def _summary(glances: list[Glance], now: float) -> None:
    """Show how many are in which state, the worst first; of a loop that is gone, nobody knows it."""
    gone = Counter(g.gone(now) for g in glances)
    counts = Counter(g.state for g in glances if g.gone(now) is None)
    looks = [(f"{gone[way]} {way}", look) for way, look in GONE.items() if gone[way]]
    looks += [(f"{counts[state]} {state}", STATES[state]) for state in WORST_FIRST if counts[state]]
    show.chips(looks)


def _card(one: Glance, now: float) -> None:
    with st.container(border=True, gap="xsmall"):
        _head(one, now)
        banners(one, now)
        left, right = st.columns(2, vertical_alignment="center")
        with left:
            chart = charts.load_chart(one.recent, charts.Across(one.when, titled=False), height=CURVE)
            st.altair_chart(chart, alt="Load against its forecast over the last hour")
        with right, st.container(gap="xxsmall"):
            figures(one, width=NARROW)
            _last(one, now)


def _head(one: Glance, now: float) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        links.to_pipeline(one.place)
        state(one, now)
        if one.gone(now) is None:
            telemetry(one.decision.signals)
        if any(w.asked.answer is None for w in open_of(requests_of(one.place), now)):
            links.to_approvals("A change waits for an answer")


def _last(one: Glance, now: float) -> None:
    decision = one.decision
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        show.outcome_chip(decision.outcome)
        links.to_decision(one.place, decision.id, made(one, now))
    show.plain(reason_of(decision), MOST_WHY)


def _table(glances: list[Glance], now: float) -> None:
    rows = [
        {
            "pipeline": g.place.key,
            "state": g.gone(now) or g.state,
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
