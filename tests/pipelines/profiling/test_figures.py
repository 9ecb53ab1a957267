"""What is computed and written from what was measured, with numbers worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.errors import UsageError
from pipelines.profiling.document import write
from pipelines.profiling.figures import Provenance, level, phi, profile_document
from pipelines.profiling.measured import Alone, Answers, Joint
from pipelines.profiling.noise import Noise
from pipelines.profiling.page import BEGIN, END, figures, inserted, update
from pipelines.reader import read_pipeline
from tests.pipelines.profiling.toy import toy_measured

PROVENANCE = Provenance(date="2026-11-25", command="trimtab profile toy_cards", pipeline="toy-cards")
YES, NO = True, False


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
    (row,) = profile_document(toy_measured(), PROVENANCE)["levels"][0]["combinations"]

    assert (row["right"], row["joint"], row["product"], row["difference"]) == (3, 0.75, 0.5625, 0.1875)
    assert row["phi"] == pytest.approx(1)


def test_with_three_stages_phi_is_the_mean_over_their_pairs() -> None:
    """a and b err alike (1), c never errs: no phi with it; a and d err oppositely (-1), b and d too."""
    alone = {"a": "10", "b": "10", "c": "11", "d": "01"}
    answers = Answers(
        drift=0.0,
        alone=tuple(Alone(stage=n, variant=n, right=r, fan_out=1.0) for n, r in alone.items()),
        joint=(Joint(variants=tuple(alone), right="00"),),
    )

    found = level(answers)

    assert found["combinations"][0]["phi"] == pytest.approx(-1 / 3, abs=1e-4)
    assert len(found["phi"]) == 6
    assert found["combinations"][0]["product"] == 0.125


def test_rounds_are_pooled_and_stand_beside_the_figure() -> None:
    """Runs of 10, 11, 12, 13 ms in one round and 12, 13, 14, 15 in the other: 10 11 12 12 13 13 14 15.

    Of 8 runs, P(at most 6 below the 99th percentile) = 0.003: the seventh bounds it from below.
    """
    variant = profile_document(toy_measured(), PROVENANCE)["stages"][0]["variants"][0]
    point = variant["points"][0]

    assert point["runs"] == 8
    assert point["median_s"]["value"] == pytest.approx(0.0125)
    assert (point["median_s"]["low"], point["median_s"]["high"]) == (0.01, 0.015)
    assert point["p99_s"] == {"value": 0.015, "low": 0.014, "high": None}
    assert point["round_medians_s"] == [0.0115, 0.0135]
    assert point["round_throughputs_rps"] == [100.0, 99.0]
    assert variant["load_s"] == {"value": 1.5, "low": 1.0, "high": 2.0}


def test_latency_is_told_by_the_variant_before() -> None:
    """After d runs 1 and 3 of each round, after e runs 2 and 4: 10, 12, 12, 14 and 11, 13, 13, 15 ms."""
    variant = profile_document(toy_measured(), PROVENANCE)["stages"][1]["variants"][0]

    medians = {tuple(r["after"]): r["median_s"]["value"] for r in variant["by_choice"] if r["batch"] == 1}
    assert medians == {("d",): pytest.approx(0.012), ("e",): pytest.approx(0.013)}


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    write(tmp_path, toy_measured(), PROVENANCE)

    pipeline = read_pipeline(tmp_path / "pipeline.yaml")

    detect, read = pipeline.stages
    assert (pipeline.name, pipeline.accuracy, pipeline.joint_accuracy) == (
        "toy-cards",
        "measured",
        {("d", "r"): 0.75},
    )
    assert detect.variants[0].fan_out == 3.25
    assert detect.variants[0].load_time_s == 1.5
    point = read.variants[0].at(2)
    assert (point.latency_s, point.median_s, point.throughput) == (0.025, 0.0225, 99.5)


def test_a_folder_that_cannot_be_written_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")

    with pytest.raises(UsageError, match="give another --out"):
        write(tmp_path / "file", toy_measured(), PROVENANCE)


def test_noise_is_recorded_with_the_limits(tmp_path: Path) -> None:
    loud = Noise(calibration_s=(0.02, 0.02, 0.06), foreign_cores=1.2)

    _, path = write(tmp_path, toy_measured(loud), PROVENANCE)

    noise = json.loads(path.read_text(encoding="utf-8"))["noise"]
    assert noise["foreign_cores"] == 1.2
    assert noise["limits"]["foreign_cores"] == 0.15
    assert "other processes used 1.20 cores (limit 0.15)" in noise["complaints"]
    assert "above the limits" in (tmp_path / "pipeline.yaml").read_text(encoding="utf-8")


def test_the_page_tells_joint_and_product_and_what_drift_takes() -> None:
    text = figures(profile_document(toy_measured(), PROVENANCE))

    assert "| d + r | 0.750 (0.562) | 1.00 | 0.250 (0.188) | 0.33 |" in text
    assert "| detect | `d` | 50.0 | 50.0 |" in text
    assert "| detect | `d` | 12.5 (10–15) / 15 (14–) | 22.5 (20–25) / 25 (24–) |" in text
    assert "| `r` | 1 | `d` 12 (–), `e` 13 (–) | 1.08 | no |" in text
    assert "| `d.onnx` | 2.50 |" in text


def test_only_what_is_between_the_markers_of_a_page_is_replaced(tmp_path: Path) -> None:
    write(tmp_path, toy_measured(), PROVENANCE)
    page = tmp_path / "page.md"
    page.write_text(f"# Title\n\n{BEGIN}\nold\n{END}\n\nThe end.\n", encoding="utf-8")

    update(tmp_path / "profile.json", page)
    once = page.read_text(encoding="utf-8")
    update(tmp_path / "profile.json", page)

    assert page.read_text(encoding="utf-8") == once
    assert once.startswith(f"# Title\n\n{BEGIN}\n\n`trimtab profile toy_cards`, 2026-11-25")
    assert once.endswith(f"{END}\n\nThe end.\n")
    assert "old" not in once


def test_a_page_without_markers_is_refused() -> None:
    with pytest.raises(UsageError, match="must hold the line"):
        inserted("# Title\n", profile_document(toy_measured(), PROVENANCE))
