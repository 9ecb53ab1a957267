"""The two files that ship: they load, they agree, and they state how they were measured."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import pipelines
from core.ilp import optimum
from core.objective import Limits, Objective
from core.pipeline import Pipeline, Slo
from core.problem import Problem
from pipelines.id_card.report import LIMITS, OBJECTIVE, SLO
from pipelines.reader import read_pipeline

FOLDER = Path(pipelines.__file__).parent / "id_card"


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return read_pipeline(FOLDER / "pipeline.yaml")


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "accuracy.json").read_text(encoding="utf-8"))
    return found


def test_the_shipped_table_names_every_pair_of_variants(pipeline: Pipeline) -> None:
    pairs = set(product(*([v.name for v in stage.variants] for stage in pipeline.stages)))

    assert set(pipeline.joint_accuracy) == pairs


def test_the_pipeline_accuracies_are_those_of_the_clean_cards(
    pipeline: Pipeline, figures: dict[str, Any]
) -> None:
    clean = figures["levels"][0]
    detect, read = pipeline.stages

    assert clean["drift"] == 0
    assert {v.name: v.accuracy for v in detect.variants} == _column(clean["detectors"], "accuracy")
    assert {v.name: v.accuracy for v in read.variants} == _column(clean["readers"], "accuracy")
    assert {v.name: v.fan_out for v in detect.variants} == _column(clean["detectors"], "boxes")
    assert pipeline.joint_accuracy == {tuple(row["variants"]): row["joint"] for row in clean["pairs"]}


def test_every_point_of_the_profile_is_the_measured_one_of_at_least_thirty_runs(
    pipeline: Pipeline, figures: dict[str, Any]
) -> None:
    measured = {(row["variant"], row["batch"]): row for row in figures["latency"]}

    for stage in pipeline.stages:
        for variant in stage.variants:
            for batch, point in variant.points.items():
                row = measured.pop((variant.name, batch))
                assert (point.latency_s, point.median_s) == (row["p99_s"], row["median_s"])
                assert row["runs"] >= 30
                assert row["median_s"] == min(row["round_medians_s"]) <= row["p99_s"]
    assert not measured


def test_every_joint_accuracy_is_a_count_of_cards(figures: dict[str, Any]) -> None:
    assert figures["cards"] >= 300
    for level in figures["levels"]:
        for row in level["pairs"]:
            assert row["joint"] == pytest.approx(row["right"] / figures["cards"], abs=5e-5)
            assert row["difference"] == pytest.approx(row["joint"] - row["product"], abs=1.1e-4)


def test_the_promise_is_the_one_the_measuring_code_writes(pipeline: Pipeline) -> None:
    assert pipeline.slo == Slo.model_validate(SLO)
    assert pipeline.objective == Objective.model_validate(OBJECTIVE)
    assert pipeline.limits == Limits.model_validate(LIMITS)


def test_the_optimal_variants_change_between_a_quiet_and_a_busy_hour(pipeline: Pipeline) -> None:
    chosen = []
    for load_rps in (4.0, 8.0, 16.0, 24.0, 30.0):
        best = optimum(Problem.of(pipeline, load_rps))
        assert best is not None
        chosen.append(tuple(stage.variant for stage in best.configuration.stages))

    assert len(set(chosen)) >= 3
    assert pipeline.joint_accuracy[chosen[0]] > pipeline.joint_accuracy[chosen[-1]]


def test_more_drift_never_helps_the_average_pair(figures: dict[str, Any]) -> None:
    means = [
        sum(row["joint"] for row in level["pairs"]) / len(level["pairs"])
        for level in sorted(figures["levels"], key=lambda level: level["drift"])
    ]

    assert len(means) >= 3
    assert means == sorted(means, reverse=True)
    assert means[0] - means[-1] > 0.2


def test_the_files_name_a_kind_of_machine_and_no_place_on_it(figures: dict[str, Any]) -> None:
    text = json.dumps(figures) + (FOLDER / "pipeline.yaml").read_text(encoding="utf-8")

    assert "cores" in figures["machine"]
    assert {"onnxruntime", "opencv-python-headless", "numpy", "pillow"} <= set(figures["packages"])
    folders = [f"/{name}" for name in ("tmp", "work", "home", "root")]
    assert not [folder for folder in (*folders, "C:\\") if folder in text]


def _column(rows: dict[str, dict[str, float]], name: str) -> dict[str, float]:
    return {variant: row[name] for variant, row in rows.items()}
