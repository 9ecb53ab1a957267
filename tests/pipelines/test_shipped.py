"""The files that ship with the ready pipelines: they load, agree, and state how they were measured."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import pipelines
from core.ilp import optimum
from core.pipeline import Pipeline
from core.problem import Problem
from pipelines.kits import EXTRAS
from pipelines.profiling.measured import pipeline_name
from pipelines.profiling.page import BEGIN, figures
from pipelines.reader import read_pipeline

FOLDER = Path(pipelines.__file__).parent
DOCS = FOLDER.parent / "docs"
LEAST_RUNS, LEAST_EXAMPLES = 120, 200
LOADS_RPS = (2.0, 8.0, 24.0, 60.0, 120.0, 200.0, 300.0)
"""From one replica a stage to near the limit on cores: a cheap pipeline changes its mind late."""


@pytest.fixture(params=EXTRAS)
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    if not (FOLDER / found / "profile.json").is_file():
        pytest.skip(f"{found} was not profiled yet: make profile")
    return found


@pytest.fixture
def pipeline(name: str) -> Pipeline:
    return read_pipeline(FOLDER / name / "pipeline.yaml")


@pytest.fixture
def profile(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / name / "profile.json").read_text(encoding="utf-8"))
    return found


def test_the_shipped_table_names_every_combination(pipeline: Pipeline) -> None:
    combinations = set(product(*([v.name for v in stage.variants] for stage in pipeline.stages)))

    assert set(pipeline.joint_accuracy) == combinations


def test_there_are_stages_and_variants_to_choose_from(pipeline: Pipeline) -> None:
    assert len(pipeline.stages) >= 2
    assert all(len(stage.variants) >= 3 for stage in pipeline.stages)


def test_the_accuracies_are_those_of_the_clean_examples(pipeline: Pipeline, profile: dict[str, Any]) -> None:
    clean = profile["levels"][0]

    assert clean["drift"] == 0
    alone = {(row["stage"], row["variant"]): row["accuracy"]["value"] for row in clean["alone"]}
    assert {(s.name, v.name): v.accuracy for s in pipeline.stages for v in s.variants} == alone
    assert pipeline.joint_accuracy == {tuple(r["variants"]): r["joint"] for r in clean["combinations"]}


def test_every_point_is_the_measured_one_of_enough_runs(pipeline: Pipeline, profile: dict[str, Any]) -> None:
    measured = {
        (stage["name"], variant["name"], point["batch"]): point
        for stage in profile["stages"]
        for variant in stage["variants"]
        for point in variant["points"]
    }

    for stage in pipeline.stages:
        for variant in stage.variants:
            for batch, point in variant.points.items():
                row = measured.pop((stage.name, variant.name, batch))
                assert (point.latency_s, point.median_s) == (row["latency_s"], row["median_s"]["value"])
                assert point.throughput == row["throughput_rps"]
                assert row["runs"] >= LEAST_RUNS
    assert not measured


def test_every_joint_accuracy_is_a_count_of_examples(profile: dict[str, Any]) -> None:
    for level in profile["levels"]:
        assert level["examples"] >= LEAST_EXAMPLES
        for row in level["combinations"]:
            assert row["joint"] == pytest.approx(row["right"] / level["examples"], abs=5e-5)
            assert row["difference"] == pytest.approx(row["joint"] - row["product"], abs=1.1e-4)


def test_it_was_measured_on_a_quiet_machine(profile: dict[str, Any]) -> None:
    assert profile["noise"]["complaints"] == []
    assert "--allow-noise" not in profile["command"]


def test_drift_lowers_the_average_combination(profile: dict[str, Any]) -> None:
    means = [
        sum(row["joint"] for row in level["combinations"]) / len(level["combinations"])
        for level in sorted(profile["levels"], key=lambda level: float(level["drift"]))
    ]

    assert len(means) >= 3
    assert means == sorted(means, reverse=True)
    assert means[0] - means[-1] > 0.1


def test_what_is_best_changes_with_the_load(pipeline: Pipeline) -> None:
    chosen = {
        tuple(stage.variant for stage in best.configuration.stages)
        for load_rps in LOADS_RPS
        if (best := optimum(Problem.of(pipeline, load_rps))) is not None
    }

    assert len(chosen) >= 2


def test_the_files_name_a_kind_of_machine_and_no_place_on_it(name: str, profile: dict[str, Any]) -> None:
    text = json.dumps(profile) + (FOLDER / name / "pipeline.yaml").read_text(encoding="utf-8")

    assert profile["pipeline"] == pipeline_name(name)
    assert "cores" in profile["machine"]
    folders = [f"/{folder}" for folder in ("tmp", "work", "home", "root")]
    assert not [folder for folder in (*folders, "C:\\") if folder in text]


def test_the_page_holds_the_figures_of_the_profile(name: str, profile: dict[str, Any]) -> None:
    page = (DOCS / f"{name}.md").read_text(encoding="utf-8")

    assert f"{BEGIN}\n\n{figures(profile)}\n" in page
