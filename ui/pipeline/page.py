"""One pipeline: what it does now and did before, what runs on its stages, what would be best, and what if."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import streamlit as st

from agent.folder import DECISIONS
from core.configuration import Configuration
from core.errors import UsageError
from core.pipeline import Pipeline
from core.prediction import Prediction, predict
from core.problem import Problem
from tools.points import Point, Points
from tools.store import DecisionStore
from ui import links, settings, show
from ui.approvals.waiting import stage_rows
from ui.charts import Across
from ui.glance import Glance, glance
from ui.heading import figures, heading
from ui.pipeline import curves, dag
from ui.pipeline.panel import answered, panel
from ui.pipeline.present import Present, open_request, present_of
from ui.pipeline.series import MOST_READ, RANGES, Drawn, drawn, usual_range
from ui.pipeline.tradeoffs import frontier_chart, spot
from ui.places import BUSY_S, Place, found, titled, warn
from ui.show import REFRESH_S, guards, number, percent
from ui.signing import access
from ui.when import HOUR_S, viewers_zone

LOOKED_S = 30.0
"""How long a range of more than an hour is drawn as it was: a new decision is hardly a pixel of it."""


@guards
def page() -> None:
    """Draw the page; what lives is drawn again every few seconds, the sliders stay as they are."""
    seen = found(settings.given().data)
    warn(seen)
    if not seen.places:
        st.title("Pipeline", anchor=False)
        if seen.unreadable:
            return
        show.empty(
            "No pipeline yet",
            "A loop makes decisions; this page shows them at once. In a minute, on a simulated cluster:",
            "$ trimtab demo",
        )
        return
    place = titled(seen)
    _live(place)
    panel(place)


@st.fragment(run_every=REFRESH_S)
@guards
def _live(place: Place) -> None:
    access.gate_again(settings.given())
    one = glance(place, viewers_zone())
    if one is None:
        show.empty("No decision yet", "The first one comes at the end of the loop's first interval.")
        return
    heading(one)
    if one.pipeline is None:
        st.text("The store does not have the pipeline of its last decision, so nothing is drawn of it.")
        return
    now = present_of(one.decision, one.pipeline, open_request(place, time.time()))
    left, right = st.columns([3, 2], gap="medium", vertical_alignment="center")
    with left:
        _stages(one.pipeline, now)
    with right:
        figures(one)
    with st.container():
        _recommended(now)
    _series(one, one.pipeline)
    _frontier(place, now)


def _stages(pipeline: Pipeline, now: Present) -> None:
    """Draw the DAG."""
    ink = dag.DARK if st.context.theme.type == "dark" else dag.LIGHT
    drawing = dag.dot(pipeline, now.running, now.ready, now.recommended, ink=ink)
    st.graphviz_chart(drawing, alt="The stages of the pipeline with what runs on each")


def _recommended(now: Present) -> None:
    """Show what is recommended beside what runs."""
    if now.recommended is None or now.running is None:
        return
    st.subheader("Recommended beside what runs", anchor=False)
    if now.asked:
        links.to_approvals("This change waits for an answer")
    left, right = st.columns([3, 2], gap="medium")
    rows = stage_rows(now.running, now.recommended)
    left.dataframe([_renamed(row) for row in rows], hide_index=True)
    if now.problem is not None:
        right.dataframe(_both(now.problem, now.running, now.recommended), hide_index=True)


def _renamed(row: dict[str, str]) -> dict[str, str]:
    return {("recommended" if key == "proposed" else key): value for key, value in row.items()}


def _both(problem: Problem, running: Configuration, recommended: Configuration) -> list[dict[str, str]]:
    """Return what is expected of both at the load that was decided for."""
    expected = [_expected(problem, one) for one in (running, recommended)]
    return [
        {"expected": name, "runs": cells[0], "recommended": cells[1]}
        for name, cells in (
            ("accuracy", [percent(e.accuracy if e else None) for e in expected]),
            ("cores", [number(e.cores if e else None) for e in expected]),
            ("latency", [_latency(e) for e in expected]),
        )
    ]


def _latency(expected: Prediction | None) -> str:
    if expected is not None and math.isinf(expected.latency_s):
        return "without bound: the queue only grows"
    return number(expected.latency_s if expected else None, " s")


def _expected(problem: Problem, configuration: Configuration | None) -> Prediction | None:
    """Return what is expected of a configuration; None where it is of another version of the pipeline."""
    if configuration is None:
        return None
    try:
        return predict(problem, configuration)
    except UsageError:
        return None


def _series(one: Glance, pipeline: Pipeline) -> None:
    """Draw the time series of the chosen range."""
    place = one.place
    seen = _range(place)
    if seen is None:
        return
    if not seen.whole:
        st.text(f"The last {MOST_READ} decisions are drawn; there are earlier ones.")
    _load(one, seen)
    across = Across(one.when, seen.span_s, titled=False)
    pairs = (
        (curves.latency(pipeline.slo), curves.in_time(pipeline.slo)),
        (curves.ACCURACY, curves.cores(_pipelines(place, seen.points, pipeline))),
        (curves.QUEUE, curves.DROPPED),
    )
    for pair in pairs:
        for column, figure in zip(st.columns(2, gap="medium"), pair, strict=True):
            with column:
                _figure(seen.points, across, figure)


def _range(place: Place) -> Drawn | None:
    """Let the range be chosen, and return what it holds."""
    with closing(Points(place.folder / DECISIONS, busy_s=BUSY_S)) as store:
        span = store.span(place.pipeline)
    if span is None:
        return None
    usual = usual_range(*span)
    key = f"range {place.key}"
    picked = st.segmented_control("Range", list(RANGES), default=usual, key=key, label_visibility="collapsed")
    length_s = RANGES[picked or usual]
    if min(length_s or math.inf, span[1] - span[0]) <= HOUR_S:
        return drawn(place.folder, place.pipeline, length_s)
    return _drawn_lately(place.folder, place.pipeline, length_s)


@st.cache_data(ttl=LOOKED_S, max_entries=8, show_spinner=False)
def _drawn_lately(folder: Path, pipeline: str, length_s: float | None) -> Drawn | None:
    return drawn(folder, pipeline, length_s)


def _load(one: Glance, seen: Drawn) -> None:
    """Draw the load with the decisions; a click on one opens it."""
    texts = {p.id: one.when.text(p.time_s) for p in seen.marks}
    chart = curves.load_with_decisions(seen.points, seen.marks, Across(one.when, seen.span_s), texts)
    if not texts:
        st.altair_chart(chart, alt="Load against its forecast")
        return
    picked = st.altair_chart(
        chart,
        key=f"load {one.place.key}",
        on_select="rerun",
        selection_mode=curves.PICKED,
        alt="Load against its forecast, with a marker for each decision; a click opens it",
    )
    name = _picked(picked)
    if name in texts:
        links.open_decision(one.place, name)


def _picked(state: Any) -> str:  # noqa: ANN401 - whatever the browser says
    """Return the id of the decision that was clicked; empty where none was."""
    rows = state["selection"].get(curves.PICKED, [])
    return str(rows[0].get("id", "")) if rows else ""


def _figure(points: Sequence[Point], across: Across, figure: curves.Figure) -> None:
    if curves.drawable(points, figure):
        st.altair_chart(curves.chart(points, across, figure), alt=f"{figure.title} over time")
    else:
        st.text(f"{figure.title}: nothing of it was measured in this range")


def _pipelines(place: Place, points: Sequence[Point], last: Pipeline) -> dict[str, Pipeline]:
    """Return the pipelines that the points were decided for, by digest, as far as the store has them."""
    known = {last.digest: last}
    with closing(DecisionStore(place.folder / DECISIONS, read_only=True, busy_s=BUSY_S)) as store:
        for digest in {p.digest for p in points} - known.keys() - {""}:
            try:
                known[digest] = store.pipeline(digest)
            except UsageError:  # never kept; its cores are not known
                continue
    return known


def _frontier(place: Place, now: Present) -> None:
    """Draw what could be had for how many cores, and where what runs stands."""
    st.subheader("Accuracy against cores at the present load", anchor=False)
    if now.problem is None:
        st.text("No load was known at the last decision, so there is nothing to solve.")
        return
    found_now = answered(str(place.folder), now.decision, now.running, now.problem)
    best = found_now.best
    if best is None:
        st.text("Nothing keeps every limit at this load. What would help is said below, under what if.")
        return
    spots = (
        *spot("runs", now.running, found_now.runs),
        *spot("optimum", best.configuration, best.prediction),
        *spot("proposal", now.proposal, _expected(now.problem, now.proposal)),
    )
    chart = frontier_chart(found_now.tradeoffs, spots)
    st.altair_chart(chart, alt="The trade-offs of accuracy and cores that nothing beats, and what runs")
    st.text(f"Decided for {now.problem.load_rps:.4g} requests/s, the upper forecast and what waits.")
