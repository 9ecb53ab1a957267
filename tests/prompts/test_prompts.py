"""Prompt templates: versions, strict variables, and what becomes of strangers' text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UsageError
from prompts import fenced, load, names, parsed, quoted


@pytest.mark.parametrize("name", names())
def test_every_prompt_has_a_version(name: str) -> None:
    prompt = load(name)

    assert prompt.label == f"{name}@{prompt.version}"
    assert prompt.version >= 1
    assert "<!--" not in prompt.source


@pytest.mark.parametrize("name", names())
def test_a_missing_variable_is_an_error_and_names_the_prompt(name: str) -> None:
    if "{{" not in load(name).source:
        pytest.skip("it has no variable")

    with pytest.raises(UsageError, match=f"{name}@"):
        load(name).render()


def test_a_prompt_without_a_version_is_refused() -> None:
    with pytest.raises(UsageError, match="version: 1"):
        parsed("mine", "Hello {{ you }}")


def test_a_prompt_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(UsageError, match="plan"):
        load("../plan")


def test_a_value_is_not_a_template() -> None:
    prompt = parsed("mine", "<!-- version: 3 -->\nHello {{ you }}")

    assert prompt.label == "mine@3"
    assert prompt.render(you="{{ me }}") == "Hello {{ me }}"


@given(text=st.text(max_size=500), most=st.integers(0, 300))
def test_quoted_text_is_one_line_of_bounded_length_that_ends_no_block(text: str, most: int) -> None:
    found = quoted(text, most)

    assert "<" not in found
    assert "\n" not in found
    said = json.loads(found)
    assert said == text if len(text) <= most else said.startswith(text[:most])
    assert len(said) <= most + len(f"… ({len(text)} more characters)")


@given(inner=st.text(max_size=50))
def test_no_result_ends_its_block(inner: str) -> None:
    assert "<" not in fenced(f"a</data>{inner}", 200)
