"""Names are printed as the file has them, whatever a terminal library might read into them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent import commands, simulation

STAGE, VARIANT, PIPELINE = "read[eu]", "[bold]small[/red]", "cards[/]"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    monkeypatch.setenv("COLUMNS", "200")
    profile = [{"batch": 1, "latency": 0.1}]
    variants = [{"name": VARIANT, "accuracy": 0.9, "cores": 1, "profile": profile}]
    spec = {"slo": {"latency": 1.0}, "stages": [{"name": STAGE, "variants": variants}]}
    document = {"apiVersion": "trimtab/v1", "kind": "Pipeline", "metadata": {"name": PIPELINE}, "spec": spec}
    stages = [{"stage": STAGE, "variant": VARIANT, "batch": 1, "replicas": 1}]
    (tmp_path / "pipeline.json").write_text(json.dumps(document))
    (tmp_path / "config.json").write_text(json.dumps({"stages": stages}))
    return tmp_path / "pipeline.json", tmp_path / "config.json"


def test_solve_prints_names_as_they_are(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    commands.solve(
        files[0],
        "5",
        headroom="1.0",
        wait_quantile=None,
        current=None,
        solver=None,
        as_json=False,
    )

    printed = capsys.readouterr().out
    assert STAGE in printed
    assert VARIANT in printed


def test_verify_says_which_stage_a_constraint_is_of(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    commands.verify(files[0], "50", files[1], headroom="1.0", wait_quantile=None, current=None, as_json=False)

    assert f"capacity[{STAGE}]" in capsys.readouterr().out


def test_frontier_prints_names_as_they_are(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    commands.frontier(files[0], "5", headroom="1.0", wait_quantile=None, plot=None, as_json=False)

    assert f"{STAGE}={VARIANT}" in capsys.readouterr().out


def test_simulate_prints_the_pipelines_name_as_it_is(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text("rps\n5\n5\n")

    simulation.simulate(files[0], trace, policy="ilp", config=files[1], seed=0, column=None, as_json=False)

    assert f"{PIPELINE}: config.json" in capsys.readouterr().out
