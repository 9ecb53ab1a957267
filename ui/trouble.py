"""What keeps a loop from doing its work, each in a sentence with the way out: banners, not chips."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from agent.controller.states import BLINDNESS
from tools.presence import silent_s
from ui import show
from ui.glance import Glance

MOST_SAID = 400
"""Characters of what others say of it."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong with the loop itself or with what it needs."""

    weight: Literal["error", "warning"]
    icon: str
    ours: str
    """What is wrong and what to do, in our own words."""
    theirs: str = ""
    """What was reported; not to be trusted."""


def troubles(one: Glance, now: float) -> Iterator[Trouble]:
    """Yield what is wrong at Unix time *now*, the worst first."""
    presence, decision = one.presence, one.decision
    if presence is not None and one.life(now) == "silent":
        yield Trouble(
            "error",
            ":material/heart_broken:",
            f"No sign of life from the loop for {show.age(silent_s(presence, now))}: nothing is decided any "
            "more, what runs stays as it is. Look at its log, and start it again: it takes up where it was.",
            f"process {presence.process} on {presence.host}",
        )
    if presence is not None and presence.ended is not None and presence.real_time:
        yield Trouble(
            "warning",
            ":material/stop_circle:",
            f"The loop was stopped {show.age(now - presence.ended)} ago: nothing is decided any more, what "
            "runs stays as it is. Start it again: it takes up where it was.",
        )
    if presence is not None and presence.problem:
        yield Trouble(
            "error",
            ":material/error:",
            "The loop's last turn failed; it tries again with the next one.",
            presence.problem,
        )
    if one.state == "blind":
        said = next((f.statement for f in decision.findings if f.kind in BLINDNESS), decision.note)
        yield Trouble(
            "warning",
            ":material/visibility_off:",
            "The metrics the loop rests on are missing or too old, so it changes nothing. "
            "`trimtab doctor` says what Prometheus answers.",
            said,
        )
    if decision.planning.fell_back:
        yield Trouble(
            "warning",
            ":material/psychology_alt:",
            "The language model did not decide the last turn; the rules did, checked as always.",
            decision.planning.fell_back,
        )


def banners(one: Glance, now: float) -> None:
    """Show them, in a place of their own: where one comes or goes, nothing below changes its place."""
    with st.container():
        for trouble in troubles(one, now):
            draw = st.error if trouble.weight == "error" else st.warning
            said = f" {show.label(trouble.theirs, MOST_SAID)}" if trouble.theirs else ""
            draw(f"{trouble.ours}{said}", icon=trouble.icon)
