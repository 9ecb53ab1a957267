"""The work folder: what is taken over, and when it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import UsageError
from pipelines.profiling.noise import Noise
from pipelines.profiling.steps import Steps
from tests.pipelines.left import LEFT
from tests.pipelines.profiling.toy import QUIET

KEY = {"runs": 40, "drifts": (0.0, 0.5)}


def test_a_resumed_run_finds_what_was_kept(tmp_path: Path) -> None:
    Steps.open(tmp_path / "work", KEY, resume=False).keep("round-1-a", QUIET)

    steps = Steps.open(tmp_path / "work", KEY, resume=True)

    assert steps.get("round-1-a", Noise) == QUIET
    assert steps.get("round-2-a", Noise) is None
    assert len(steps) == 1


def test_a_run_that_is_not_resumed_starts_afresh(tmp_path: Path) -> None:
    Steps.open(tmp_path / "work", KEY, resume=False).keep("round-1-a", QUIET)

    assert len(Steps.open(tmp_path / "work", KEY, resume=False)) == 0


def test_there_may_be_nothing_to_resume(tmp_path: Path) -> None:
    assert len(Steps.open(tmp_path / "work", KEY, resume=True)) == 0


def test_steps_of_other_settings_are_not_mixed_in(tmp_path: Path) -> None:
    Steps.open(tmp_path / "work", KEY, resume=False)

    with pytest.raises(
        UsageError, match="measured with runs 40, now it is 20; start afresh without --resume"
    ):
        Steps.open(tmp_path / "work", {**KEY, "runs": 20}, resume=True)


def test_a_folder_that_is_not_ours_is_not_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()

    with pytest.raises(UsageError, match="start afresh"):
        Steps.open(tmp_path / "work", KEY, resume=True)


def test_a_step_that_was_cut_short_is_not_there(tmp_path: Path) -> None:
    steps = Steps.open(tmp_path / "work", KEY, resume=False)
    (tmp_path / "work" / LEFT).write_text('{"calibration_s": [0.0')

    assert steps.get("round-1-a", Noise) is None
