"""The head of a pipeline's page: its state in a word, whether the loop lives, and what is measured."""

from __future__ import annotations

import time
from collections import Counter
from typing import Literal, get_args

import streamlit as st

from agent.explain.text import count
from core.assessment import Signal, SignalState
from ui import links, show
from ui.glance import Glance
from ui.show import SIGNALS, STATES, Look
from ui.trouble import banners

FIGURE = 150
"""Pixels of a figure's width: as many stand beside each other as there is room for."""
MOST_UNSURE = 8
"""Signals in doubt that are shown by name."""


def heading(one: Glance) -> None:
    """Draw it."""
    now = time.time()
    banners(one, now)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        state(one, now)
        show.outcome_chip(one.decision.outcome)
        links.to_decision(one.place, one.decision.id, f"last decision, {made(one, now)}")
        links.to_decisions(one.place)
    _why(one)
    if one.gone(now) is None:  # else nobody measures any more
        telemetry(one.decision.signals)


def state(one: Glance, now: float) -> None:
    """Show the state, and how far the loop may go; of a loop that is gone, what it saw last."""
    if one.gone(now) is None:
        show.state_chip(one.state)
    else:
        st.badge(f"{one.state} when last seen", icon=STATES[one.state].icon, color="gray")
    mode = one.decision.mode if one.presence is None else one.presence.mode
    st.badge(f"mode {mode}", icon=":material/tune:", color="blue")
    if one.life(now) == "ended":
        st.badge("the run has ended", icon=":material/flag:", color="gray")


def made(one: Glance, now: float) -> str:
    """Return when the last decision was made, and how long ago that is."""
    time_s = one.decision.time_s
    unix = one.when.unix(time_s)
    ago = "" if unix is None else f", {show.age(now - unix)} ago"
    return f"{one.when.text(time_s)}{ago}"


def figures(one: Glance, *, width: int = FIGURE) -> None:
    """Show the figures that say whether a pipeline is fine, each against what it should be."""
    slo = None if one.pipeline is None else one.pipeline.slo
    seen = one.decision.observation
    missed = slo is not None and one.attainment is not None and one.attainment < slo.quantile
    aim = "" if slo is None else f"{'below aim' if missed else 'aim'} {slo.quantile:.1%}"
    quantile = "latency" if slo is None else f"latency, p{slo.quantile * 100:g}"
    limit = "" if slo is None else f"SLO {slo.latency_s:g} s"
    latency = show.number(None if seen is None else seen.latency_s, " s", digits=3)
    labelled = "" if seen is None else f"of {seen.labelled} labelled"
    replicas = 0 if one.decision.running is None else sum(s.replicas for s in one.decision.running.stages)
    told = (
        ("SLO attainment, 1 h", show.percent(one.attainment), aim),
        (quantile, latency, limit),
        ("accuracy", show.percent(None if seen is None else seen.accuracy), labelled),
        ("cores", show.number(one.cores), count(replicas, "replica") if replicas else ""),
    )
    with st.container(horizontal=True, gap="small"):
        for name, value, against in told:  # against what it is held, which is no change of it
            colour: Literal["orange", "off"] = "orange" if missed and against == aim else "off"
            st.metric(name, value, against, delta_color=colour, delta_arrow="off", width=width)


def _why(one: Glance) -> None:
    """Show who paused it and why it may not do more; both are others' words."""
    presence = one.presence
    if presence is None:
        return
    if presence.paused_by:
        show.plain(f"Paused by {presence.paused_by}.", 200)
    if presence.mode_reason:
        show.plain(f"Mode {presence.mode}: {presence.mode_reason}", 300)


def telemetry(signals: tuple[Signal, ...]) -> None:
    """Show how many signals are in which state, and those in doubt by name, with their age."""
    counts = Counter(s.state for s in signals)
    states: tuple[SignalState, ...] = get_args(SignalState)
    looks: list[tuple[str, Look]] = [
        (f"{count(counts[s], 'signal')} {s}", SIGNALS[s]) for s in states if counts[s]
    ]
    unsure = [s for s in signals if s.state in ("stale", "missing")]
    looks += [(_doubt(s), SIGNALS[s.state]) for s in unsure[:MOST_UNSURE]]
    show.chips(looks or [("no metrics at all", SIGNALS["missing"])])
    if len(unsure) > MOST_UNSURE:
        st.text(f"and {len(unsure) - MOST_UNSURE} more signals that are stale or missing")


def _doubt(signal: Signal) -> str:
    age = "never measured" if signal.age_s is None else f"{show.age(signal.age_s)} old"
    return f"{signal.name} {signal.state}, {age}"
