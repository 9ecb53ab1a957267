"""Untrusted text shows as it is, wherever it is put; states are told by a word and a sign."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from streamlit.testing.v1 import AppTest

from agent.controller.states import State
from agent.explain.text import neutral
from core.assessment import SignalState
from core.decision import Outcome
from ui import show
from ui.show import JOINER, MOST_LABEL, label

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![a](http://evil.example/x.png)",
    "[here](javascript:alert(1))",
    "**bold** _slanted_ `code` ~~gone~~",
    "# heading",
    "- item",
    "1. item",
    "> quoted",
    "a | b\n--|--\n1 | 2",
    ":red[danger] :material/delete: :smile:",
    "$e = mc^2$",
    "http://evil.example www.evil.example me@evil.example",
    "safe\u202eevil",
    "&lt;b&gt; &#60;",
    "x" * 10_000,
]


def rendered(markdown: str) -> tuple[str, set[str]]:
    """Return the text that a Markdown renderer shows, and the kinds of what it makes of it."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)
    inline = [child for token in tokens for child in token.children or ()]
    text = "".join(t.content if t.type in ("text", "text_special") else "" for t in inline)
    kinds = {t.type for t in (*tokens, *inline)}
    return text, kinds


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_in_a_label_is_that_text_and_nothing_else(text: str) -> None:
    shown, kinds = rendered(label(text))

    assert shown.replace(JOINER, "") == neutral(text, MOST_LABEL)
    assert kinds <= {"paragraph_open", "inline", "text", "text_special", "paragraph_close"}


@given(st.text(max_size=200))
def test_any_text_in_a_label_is_that_text_and_nothing_else(text: str) -> None:
    shown, kinds = rendered(label(text))

    # A renderer drops blanks at both ends of a line.
    assert shown.replace(JOINER, "").strip() == neutral(text, MOST_LABEL).strip()
    assert kinds <= {"paragraph_open", "inline", "text", "text_special", "paragraph_close"}


@pytest.mark.parametrize("text", ["http://evil.example", "www.evil.example", "me@evil.example"])
def test_what_renderers_make_links_of_is_broken_unseen(text: str) -> None:
    assert JOINER in label(text)


def test_every_state_signal_and_outcome_has_a_look_of_its_own() -> None:
    looks = [list(show.STATES.values()), list(show.SIGNALS.values()), list(show.OUTCOMES.values())]

    assert show.STATES.keys() == set(get_args(State))
    assert show.SIGNALS.keys() == set(get_args(SignalState))
    assert show.OUTCOMES.keys() == set(get_args(Outcome))
    assert all(len({look.icon for look in group}) == len(group) for group in looks)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0 s"), (59, "59 s"), (463, "7.7 min"), (7200, "2 h"), (8_640_000, "100 d"), (-3, "0 s")],
)
def test_an_age_is_told_in_one_unit(seconds: float, shown: str) -> None:
    assert show.age(seconds) == shown


def _failing(what: str) -> None:
    from core.errors import StoreError  # noqa: PLC0415 - AppTest runs this text alone
    from ui import show  # noqa: PLC0415 - as above

    with show.guarded():
        raise {"reported": StoreError("the <b>store</b> is locked"), "bug": ZeroDivisionError("oh")}[what]


def test_what_is_reported_becomes_a_banner_with_its_own_words() -> None:
    page = AppTest.from_function(_failing, kwargs={"what": "reported"}).run()

    [banner] = page.warning
    assert rendered(banner.value) == ("the <b>store</b> is locked", rendered("x")[1])
    assert not page.exception


def test_a_bug_becomes_a_banner_without_a_trace() -> None:
    page = AppTest.from_function(_failing, kwargs={"what": "bug"}).run()

    [banner] = page.error
    assert "nobody foresaw" in banner.value
    assert "ZeroDivisionError" not in banner.value
    assert not page.exception
