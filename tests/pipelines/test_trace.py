"""Load traces: which column is read, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import InvalidDocument, UsageError
from pipelines.trace import read_trace
from tests.pipelines.files import written


def read(folder: Path, text: str, column: str | None = None) -> tuple[float, ...]:
    return read_trace(written(folder, text, "trace.csv"), column)


@pytest.mark.parametrize(
    ("text", "rates"),
    [
        pytest.param("1\n2.5\n0\n", (1.0, 2.5, 0.0), id="no header"),
        pytest.param("rps\n1\n2\n", (1.0, 2.0), id="one column"),
        pytest.param("whatever\n1\n2\n", (1.0, 2.0), id="one column of any name"),
        pytest.param("second,load\n0,1\n1,2\n", (1.0, 2.0), id="seconds and load"),
        pytest.param(" Second , RPS \n 7 , 1 \n 8 , 2 \n", (1.0, 2.0), id="capitals and spaces"),
        pytest.param(
            "second,trace_index_s,raw_tweets_per_s,rps_div8\n0,900,54,6\n1,901,41,5\n", (6.0, 5.0), id="IPA's"
        ),
        pytest.param("timestamp,rate\n1700000000,3\n1700000001,4\n", (3.0, 4.0), id="timestamps"),
        pytest.param('"rps"\r\n"1"\r\n"2"\r\n\r\n', (1.0, 2.0), id="quotes and Windows lines"),
        pytest.param("\ufeffrps\n1\n", (1.0,), id="byte order mark"),
    ],
)
def test_the_column_of_rates_is_found(text: str, rates: tuple[float, ...], tmp_path: Path) -> None:
    assert read(tmp_path, text) == rates


def test_a_named_column_is_taken(tmp_path: Path) -> None:
    text = "a,b\n1,5\n2,6\n"

    assert read(tmp_path, text, "b") == (5.0, 6.0)
    with pytest.raises(InvalidDocument, match="there is no column 'c'; known: a, b"):
        read(tmp_path, text, "c")


WHICH = "which column holds requests per second? Name it with --column; known: "


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "the trace is empty; give one row a second", id="empty"),
        pytest.param("\n\n", "the trace is empty; give one row a second", id="blank"),
        pytest.param(
            "rps\n", "the trace has a header and no rows; give one row a second", id="only a header"
        ),
        pytest.param(
            "second,rps\n0,1\n2,1\n",
            "row 3: second 2 follows 0; rows must be one second apart, fill the gap or cut the trace there",
            id="a gap",
        ),
        pytest.param(
            "second,rps\n1,1\n0,1\n",
            "row 3: second 0 follows 1; rows must be one second apart, fill the gap or cut the trace there",
            id="backwards",
        ),
        pytest.param(
            "rps\n1\n\n2\n", "row 3, rps: nothing there; fill the gap with a number", id="an empty line"
        ),
        pytest.param(
            "second,rps\n0,1\n1,\n",
            "row 3, rps: nothing there; fill the gap with a number",
            id="an empty cell",
        ),
        pytest.param(
            "second,rps\n0,1\n1\n", "row 3, rps: nothing there; fill the gap with a number", id="a short row"
        ),
        pytest.param("rps\n1\nabc\n", "row 3, rps: 'abc' is not a finite number", id="letters"),
        pytest.param("rps\nnan\n", "row 2, rps: 'nan' is not a finite number", id="NaN"),
        pytest.param("rps\ninf\n", "row 2, rps: 'inf' is not a finite number", id="infinity"),
        pytest.param(
            "rps\n1e999\n", "row 2, rps: '1e999' is not a finite number", id="too large for a number"
        ),
        pytest.param("rps\n1_0\n", "row 2, rps: '1_0' is not a finite number", id="what only Python reads"),
        pytest.param("rps\n١\n", "row 2, rps: '١' is not a finite number", id="other digits"),
        pytest.param(
            "rps\n1\n-2\n",
            "row 3, rps: -2 is negative; rates are 0 or more requests per second",
            id="negative",
        ),
        pytest.param("rps_a,rps_b\n1,2\n", f"{WHICH}rps_a, rps_b", id="two columns of rates"),
        pytest.param("1,2\n3,4\n", f"{WHICH}column 1, column 2", id="two columns without names"),
        pytest.param("second;rps\n0;1\n", "row 2, second;rps: '0;1' is not a finite number", id="semicolons"),
        pytest.param(
            'rps\n"1\n2\n', "row 3: unexpected end of data; this is no row of numbers", id="an open quote"
        ),
        pytest.param('"a\nb",c\n1,2\n', f"{WHICH}a b, c", id="a header of two lines"),
        pytest.param('rps\n"1\n2"\n', "row 2, rps: '1\\n2' is not a finite number", id="a cell of two lines"),
        pytest.param(
            "rps\n" + "1" * 200_000,
            "row 2: field larger than field limit (131072); this is no row of numbers",
            id="a cell without end",
        ),
    ],
)
def test_a_trace_with_something_wrong_is_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidDocument) as caught:
        read(tmp_path, text)

    assert str(caught.value) == f"{tmp_path / 'trace.csv'}: {message}"


def test_a_day_is_read_second_by_second(tmp_path: Path) -> None:
    rates = tuple(float(k % 97) for k in range(86_400))

    assert read(tmp_path, "second,rps\n" + "".join(f"{k},{r:g}\n" for k, r in enumerate(rates))) == rates


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_bytes(b"1\n" * (9 * 2**20))

    with pytest.raises(UsageError, match="larger than 16 MiB; split it"):
        read_trace(path)


@settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(text=st.text(alphabet=st.sampled_from('0123456789.,-e"\n\r\t ;xrps'), max_size=40))
def test_whatever_the_file_holds_the_answer_is_rates_or_a_refusal(text: str, tmp_path: Path) -> None:
    try:
        rates = read(tmp_path, text)
    except InvalidDocument as error:
        assert "\n" not in str(error)
        return
    assert rates
    assert all(math.isfinite(rate) and rate >= 0 for rate in rates)
