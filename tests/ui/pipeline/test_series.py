"""A range of a pipeline's record is read whole, or says that it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agent.toy import CHEAPER, ENOUGH, Scripted, toy_run, turns
from ui.pipeline.series import RANGES, drawn, usual_range


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a loop that took eight turns, ten seconds apart, and did something in the first."""
    folder = tmp_path_factory.mktemp("series")
    with toy_run(folder, Scripted([ENOUGH, CHEAPER])) as run:
        turns(run, 8)
    return folder / "data"


def test_everything_is_read_where_no_length_is_given(folder: Path) -> None:
    seen = drawn(folder, "toy", None)

    assert seen is not None
    assert [p.time_s for p in seen.points] == [10.0 * i for i in range(1, 9)]
    assert seen.span_s == (10.0, 80.0)
    assert seen.whole
    assert [p.outcome for p in seen.marks] == ["applied"] * len(seen.marks) != []


def test_a_length_counts_back_from_the_last_decision(folder: Path) -> None:
    seen = drawn(folder, "toy", 25.0)

    assert seen is not None
    assert [p.time_s for p in seen.points] == [60.0, 70.0, 80.0]
    assert seen.span_s == (55.0, 80.0)


def test_a_length_beyond_the_record_begins_with_it(folder: Path) -> None:
    seen = drawn(folder, "toy", RANGES["24 h"])

    assert seen is not None
    assert seen.span_s == (10.0, 80.0)


def test_of_too_long_a_record_the_last_part_is_drawn_and_that_is_known(folder: Path) -> None:
    seen = drawn(folder, "toy", None, most=3)

    assert seen is not None
    assert [p.time_s for p in seen.points] == [60.0, 70.0, 80.0]
    assert seen.span_s == (60.0, 80.0)
    assert not seen.whole


def test_a_pipeline_without_a_decision_has_no_series(folder: Path) -> None:
    assert drawn(folder, "other", None) is None


@pytest.mark.parametrize(("length_s", "usual"), [(7200.0, "all"), (7201.0, "1 h")])
def test_a_long_record_opens_with_its_last_hour(length_s: float, usual: str) -> None:
    assert usual_range(100.0, 100.0 + length_s) == usual
