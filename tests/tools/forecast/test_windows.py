"""From samples to blocks: what is missing stays missing."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UsageError
from tools.forecast._windows import HISTORY_S, MAX_RPS, History, checked

Samples = list[float | None]


def history(samples: Sequence[float | None]) -> History:
    made = History()
    values = checked(samples)
    for start in range(0, len(values), 7):
        made.append(values[start : start + 7])
    return made


def test_a_window_has_the_maximum_and_the_mean_of_every_ten_seconds() -> None:
    window = history([float(second) for second in range(120)]).window(120)

    assert window is not None
    assert window.maxima == [9.0 + 10 * block for block in range(12)]
    assert window.means == [4.5 + 10 * block for block in range(12)]
    assert window.whole


def test_blocks_end_at_the_newest_sample() -> None:
    window = history([1.0] * 120 + [50.0]).window(121)

    assert window is not None
    assert window.maxima == [1.0] * 11 + [50.0]


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        pytest.param(10, 8.0, id="whole"),
        pytest.param(5, 8.0, id="half is enough"),
        pytest.param(4, None, id="less than half is unknown"),
    ],
)
def test_a_partially_filled_block(present: int, expected: float | None) -> None:
    last: Samples = [8.0] * present + [None] * (10 - present)
    window = history([*[3.0] * 110, *last]).window(120)

    assert window is not None
    assert window.current == (expected is not None)
    assert window.known[-1] == (3.0 if expected is None else expected)


def test_a_window_of_missing_samples_is_none_not_zero() -> None:
    assert history([5.0] * 10 + [None] * 120).window(130) is None


def test_a_measured_zero_is_zero() -> None:
    window = history([0.0] * 120).window(120)

    assert window is not None
    assert window.maxima == [0.0] * 12


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        pytest.param([1.0, 9.0, 2.0, 3.0], 9.0, id="whole"),
        pytest.param([None, 9.0, None, 3.0], 9.0, id="half"),
        pytest.param([None, 9.0, None, None], None, id="less than half"),
        pytest.param([None] * 4, None, id="missing"),
    ],
)
def test_the_target_is_the_maximum_after_the_origin(after: Samples, expected: float | None) -> None:
    assert history([100.0, *after, 100.0]).target_rps(1, 4) == expected


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(-1.0, id="negative"),
        pytest.param(math.nan, id="nan"),
        pytest.param(math.inf, id="infinite"),
        pytest.param(2 * MAX_RPS, id="enormous"),
    ],
)
def test_a_bad_sample_is_refused_by_its_index(bad: float) -> None:
    with pytest.raises(UsageError, match="sample 2 is"):
        checked([1.0, None, bad, 4.0])


@given(
    samples=st.lists(st.one_of(st.none(), st.floats(0, 1e6)), min_size=1, max_size=300),
    data=st.data(),
)
def test_a_window_equals_a_plain_count(samples: Samples, data: st.DataObject) -> None:
    at = data.draw(st.integers(1, len(samples)))
    padded: Samples = [*[None] * 120, *samples[:at]]

    window = history(samples).window(at)

    expected = []
    for start in range(len(padded) - 120, len(padded), 10):
        there = [s for s in padded[start : start + 10] if s is not None]
        expected.append(max(there) if len(there) >= 5 else math.nan)
    if all(map(math.isnan, expected)):
        assert window is None
    else:
        assert window is not None
        assert np.array_equal(window.maxima, expected, equal_nan=True)


def test_an_old_sample_is_found_where_it_was_after_hours() -> None:
    samples: Samples = [float(second % 1013) for second in range(3 * HISTORY_S + 55)]
    seen = history(samples)

    for at in (len(samples), len(samples) - 1, len(samples) - HISTORY_S + 120):
        window = seen.window(at)
        assert window is not None
        assert window.maxima[-1] == np.max(np.array(samples[at - 10 : at], dtype=float))
    assert seen.kept().tolist() == samples[-HISTORY_S:]
