"""`trimtab profile` from outside: what it refuses, and a real profile of two real models."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.profiling.page import BEGIN, END
from pipelines.reader import read_pipeline
from tests.agent.command import ROOT, trimtab, trimtab_cold
from tools.serving_python import BESIDE, project

WAIT_S = 120.0
POLL_S = 0.05
SMALL = ("--runs", 10, "--rounds", 2, "--examples", 10, "--batches", "1,2", "--allow-noise")
TWO = ("--only", "detect=classic", "--only", "read=v3rec-w40")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            ["cards"],
            "no ready pipeline 'cards', only id_card, video, audio, qa, or all of them: all",
            id="unknown",
        ),
        pytest.param(["id_card", "--runs", 9], "--runs", id="too few runs"),
        pytest.param(
            ["id_card", "--only", "detect"], "--only is 'detect'; write NAME=VALUE", id="half an option"
        ),
        pytest.param(
            ["id_card", "--batches", "1,x"], "write sizes from 1 to 512 as 1,2,4", id="no batch sizes"
        ),
        pytest.param(["all", "--page", "x.md"], "name the pipeline instead of all", id="one page for all"),
        pytest.param(["id_card", "--serving-python", "nowhere"], "run make serving", id="no such Python"),
        pytest.param(["x", "--from-triton", "nowhere.csv"], "cannot be read", id="no such CSV"),
    ],
)
def test_what_cannot_be_done_is_one_line(arguments: list[object], message: str) -> None:
    assert message in trimtab("profile", *arguments).complaint()


def test_a_csv_of_triton_becomes_a_pipeline_file(tmp_path: Path) -> None:
    csv = tmp_path / "metrics-model-inference.csv"
    csv.write_text("Model,Batch,Concurrency,Throughput (infer/sec),p99 Latency (ms)\nyolo,1,1,50,22\n")
    out = tmp_path / "pipeline.yaml"
    known = ("--stage", "crop=yolo", "--accuracy", "yolo=0.5", "--cores", "yolo=2", "--slo", 0.5)

    ended = trimtab("profile", "video", "--from-triton", csv, *known, "--out", out)

    assert ended.status == 0, ended
    (variant,) = read_pipeline(out).stage("crop").variants
    assert (variant.name, variant.accuracy, variant.cores) == ("yolo", 0.5, 2.0)
    assert (variant.at(1).latency_s, variant.at(1).throughput) == (0.022, 50.0)


def test_triton_is_asked_for_what_it_does_not_say(tmp_path: Path) -> None:
    csv = tmp_path / "metrics-model-inference.csv"
    csv.write_text("Model,Batch,Concurrency,Throughput (infer/sec),p99 Latency (ms)\nyolo,1,1,50,22\n")
    import_ = ("profile", "video", "--from-triton", csv)

    assert "give --slo SECONDS" in trimtab(*import_).complaint()
    assert "--stage STAGE=yolo" in trimtab(*import_, "--slo", 1).complaint()
    assert "give --accuracy yolo=" in trimtab(*import_, "--slo", 1, "--stage", "crop=yolo").complaint()


@pytest.fixture
def serving() -> None:
    if not (project() / BESIDE).is_file():
        pytest.skip("make serving was not run")


@pytest.mark.slow
@pytest.mark.usefixtures("serving")
def test_two_real_variants_are_profiled_as_served(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{BEGIN}\n{END}\n", encoding="utf-8")

    ended = trimtab_cold("profile", "id_card", *SMALL, *TWO, "--out", tmp_path / "out", "--page", page)

    assert ended.status == 0, ended
    pipeline = read_pipeline(tmp_path / "out" / "pipeline.yaml")
    profile = json.loads((tmp_path / "out" / "profile.json").read_text(encoding="utf-8"))
    classic = pipeline.stage("detect").variants[0]
    assert (pipeline.name, set(pipeline.joint_accuracy)) == ("id-card", {("classic", "v3rec-w40")})
    assert classic.fan_out > 1
    assert 0.1 < classic.load_time_s < 60
    assert classic.at(2).latency_s >= (classic.at(2).median_s or 0) > (classic.at(1).median_s or 0) > 0
    assert {level["drift"] for level in profile["levels"]} == {0.0, 0.5, 1.0}
    assert profile["stages"][1]["variants"][0]["memory_bytes"] > 50 * 2**20
    assert profile["settings"]["only"] == {"detect": ["classic"], "read": ["v3rec-w40"]}
    assert "| detect | `classic` |" in page.read_text(encoding="utf-8")
    assert str(ROOT) not in json.dumps(profile)


@pytest.mark.slow
@pytest.mark.usefixtures("serving")
def test_a_killed_profile_leaves_no_process_and_is_resumed(tmp_path: Path) -> None:
    psutil = pytest.importorskip("psutil")
    arguments = ["profile", "id_card", *map(str, (*SMALL, *TWO)), "--out", str(tmp_path)]
    command = [sys.executable, "-c", "from agent.cli import main; main()", *arguments]
    work = tmp_path / ".profile-id_card"
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    _wait_for(lambda: len(list(work.glob("round-1-*.json"))) == 1)
    _wait_for(lambda: len(psutil.Process(process.pid).children(recursive=True)) == 2)
    children = psutil.Process(process.pid).children(recursive=True)

    process.send_signal(signal.SIGKILL)
    process.wait()
    finished = {path: path.stat().st_mtime_ns for path in work.glob("*-*.json")}
    _, alive = psutil.wait_procs(children, timeout=10)
    ended = trimtab_cold(*arguments, "--resume")

    assert not alive
    assert ended.status == 0, ended
    assert f"{len(finished)} finished steps are taken over" in ended.out
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    assert (tmp_path / "profile.json").is_file()


def _wait_for(true: Callable[[], bool]) -> None:
    waiting = threading.Event()
    for _ in range(round(WAIT_S / POLL_S)):
        if true():
            return
        waiting.wait(POLL_S)
    raise AssertionError("it did not happen in time")
