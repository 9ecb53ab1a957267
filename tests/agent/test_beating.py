"""A loop leaves a word of itself after every turn, and nothing that keeps it from that stops it."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from agent.beating import MOST_PROBLEM
from agent.demo import cleared
from agent.desk import Desk, Person
from agent.folder import PRESENCE
from agent.planners import Briefing, Thought
from core.errors import TrimtabError
from tests.agent.toy import CHEAPER, INTERVAL_S, Scripted, toy_run, turns
from tools.presence import Presence, life_of, read_presence


def word(folder: Path) -> Presence:
    found = read_presence(folder / "data")
    assert found is not None
    return found


def test_a_loop_says_who_it_is_from_the_start_and_where_it_stands_after_each_turn(tmp_path: Path) -> None:
    now = [1000.0]
    with toy_run(tmp_path, Scripted([CHEAPER]), unix=lambda: now[0]) as run:
        run.loop.recover()
        first = word(tmp_path)
        now[0] = 1010.0
        turns(run, 2)
        later = word(tmp_path)

    assert first == Presence(
        pipeline="toy",
        process=os.getpid(),
        host=socket.gethostname(),
        started=1000.0,
        beat=1000.0,
        clock_s=0.0,
        real_time=False,
        interval_s=INTERVAL_S,
        limit="auto",
        mode="auto",
        planner="scripted",
    )
    assert later == first.model_copy(update={"beat": 1010.0, "clock_s": 20.0})


def test_a_pause_is_seen_with_whose_it_is_already_at_the_start(tmp_path: Path) -> None:
    with toy_run(tmp_path, Scripted([CHEAPER])) as run:
        turns(run, 1)
    Desk(tmp_path / "data", Person("ann", "approver"), unix=lambda: 0.0).pause()

    with toy_run(tmp_path, Scripted([CHEAPER])) as run:
        run.loop.recover()
        found = word(tmp_path)

    assert (found.limit, found.mode, found.paused_by) == ("auto", "observe", "ann")
    assert found.mode_reason == "paused by ann since 1970-01-01T00:00:00Z"


def test_one_that_was_taken_down_has_ended_and_one_that_was_killed_falls_silent(tmp_path: Path) -> None:
    with toy_run(tmp_path, Scripted([CHEAPER]), unix=lambda: 1000.0) as run:
        turns(run, 1)
        alive = word(tmp_path)
    ended = word(tmp_path)

    assert (life_of(alive, 1001.0), life_of(alive, 2000.0)) == ("running", "silent")
    assert (ended.ended, life_of(ended, 2000.0)) == (1000.0, "ended")


@dataclass(slots=True)
class Failing:
    """A planner that fails as it is told to."""

    error: Exception | None
    name: ClassVar[str] = "failing"

    def plan(self, briefing: Briefing) -> Thought:
        """Fail, or go on as a script would."""
        if self.error is not None:
            raise self.error
        return Scripted([CHEAPER]).plan(briefing)


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        pytest.param(TrimtabError("no room\nleft"), "no room left", id="reported"),
        pytest.param(
            ZeroDivisionError("x" * 9),
            "an error of Trimtab's own, ZeroDivisionError; see the log",
            id="a bug",
        ),
        pytest.param(TrimtabError("x" * 9999), "x" * MOST_PROBLEM, id="long"),
    ],
)
def test_why_a_turn_failed_is_said_in_one_line_until_one_succeeds(
    tmp_path: Path, error: Exception, problem: str
) -> None:
    planner = Failing(error)
    with toy_run(tmp_path, planner) as run:
        run.cluster.pass_time(INTERVAL_S)
        with pytest.raises(type(error)):
            run.loop.tick()
        failed = word(tmp_path)
        planner.error = None
        run.loop.recover()
        turns(run, 1)
        mended = word(tmp_path)

    assert (failed.problem, mended.problem) == (problem, "")


def test_the_problem_that_ended_a_loop_stays(tmp_path: Path) -> None:
    with pytest.raises(TrimtabError), toy_run(tmp_path, Failing(TrimtabError("no room"))) as run:
        turns(run, 1)

    found = word(tmp_path)
    assert found.ended is not None
    assert found.problem == "no room"


def test_a_word_that_cannot_be_written_is_logged_and_stops_no_turn(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with toy_run(tmp_path, Scripted([CHEAPER])) as run:
        (tmp_path / "data" / PRESENCE).mkdir()
        (decision,) = turns(run, 1)

    assert decision.outcome == "applied"
    assert "nobody can see that the loop lives" in caplog.text


def test_a_new_demonstration_removes_the_word_of_the_last(tmp_path: Path) -> None:
    (tmp_path / PRESENCE).write_text("{}")

    cleared(tmp_path)

    assert read_presence(tmp_path) is None
