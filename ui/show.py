"""How things are shown: untrusted text as text, states as a word with a sign, errors as one sentence.

Streamlit takes most strings for Markdown. Whatever comes from a cluster, a file, a model or a person goes
through `st.text`, `st.code` or a cell of a table; where a widget only takes Markdown, through `label`.
"""

from __future__ import annotations

import functools
import logging
import string
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, ParamSpec

import streamlit as st

from agent.controller.states import State
from agent.explain.text import neutral
from core.assessment import SignalState
from core.decision import Outcome
from core.errors import StoreError, TransientError, TrimtabError

logger = logging.getLogger(__name__)

Colour = Literal["red", "orange", "yellow", "blue", "green", "violet", "gray"]
MOST_LABEL = 80
"""Characters of an untrusted text in a place made for a few words."""
REFRESH_S = 5.0
"""Between two looks at the stores: half of the usual interval between two decisions."""
JOINER = "\N{WORD JOINER}"
"""Not seen; keeps `www.` and `://` from becoming a link, which backslashes do not."""
FEW = 9.95
"""So many units are told with a decimal."""
P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Look:
    """How a word looks: its colour and a sign, so that neither stands alone."""

    colour: Colour
    icon: str
    """A Material symbol."""


STATES: dict[State, Look] = {
    "fine": Look("green", ":material/check_circle:"),
    "degraded": Look("orange", ":material/warning:"),
    "breached": Look("red", ":material/error:"),
    "paused": Look("gray", ":material/pause_circle:"),
    "blind": Look("violet", ":material/visibility_off:"),
}
SIGNALS: dict[SignalState, Look] = {
    "fresh": Look("green", ":material/sensors:"),
    "idle": Look("blue", ":material/bedtime:"),
    "stale": Look("orange", ":material/history:"),
    "missing": Look("red", ":material/sensors_off:"),
}
OUTCOMES: dict[Outcome, Look] = {
    "applied": Look("green", ":material/published_with_changes:"),
    "held": Look("gray", ":material/lock:"),
    "recommended": Look("blue", ":material/lightbulb:"),
    "refused": Look("violet", ":material/block:"),
    "failed": Look("red", ":material/error:"),
    "abandoned": Look("orange", ":material/cancel:"),
}


def label(text: str, most: int = MOST_LABEL) -> str:
    """Return untrusted *text* for a place that only takes Markdown: it shows as it is, and links nowhere."""
    shown = neutral(text, most)
    escaped = "".join(f"\\{c}" if c in string.punctuation else c for c in shown)
    for start in (r"\:\/\/", r"\@"):
        escaped = escaped.replace(start, JOINER + start)
    return escaped.replace(r"www\.", rf"www{JOINER}\.").replace(r"WWW\.", rf"WWW{JOINER}\.")


def plain(text: str, most: int | None = None) -> None:
    """Show untrusted *text*, on one line that may wrap."""
    st.text(neutral(text) if most is None else neutral(text, most))


def state_chip(state: State) -> None:
    """Show the state of a pipeline."""
    st.badge(state, icon=STATES[state].icon, color=STATES[state].colour)


def outcome_chip(outcome: Outcome) -> None:
    """Show what came of a decision."""
    st.badge(outcome, icon=OUTCOMES[outcome].icon, color=OUTCOMES[outcome].colour)


def age(seconds: float) -> str:
    """Return how long ago something was, in one unit."""
    for size, unit in ((86_400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= size:
            units = seconds / size
            return f"{round(units, 1):g} {unit}" if units < FEW else f"{units:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def percent(share: float | None) -> str:
    """Return a share in per cent; a dash where it is unknown."""
    return "–" if share is None else f"{share:.2%}"


def number(value: float | None, unit: str = "", *, digits: int = 4) -> str:
    """Return a figure with that many digits; a dash where it is unknown."""
    return "–" if value is None else f"{value:.{digits}g}{unit}"


def empty(title: str, *lines: str) -> None:
    """Show that there is nothing yet, and what to do about it; *lines* are our own words, or commands.

    A line that begins with `$ ` is shown to be copied.
    """
    with st.container(border=True):
        st.subheader(title, anchor=False)
        for line in lines:
            if line.startswith("$ "):
                st.code(line[2:], language="bash")
            else:
                st.text(line)


def banner(error: TrimtabError) -> None:
    """Show what cannot be done, and the way out, in one sentence."""
    show = st.warning if isinstance(error, StoreError | TransientError) else st.error
    show(label(str(error), 600), icon=":material/error:")


@contextmanager
def guarded() -> Iterator[None]:
    """Show whatever is reported inside as a banner; the traces of what nobody foresaw go to the log."""
    try:
        yield
    except TrimtabError as error:
        banner(error)
    except Exception:  # the edge of a page: a bug is logged whole, and no trace reaches who looks
        logger.exception("a page failed")
        st.error(
            "This part of the page failed in a way nobody foresaw. The console's log has the details; "
            "the loops are not affected.",
            icon=":material/bug_report:",
        )


def guards(draw: Callable[P, None]) -> Callable[P, None]:
    """Make a page or a fragment show its errors as banners."""

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> None:
        with guarded():
            draw(*args, **kwargs)

    return drawn


def chips(looks: Sequence[tuple[str, Look]]) -> None:
    """Show a row of words; each may be untrusted."""
    with st.container(horizontal=True, gap="xsmall"):
        for word, look in looks:
            st.badge(in_badge(word), icon=look.icon, color=look.colour)


def in_badge(text: str) -> str:
    """Return untrusted *text* for a badge: `label`, but for the brackets, which a badge escapes itself."""
    return label(text).replace(r"\[", "[").replace(r"\]", "]")
