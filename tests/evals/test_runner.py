"""Episodes run once, wherever they run: what is done stays done, and what fails is said in one line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from core.errors import TrimtabError, UsageError
from evals import frames, store
from evals.progress import Progress
from evals.runner import Comparison, Task, Workers, run
from evals.scenario import Entrant
from tests.evals.cells import (
    ILP,
    ORACLE,
    SMALL,
    Marked,
    begun,
    cell,
    comparison,
    complain,
    die,
    figures,
    hang,
)

ROOT = Path(__file__).parents[2]
HERE = Workers(processes=1)
PATIENCE_S = 60.0
"""For another process to begin."""


def quiet(done: int, total: int, last: str) -> None:
    """Hear nothing."""


def ran(
    tasks: Sequence[Task],
    folder: Path,
    workers: Workers = HERE,
    *,
    fresh: bool = False,
    progress: Progress = quiet,
) -> list[frames.Row]:
    """Run the tasks and return the rows of the folder."""
    count = run(tasks, folder, workers, progress, fresh=fresh)
    rows = [*frames.load(folder).rows]
    assert count == len(rows)
    return rows


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    (tmp_path / "marks").mkdir()
    return tmp_path / "marks"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def two(marks: Path) -> list[Marked]:
    return [Marked(comparison(name=name), marks) for name in ("a/one", "b/two")]


def test_every_episode_of_every_task_is_in_the_results(out: Path) -> None:
    tasks = [comparison(seed=seed, name=name) for seed in (0, 1) for name in ("a/one", "b/two")]

    rows = ran(tasks, out)

    assert [(r.scenario, r.policy, r.seed) for r in rows] == [
        (name, policy, seed)
        for name in ("a/one", "b/two")
        for policy in ("ilp", "static-small")
        for seed in (0, 1)
    ]


def test_what_is_done_is_not_run_again(out: Path, marks: Path) -> None:
    first = ran(two(marks), out)

    again = ran(two(marks), out)

    assert again == first
    assert (begun(marks, "a/one"), begun(marks, "b/two")) == (1, 1)


def test_of_a_comparison_only_those_who_are_new_are_run(out: Path) -> None:
    first = ran([comparison(ILP)], out)

    both = ran([comparison(ILP, SMALL)], out)

    assert both[0] == first[0]
    assert [row.policy for row in both] == ["ilp", "static-small"]


def test_what_depends_on_something_else_now_is_run_again(out: Path) -> None:
    """Under the same label, with another parameter."""
    (old,) = ran([comparison(ILP)], out)

    (new,) = ran([comparison(Entrant("ilp", "static-large"))], out)
    (back,) = ran([comparison(ILP)], out)

    assert old.scenario_digest != new.scenario_digest
    assert figures([back]) == figures([old])
    assert figures([new]) != figures([old])


def test_fresh_begins_anew(out: Path, marks: Path) -> None:
    ran(two(marks), out)

    rows = ran(two(marks)[:1], out, fresh=True)

    assert {row.scenario for row in rows} == {"a/one"}
    assert (begun(marks, "a/one"), begun(marks, "b/two")) == (2, 1)


def test_results_of_another_commit_are_refused_before_anything_runs(out: Path, marks: Path) -> None:
    (played,) = comparison(ORACLE).run()
    foreign = played.row.model_copy(update={"git": "e" * 40})
    store.keep(out, [type(played)(foreign, None)])

    with pytest.raises(UsageError, match="eeeeeeeeeeee"):
        ran(two(marks), out)

    assert begun(marks, "a/one") == 0
    assert len(ran(two(marks), out, fresh=True)) == 4


def test_no_task_is_a_failure(out: Path) -> None:
    with pytest.raises(TrimtabError, match="0 episodes were executed"):
        ran([], out)


def test_progress_counts_episodes_those_of_before_too(out: Path, marks: Path) -> None:
    ran(two(marks)[:1], out)
    heard: list[tuple[int, int, str]] = []

    ran(two(marks), out, progress=lambda *told: heard.append(told))

    assert heard == [(2, 4, ""), (4, 4, "b/two, seed 0")]


@pytest.mark.parametrize("processes", [1, 2])
def test_a_task_that_fails_is_said_and_the_others_stay_done(out: Path, marks: Path, processes: int) -> None:
    good, bad = comparison(name="a/one"), Marked(comparison(name="b/two"), marks, complain)
    ran([good], out)

    with pytest.raises(UsageError, match="nothing is feasible: no stage can carry"):
        ran([good, bad, Marked(comparison(name="c/three"), marks, complain)], out, Workers(processes))

    assert set(store.done(out)) == set(good.episodes)


def test_processes_give_what_one_process_gives_but_for_times(out: Path, tmp_path: Path) -> None:
    tasks = [comparison(ILP, SMALL, ORACLE, seed=seed, series=seed == 0) for seed in (0, 1, 2)]

    many, one = ran(tasks, out, Workers(2)), ran(tasks, tmp_path / "one")

    assert figures(many) == figures(one)
    many_trails, one_trails = (frames.load(folder).trails for folder in (out, tmp_path / "one"))
    assert repr(many_trails) == repr(one_trails)
    assert len(many_trails) == 3


def test_a_worker_that_is_killed_loses_its_own_task_and_nothing_that_was_done(out: Path, marks: Path) -> None:
    good = comparison(name="a/one")
    ran([good], out)
    bad = [Marked(comparison(name=name), marks, die) for name in ("b/two", "c/three")]

    with pytest.raises(TrimtabError, match=r"was killed, .* what is done is kept: run again"):
        ran([good, *bad], out, Workers(2))

    mended = [Marked(comparison(name=name), marks) for name in ("b/two", "c/three")]
    assert len(ran([good, *mended], out)) == 6


def test_a_run_that_is_killed_loses_only_the_task_it_was_in(out: Path, marks: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.evals import test_runner as t;"
        "t.begin_and_hang(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    started = subprocess.Popen([sys.executable, "-c", code, str(out), str(marks)], cwd=ROOT)
    try:
        deadline_s = time.monotonic() + PATIENCE_S
        while begun(marks, "b/two") == 0:
            assert time.monotonic() < deadline_s
            assert started.poll() is None
            time.sleep(0.02)
    finally:
        os.kill(started.pid, signal.SIGKILL)
        started.wait()

    rows = ran(two(marks), out)

    assert len(rows) == 4
    assert (begun(marks, "a/one"), begun(marks, "b/two")) == (1, 2)


def begin_and_hang(out: Path, marks: Path) -> None:
    """Do the first of two tasks, and never end the second."""
    tasks = [Marked(comparison(name="a/one"), marks), Marked(comparison(name="b/two"), marks, hang)]
    run(tasks, out, HERE, quiet, fresh=False)


def test_a_comparison_asks_for_each_episode_under_the_digest_of_its_own() -> None:
    asked = Comparison(cell(), (ILP, SMALL), 7).episodes

    assert [*asked] == [("toy/steps", "ilp", 7), ("toy/steps", "static-small", 7)]
    assert len(set(asked.values())) == 2


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nowhere.invalid:6379", "127.0.0.1:99999"])
def test_a_ray_cluster_that_is_not_there_is_said_at_once(out: Path, address: str) -> None:
    pytest.importorskip("ray")

    with pytest.raises(UsageError, match=f"--ray {address}: ") as refused:
        ran([comparison()], out, Workers(ray=address))

    assert "\n" not in str(refused.value)
