"""The head of a pipeline's page: its state in a word, whether the loop lives, and what is measured."""

from __future__ import annotations

import time
from collections import Counter
from typing import get_args

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from agent.explain.text import count
from core.assessment import Signal, SignalState
from ui import links, show
from ui.glance import Glance
from ui.show import SIGNALS, Look
from ui.trouble import banners

MOST_UNSURE = 8
"""Signals in doubt that are shown by name."""


def heading(one: Glance) -> None:
    """Draw it."""
    now = time.time()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        show.state_chip(one.state)
        mode = one.decision.mode if one.presence is None else one.presence.mode
        st.badge(f"mode {mode}", icon=":material/tune:", color="blue")
        ended(one, now)
        show.outcome_chip(one.decision.outcome)
        links.to_decision(one.place, one.decision.id, f"last decision, {one.when.text(one.decision.time_s)}")
    banners(one, now)
    _why(one)
    telemetry(one.decision.signals)


def figures(one: Glance) -> None:
    """Show the figures that say whether a pipeline is fine, each against what it should be."""
    slo = None if one.pipeline is None else one.pipeline.slo
    seen = one.decision.observation
    first, second = st.columns(2), st.columns(2)
    missed = slo is not None and one.attainment is not None and one.attainment < slo.quantile
    aim = "" if slo is None else f"{'below the aim of' if missed else 'aim'} {slo.quantile:.1%}"
    _figure(first[0], "SLO attainment, last hour", show.percent(one.attainment), aim, missed=missed)
    quantile = "latency" if slo is None else f"latency, p{slo.quantile * 100:g}"
    limit = "" if slo is None else f"SLO {slo.latency_s:g} s"
    _figure(first[1], quantile, show.number(None if seen is None else seen.latency_s, " s"), limit)
    labelled = "" if seen is None else f"of {seen.labelled} labelled"
    _figure(second[0], "accuracy", show.percent(None if seen is None else seen.accuracy), labelled)
    replicas = 0 if one.decision.running is None else sum(s.replicas for s in one.decision.running.stages)
    _figure(second[1], "cores", show.number(one.cores), f"{replicas} replicas" if replicas else "")


def _figure(where: DeltaGenerator, name: str, value: str, against: str, *, missed: bool = False) -> None:
    """Show a figure and what it is held against, which is no change of it."""
    where.metric(name, value, against, delta_color="orange" if missed else "off", delta_arrow="off")


def ended(one: Glance, now: float) -> None:
    """Show that no more is to come, where that is so."""
    if one.life(now) == "ended":
        st.badge("the run has ended", icon=":material/flag:", color="gray")


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
