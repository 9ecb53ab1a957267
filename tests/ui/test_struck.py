"""A figure is struck through in the text, where it stands as a number of its own and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.llm.grounding import figures
from ui.struck import STROKE, struck, written_in


def shown(text: str) -> str:
    """Return a text with what is struck through between brackets."""
    found = ""
    for character, following in zip(text, text[1:] + " ", strict=True):
        if character != STROKE:
            found += f"[{character}]" if following == STROKE else character
    return found.replace("][", "")


@pytest.mark.parametrize(
    ("text", "figure", "expected"),
    [
        pytest.param("up by 31 % now", "31 %", "up by [31 %] now", id="with its unit"),
        pytest.param("up by 31\n%", "31 %", "up by [31\n%]", id="unit on the next line"),
        pytest.param("a 400-ms limit", "400 ms", "a [400-ms] limit", id="hyphenated"),
        pytest.param("12 of 312 and 1.12, 12.5, 12", "12", "[12] of 312 and 1.12, 12.5, [12]", id="no part"),
        pytest.param("1,200 and 200", "200", "1,200 and [200]", id="not the end of a longer number"),
        pytest.param("200,100", "200", "200,100", id="not its beginning"),
        pytest.param("5,10", "10", "5,[10]", id="after a comma"),
        pytest.param("v12, p12, 12", "12", "v12, p12, [12]", id="not in a name"),
        pytest.param("x3 and ×3", "3", "x[3] and ×[3]", id="a factor"),
        pytest.param("4x12", "4x", "[4x]12", id="a product"),
        pytest.param("10-20", "20", "10-[20]", id="the end of a range"),
        pytest.param("nothing", "7", "nothing", id="not there"),
    ],
)
def test_a_figure_is_struck_where_it_stands_alone(text: str, figure: str, expected: str) -> None:
    assert shown(struck(text, [figure])) == expected


def test_strokes_that_a_text_brings_itself_are_taken_out() -> None:
    assert struck(f"7{STROKE} and 8", ["8"]) == f"7 and 8{STROKE}"


numbers = st.one_of(
    st.integers(0, 10**6).map(str),
    st.integers(1000, 10**7).map("{:,}".format),
    st.floats(0, 1e4).map("{:.3f}".format),
    st.integers(1, 99).map("1e{}".format),
)
written = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "x", "~", "$", "-", "≥"]),
    numbers,
    st.sampled_from(["", " %", "ms", " s"]),
)
words = st.sampled_from(["load", "v3det-224", "t1", "p99", "of", "rps", "to", "fell", "(about"])


@given(st.lists(st.one_of(words, written), max_size=8).map(" ".join))
def test_whatever_counts_as_a_figure_is_found_in_its_text(text: str) -> None:
    assert {f.written for f in figures(text)} == set(written_in(text, [f.written for f in figures(text)]))


@given(st.text(), st.lists(st.text()))
def test_striking_adds_strokes_and_nothing_else(text: str, loose: list[str]) -> None:
    assert struck(text, loose).replace(STROKE, "") == text.replace(STROKE, "")
