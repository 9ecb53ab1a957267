"""The command as a process: how fast it starts, and how it ends when it is told to or nobody listens."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from tests.agent.command import ROOT, trimtab, trimtab_cold
from tests.agent.toy import written

COLD_S = 1.5
"""What a cold start may take on a machine of its own; here it shares one, and gets twice as much."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return written(tmp_path)


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    return written(tmp_path, "rps\n" + "10\n" * 60, "trace.csv")


def test_sigterm_ends_a_run_after_the_present_turn_with_all_on_record(
    file: Path, trace: Path, tmp_path: Path
) -> None:
    arguments = ["run", str(file), "--trace", str(trace), "--data", str(tmp_path / "data")]
    process = subprocess.Popen(
        [sys.executable, "-c", "from agent.cli import main; main()", *arguments, "--json", "--real-time"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    process.send_signal(signal.SIGTERM)

    rest, said = process.communicate(timeout=60)

    assert process.returncode == 0
    assert "stopped after the present turn" in said
    shown = [json.loads(line) for line in (first, *rest.splitlines())]
    assert trimtab("decisions", "--data", tmp_path / "data", "--json").objects == shown[:-1]


def test_a_reader_that_goes_away_is_no_error_worth_a_traceback(file: Path) -> None:
    loads = ",".join(map(str, range(1, 30)))
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from agent.cli import main; main()",
            "solve",
            file,
            "--load",
            loads,
            "--json",
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None

    assert process.stderr.read() == ""

    process.stderr.close()
    assert process.wait(60) == 1


def wide(stages: int, variants: int) -> str:
    """Return a chain with seven batch sizes for each variant, as JSON."""
    return json.dumps(
        {
            "apiVersion": "trimtab/v1",
            "kind": "Pipeline",
            "metadata": {"name": "wide"},
            "spec": {
                "slo": {"latency": 5.0},
                "objective": {"alpha": 10.0, "beta": 0.05, "delta": 1e-6},
                "stages": [
                    {
                        "name": f"s{s}",
                        "variants": [
                            {
                                "name": f"v{v}",
                                "accuracy": 0.6 + 0.08 * v - 0.01 * s,
                                "cores": 1 + v,
                                "profile": [
                                    {"batch": b, "latency": 0.02 * (1 + v) * (0.4 + 0.6 * b)}
                                    for b in (1, 2, 4, 8, 16, 32, 64)
                                ],
                            }
                            for v in range(variants)
                        ],
                    }
                    for s in range(stages)
                ],
            },
        }
    )


@pytest.mark.parametrize("command", ["help", "solve"])
def test_a_cold_start_is_quick(command: str, tmp_path: Path) -> None:
    file = written(tmp_path, wide(5, 5), "wide.json")
    arguments = {"help": ("--help",), "solve": ("solve", file, "--load", "20", "--json")}[command]
    marks = [time.perf_counter()]

    for _ in range(3):
        assert trimtab_cold(*arguments).status == 0
        marks.append(time.perf_counter())

    assert min(b - a for a, b in pairwise(marks)) < 2 * COLD_S
