"""Where one machine is not enough the same episodes run on Ray: here on a cluster of this machine alone.

It runs in a process of its own, as Ray leaves threads and handlers behind, and warns of what comes next.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import TrimtabError
from evals import frames
from evals.runner import Workers, run
from tests.evals.cells import ILP, ORACLE, SMALL, Marked, comparison, complain, figures

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 200

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed here"),
]


def tasks() -> list[Marked]:
    """Return six episodes in two tasks."""
    return [Marked(comparison(ILP, SMALL, ORACLE, seed=seed, series=seed == 0), ROOT) for seed in (0, 1)]


def quiet(done: int, total: int, last: str) -> None:
    """Hear nothing."""


def on_ray(out: Path, what: str) -> subprocess.CompletedProcess[str]:
    code = (
        "import sys; from pathlib import Path; from tests.evals import test_ray as t;"
        "getattr(t, sys.argv[2])(Path(sys.argv[1]))"
    )
    return subprocess.run(
        [sys.executable, "-c", code, str(out), what],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def all_of_them(out: Path) -> None:
    """Run everything on a local cluster."""
    run([task.comparison for task in tasks()], out, Workers(ray="local"), quiet, fresh=False)


def one_that_fails(out: Path) -> None:
    """Run a task that fails, and print the line it fails with."""
    try:
        run([Marked(comparison(), out, complain)], out, Workers(ray="local"), quiet, fresh=False)
    except TrimtabError as error:
        sys.stdout.write(f"{type(error).__name__}: {error}")


def test_the_rows_are_those_of_one_process_but_for_times(tmp_path: Path) -> None:
    alone, ray = tmp_path / "alone", tmp_path / "ray"
    run([task.comparison for task in tasks()], alone, Workers(processes=1), quiet, fresh=False)

    ended = on_ray(ray, "all_of_them")

    assert ended.returncode == 0, ended.stderr
    assert figures(frames.load(ray).rows) == figures(frames.load(alone).rows)
    assert repr(frames.load(ray).trails) == repr(frames.load(alone).trails)


def test_what_fails_there_is_said_here_in_one_line(tmp_path: Path) -> None:
    ended = on_ray(tmp_path, "one_that_fails")

    assert ended.stdout == "UsageError: nothing is feasible: no stage can carry a load of 1e+06 rps", ended
