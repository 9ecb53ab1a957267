"""What is computed from answers and runs, with numbers worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import UsageError
from pipelines.id_card.accuracy import Answers, pairs_of, phi
from pipelines.id_card.latency import Call, Timing, one_round, summary
from pipelines.id_card.report import (
    Measured,
    Provenance,
    Settings,
    VariantTimes,
    accuracy_document,
    write,
)
from pipelines.reader import read_pipeline

YES, NO = True, False
PROVENANCE = Provenance("2026-11-24", "a CPU, 2 cores", {"numpy": "2"}, "trimtab profile id_card")


def test_phi_of_equal_errors_is_one_of_opposite_errors_minus_one() -> None:
    errs = np.array([YES, NO, NO, YES])

    assert phi(errs, errs) == pytest.approx(1)
    assert phi(errs, ~errs) == pytest.approx(-1)


def test_phi_of_a_hand_worked_table() -> None:
    """Both err 3 times, one alone 1, the other alone 2, neither 4: (3*4 - 1*2) / sqrt(4*6*5*5)."""
    one = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0], dtype=bool)
    other = np.array([1, 1, 1, 0, 1, 1, 0, 0, 0, 0], dtype=bool)

    assert phi(one, other) == pytest.approx(10 / np.sqrt(600))


def test_phi_is_unknown_where_a_stage_never_errs() -> None:
    assert phi(np.array([NO, NO]), np.array([YES, NO])) is None


def test_the_joint_accuracy_is_counted_not_multiplied() -> None:
    pair = pairs_of(_answers())[0]

    assert (pair.right, pair.joint, pair.product, pair.difference) == (3, 0.75, 0.5625, 0.1875)
    assert pair.phi == pytest.approx(1)


def test_the_round_with_the_lowest_median_stands_for_a_point() -> None:
    slow, fast = [0.4, 0.5, 0.6], [0.1, 0.2, 0.9]

    point = summary(4, [slow, fast])

    assert point == Timing(4, median_s=0.2, p99_s=0.9, runs=3, round_medians_s=(0.5, 0.2))


def test_every_timed_run_serves_a_whole_batch() -> None:
    served: list[int] = []

    seconds = one_round(Call(lambda batch: served.append(len(batch)), ["a", "b"]), 4, runs=5, seed=1)

    assert len(seconds) == 5
    assert set(served) == {4}
    assert len(served) > 5, "calls that do not count come first"


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    write(tmp_path, _measured(), PROVENANCE)

    pipeline = read_pipeline(tmp_path / "pipeline.yaml")

    assert pipeline.accuracy == "measured"
    assert pipeline.joint_accuracy == {("d", "r"): 0.75}
    assert pipeline.stages[0].variants[0].fan_out == 3.25
    assert pipeline.stages[1].variants[0].load_time_s == 1.5
    assert pipeline.stages[1].variants[0].at(2).median_s == 0.03


def test_a_folder_that_cannot_be_written_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")

    with pytest.raises(UsageError, match="give another --out"):
        write(tmp_path / "file", _measured(), PROVENANCE)


def test_the_figures_state_drift_counts_and_differences() -> None:
    figures = accuracy_document(_measured(), PROVENANCE)

    (level,) = figures["levels"]
    assert (figures["date"], figures["seed"], figures["cards"]) == ("2026-11-24", 5, 4)
    assert level["differences"]["lowest"] == level["differences"]["highest"] == 0.1875
    assert level["detectors"] == {"d": {"accuracy": 0.75, "boxes": 3.25}}


def _answers() -> Answers:
    three = np.array([YES, YES, YES, NO])
    return Answers(0.0, {"d": three}, {"r": three}, {("d", "r"): three}, {"d": 3.25})


def _measured() -> Measured:
    times = VariantTimes(1.5, (Timing(1, 0.02, 0.025, 30, (0.02,)), Timing(2, 0.03, 0.04, 30, (0.03,))))
    return Measured(
        Settings(runs=30, rounds=1, cards=4, seed=5, drifts=(0.0,)),
        {("detect", "d"): times, ("read", "r"): times},
        (_answers(),),
    )
