"""Figures of a rationale against the results it cites."""

from __future__ import annotations

import json
import math
from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.llm.grounding import ungrounded
from core.tooluse import ToolUse


def use(result: object, *, ok: bool = True) -> ToolUse:
    text = result if isinstance(result, str) else json.dumps(result)
    return ToolUse(id="t1", call="c1", tool="solve", arguments="{}", ok=ok, result=text)


RESULT = use(
    {
        "latency_s": 0.4123,
        "load_rps": 1234.5,
        "factor": 1.31,
        "in_time": 0.9512,
        "quantile": 0.99,
        "wait_s": 120,
        "stages": [{"stage": "detect", "variant": "v3det-224", "batch": 2, "replicas": 7}],
        "note": "5 cores are free, 12.5% are lost",
    }
)


@pytest.mark.parametrize(
    "text",
    [
        "0.41 s",
        "0.4123s",
        "412 ms",
        "412.3ms",
        "1.2k rps",
        "1.23 krps",
        "1,234.5 requests/s",
        "1234.5rps",
        "31 % slower than profiled",
        "31% slower",
        "95 %, that is 95.12 percent",
        "0.9512",
        "2 minutes",
        "2min",
        "7 replicas at batch 2",
        "(7x, batch=2)",
        "detect runs v3det-224 and yolov5n, see t1 and p99",
        "the 99th percentile",
        "2-7 replicas",
        "0.41–0.412 s",
        "a batch-2 configuration",
        "2-batch",
        "12.5 % lost, 5 cores free",
        "-0.41 s",
        "no figure at all. None!",
    ],
)
def test_a_figure_of_the_result_is_grounded(text: str) -> None:
    assert ungrounded(text, [RESULT]) == ()


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        pytest.param("0.42 s", ("0.42 s",), id="another figure"),
        pytest.param("0.4 ms", ("0.4 ms",), id="another unit"),
        pytest.param("41 s", ("41 s",), id="no factor of ten is let through"),
        pytest.param("8 replicas", ("8 replicas",), id="another count"),
        pytest.param("batch 224", ("224",), id="a part of a name is no figure of the result"),
        pytest.param("7-9 replicas", ("9 replicas",), id="the end of a range"),
        pytest.param("3–7 replicas", ("3",), id="the start of a range"),
        pytest.param("45 % faster", ("45 %",), id="another share"),
        pytest.param("1.3k rps", ("1.3k",), id="thousands"),
        pytest.param("1,235 rps, 1,300 rps", ("1,300 rps",), id="separators, rounded"),
        pytest.param("8, again 8 and 9.", ("8", "9"), id="each once"),
        pytest.param("8-stage", ("8",), id="hyphenated"),
        pytest.param("x8", ("8",), id="times"),
    ],
)
def test_a_figure_that_is_not_there_is_returned_as_written(text: str, missing: tuple[str, ...]) -> None:
    assert ungrounded(text, [RESULT]) == missing


def test_a_result_that_failed_grounds_nothing() -> None:
    assert ungrounded("7 replicas", [use({"replicas": 7}, ok=False)]) == ("7 replicas",)


def test_without_a_cited_result_every_figure_is_ungrounded() -> None:
    assert ungrounded("7 replicas for 12 rps", []) == ("7 replicas", "12 rps")


@pytest.mark.parametrize("result", ['{"replicas": 7, "load', "7 replicas", '"7"'])
def test_a_result_that_is_no_whole_json_is_read_as_text(result: str) -> None:
    assert ungrounded("7", [use(result)]) == ()


VALUES = st.decimals(min_value=Decimal("0.01"), max_value=Decimal(99999), places=4)


@given(value=VALUES, places=st.integers(0, 4))
def test_any_rounding_of_a_figure_is_grounded(value: Decimal, places: int) -> None:
    written = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)

    assert ungrounded(f"about {written:f} of it", [use({"x": float(value)})]) == ()


@given(value=VALUES, places=st.integers(0, 4), off=st.sampled_from([-2, -1, 1, 2]))
def test_no_figure_one_digit_off_is_grounded(value: Decimal, places: int, off: int) -> None:
    digit = Decimal(1).scaleb(-places)
    written = value.quantize(digit, ROUND_HALF_EVEN) + off * digit
    half = abs(abs(written) - value) == digit / 2

    if written > 0 and not half:
        assert ungrounded(f"about {written:f} of it", [use({"x": float(value)})]) == (f"{written:f}",)


@given(seconds=st.decimals(min_value=Decimal("0.001"), max_value=Decimal(100), places=3))
def test_milliseconds_are_seconds_in_another_unit(seconds: Decimal) -> None:
    whole = int(seconds * 1000)

    assert ungrounded(f"{whole} ms", [use({"x": float(seconds)})]) == ()
    assert ungrounded(f"{whole + 1} ms", [use({"x": float(seconds)})]) == (f"{whole + 1} ms",)


@given(text=st.text(max_size=200), result=st.text(max_size=200))
def test_no_text_breaks_it(text: str, result: str) -> None:
    assert isinstance(ungrounded(text, [use(result)]), tuple)


@given(number=st.integers(0, 10**6), exponent=st.integers(-400, 400))
def test_no_exponent_breaks_it(number: int, exponent: int) -> None:
    assert isinstance(ungrounded(f"{number}e{exponent}", [use({"x": 1.0})]), tuple)


@given(st.lists(st.floats(0.001, 1e6, allow_nan=False), min_size=1, max_size=5))
def test_figures_that_all_stand_in_the_results_are_all_grounded(values: list[float]) -> None:
    text = ", ".join(f"{value:.17g}" for value in values if not math.isinf(value))

    assert ungrounded(text, [use({"values": values})]) == ()
