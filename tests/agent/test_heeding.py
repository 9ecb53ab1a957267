"""The loop does what people command, from its next turn on, and never more than it was started with."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, cast

import pytest

from agent.desk import Desk, Person
from agent.folder import CALENDAR, REQUESTS
from agent.planners import Briefing, Thought, create
from core.autonomy import Policy
from core.calendar import Event
from core.decision import Mode
from core.errors import UsageError
from core.proposal import Proposal
from core.roles import Role
from tests.agent.toy import AT_ONCE, CHEAPER, ENOUGH, INTERVAL_S, Scripted, agreeing, silent, toy_run, turns
from tools.calendar import Calendar
from tools.commands import Commands, Outcome

MOVING = [10.0] * 30 + [36.0] * 270
"""The optimum moves in the third interval, or soon after."""
LAUNCH = Event(id="launch", pipeline="toy", start_s=15, end_s=200, load_factor=2, author="x", entered_s=0)
T0 = 1_800_000_000.0
"""2027-01-15, 8 o'clock."""


def desk(folder: Path, name: str = "ann", role: Role = "admin") -> Desk:
    return Desk(folder / "data", Person(name, role), unix=lambda: T0)


def outcomes(folder: Path) -> list[Outcome | None]:
    """Return what came of the commands, oldest first."""
    with closing(Commands(folder / "data" / REQUESTS, must_exist=True)) as commands:
        return [given.outcome for given in commands.after(0)]


def told(folder: Path) -> list[tuple[bool, str]]:
    """Return the same of a loop that has looked at all of them."""
    return [(outcome.ok, outcome.note) for outcome in outcomes(folder) if outcome is not None]


def test_a_paused_loop_changes_nothing_while_the_optimum_moves_and_acts_again_once_resumed(
    tmp_path: Path,
) -> None:
    with toy_run(tmp_path, create("ilp"), trace_rps=MOVING) as run:
        before, *_ = turns(run, 2)
        running = run.cluster.desired()
        desk(tmp_path, "ann", "approver").pause()
        paused = turns(run, 4)
        still = run.cluster.desired()
        desk(tmp_path, "bob", "approver").resume()
        (after,) = turns(run, 1)

        assert (before.mode, before.mode_reason) == ("auto", "")
        assert {d.outcome for d in paused} == {"recommended", "held"}
        assert {(d.mode, d.mode_reason) for d in paused} == {
            ("observe", "paused by ann since 2027-01-15T08:00:00Z")
        }
        assert len({d.proposals[-1].configuration for d in paused}) > 1, "the optimum moved"
        assert still == running
        assert (after.mode, after.outcome) == ("auto", "applied")
        assert run.cluster.desired().change == after.id


def test_a_restart_remembers_who_paused_and_the_mode_that_was_set(tmp_path: Path) -> None:
    with toy_run(tmp_path, Scripted([ENOUGH, CHEAPER])) as run:
        turns(run, 1)
        desk(tmp_path).mode("observe")
        desk(tmp_path, "bob", "approver").pause()
        turns(run, 1)

    with toy_run(tmp_path, Scripted([CHEAPER])) as run:
        run.loop.recover()
        (paused,) = turns(run, 1)
        desk(tmp_path).resume()
        (observing,) = turns(run, 1)

    assert (paused.outcome, paused.mode_reason) == (
        "recommended",
        "paused by bob since 2027-01-15T08:00:00Z",
    )
    assert (observing.outcome, observing.mode, observing.mode_reason) == (
        "recommended",
        "observe",
        "set by ann",
    )


@pytest.mark.parametrize(
    ("limit", "wish", "mode", "note"),
    [
        ("auto", "observe", "observe", "observe is the most the loop may do now: set by ann"),
        ("auto", "auto", "auto", "auto is the most the loop may do now"),
        (
            "observe",
            "auto",
            "observe",
            "observe is the most the loop may do now; "
            "it may never do more than observe, so auto stays a wish",
        ),
    ],
)
def test_a_mode_is_a_wish_that_the_start_caps(
    tmp_path: Path, limit: Mode, wish: Mode, mode: Mode, note: str
) -> None:
    with toy_run(tmp_path, Scripted([CHEAPER]), mode=limit) as run:
        desk(tmp_path).mode(wish)
        (decision,) = turns(run, 1)

    assert decision.mode == mode
    assert decision.outcome == ("applied" if mode == "auto" else "recommended")
    assert told(tmp_path) == [(True, note)]


def test_the_last_wish_counts_and_waits_for_the_pause_to_end(tmp_path: Path) -> None:
    with toy_run(tmp_path, Scripted([CHEAPER])) as run:
        for command in (desk(tmp_path).pause, desk(tmp_path, "bob").pause):
            command()
        desk(tmp_path).mode("observe")
        desk(tmp_path).mode("auto")
        (paused,) = turns(run, 1)
        for _ in range(2):
            desk(tmp_path).resume()
        (acting,) = turns(run, 1)

    since = "paused by ann since 2027-01-15T08:00:00Z"
    assert (paused.mode, paused.mode_reason, acting.outcome) == ("observe", since, "applied")
    assert told(tmp_path) == [
        (True, f"observe is the most the loop may do now: {since}"),
        (True, f"it was {since} already"),
        (True, f"observe is the most the loop may do now: {since}"),
        (True, f"observe is the most the loop may do now: {since}"),
        (True, "auto is the most the loop may do now"),
        (True, "nobody had paused it"),
    ]


@pytest.mark.parametrize("role", ["viewer", "approver"])
def test_a_mode_written_past_the_desk_without_the_right_is_not_followed(tmp_path: Path, role: Role) -> None:
    with toy_run(tmp_path, Scripted([CHEAPER])) as run:
        with closing(Commands(tmp_path / "data" / REQUESTS)) as commands:
            commands.put("mode", "observe", who="eve", role=role, at=T0)
        (decision,) = turns(run, 1)

    assert (decision.mode, decision.outcome) == ("auto", "applied")
    assert told(tmp_path) == [(False, f"'eve' may not set the mode as '{role}': the role 'admin' is needed")]


def test_a_command_that_was_not_followed_is_not_followed_after_a_restart_either(tmp_path: Path) -> None:
    with toy_run(tmp_path, Scripted([CHEAPER])) as run:
        with closing(Commands(tmp_path / "data" / REQUESTS)) as commands:
            commands.put("pause", who="eve", role="viewer", at=T0)
        turns(run, 1)
    before = outcomes(tmp_path)

    with toy_run(tmp_path, Scripted([ENOUGH])) as run:
        run.loop.recover()
        (decision,) = turns(run, 1)

    assert (decision.mode, decision.outcome) == ("auto", "applied")
    assert outcomes(tmp_path) == before


def test_a_command_that_cannot_be_read_stops_neither_the_loop_nor_the_next_command(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with toy_run(tmp_path, Scripted([CHEAPER])) as run:
        with closing(sqlite3.connect(tmp_path / "data" / REQUESTS)) as raw, raw:
            raw.execute('INSERT INTO commands (body) VALUES (\'{"kind": "explode"}\')')
        desk(tmp_path).pause()
        (decision,) = turns(run, 1)

    (bad, note), (good, _) = told(tmp_path)
    assert (bad, good, decision.mode) == (False, True, "observe")
    assert note.startswith("it cannot be read: ")
    assert "command 1 was not followed" in caplog.text


@dataclass(slots=True)
class Commanding:
    """A planner during whose thinking a person commands something."""

    command: Callable[[], object]
    name: ClassVar[str] = "commanding"

    def plan(self, briefing: Briefing) -> Thought:
        """Propose a change, when it is too late for it."""
        self.command()
        return Thought(Proposal(configuration=CHEAPER, rationale="it takes a while"))


@pytest.mark.parametrize("wish", ["pause", "observe", "approve"])
def test_what_is_commanded_while_the_planner_thinks_holds_for_this_very_change(
    tmp_path: Path, wish: str
) -> None:
    def command() -> object:
        return desk(tmp_path).pause() if wish == "pause" else desk(tmp_path).mode(cast("Mode", wish))

    with toy_run(tmp_path, Commanding(command)) as run:
        (decision,) = turns(run, 1)

        assert run.cluster.desired().change == "initial"
        assert (decision.outcome, decision.certificate) == ("refused", None)
        assert decision.note.startswith(
            f"nothing changed: the mode is {wish.replace('pause', 'observe')} now, "
        )


def test_a_pause_closes_the_question_that_waits_so_that_no_answer_counts(tmp_path: Path) -> None:
    with toy_run(tmp_path, Scripted([CHEAPER]), mode="approve", approver=silent) as run:
        run.cluster.pass_time(INTERVAL_S)
        assert run.loop.tick() is None
        (asked,) = run.loop.context.requests.open_requests()
        desk(tmp_path, role="approver").pause()
        (paused,) = turns(run, 1)
        with pytest.raises(UsageError, match="is closed: the mode is observe now"):
            desk(tmp_path).approve(asked.decision, shown=asked.proposal)

        assert (paused.mode, paused.outcome) == ("observe", "recommended")
        assert run.loop.context.store.decision(asked.decision).note == "the mode is observe now"
        assert run.cluster.desired().change == "initial"


def test_a_question_does_not_survive_a_restart_into_a_pause(tmp_path: Path) -> None:
    with toy_run(tmp_path, Scripted([CHEAPER]), mode="approve", approver=silent) as run:
        run.cluster.pass_time(INTERVAL_S)
        assert run.loop.tick() is None
        (asked,) = run.loop.context.requests.open_requests()
    desk(tmp_path).pause()

    with toy_run(tmp_path, Scripted([CHEAPER]), mode="approve", approver=agreeing) as run:
        (late,) = run.loop.recover()
        turns(run, 1)

        assert (late.id, late.outcome) == (asked.decision, "abandoned")
        assert run.loop.context.requests.open_requests() == ()
        assert run.cluster.desired().change == "initial"


def test_with_earned_autonomy_the_wish_caps_what_can_be_earned(tmp_path: Path) -> None:
    at_once = {"minDecisions": 0, "minSeconds": 0, "minChanges": 0, "maxRegret": 1e9, "minCoverage": 0}
    demote = {"maxRegret": 1e9, "minCoverage": 0}
    policy = Policy.model_validate({"approve": at_once, "auto": at_once, "demote": demote})
    settings = replace(AT_ONCE, autonomy=policy)

    with toy_run(tmp_path, Scripted([CHEAPER]), settings=settings, approver=silent) as run:
        desk(tmp_path).mode("observe")
        capped = turns(run, 4)
        desk(tmp_path).pause()
        (paused,) = turns(run, 1)
        desk(tmp_path).resume()
        desk(tmp_path).mode("approve")
        run.cluster.pass_time(INTERVAL_S)
        asks = run.loop.tick()

    assert {(d.mode, d.mode_reason) for d in capped} == {
        ("observe", "observe is the most that is allowed: set by ann")
    }
    assert paused.mode_reason.startswith("paused by ann")
    assert asks is None, "approve is earned, so a person is asked"


def test_an_announced_event_reaches_the_next_turn_and_a_withdrawn_one_is_gone(tmp_path: Path) -> None:
    with toy_run(tmp_path, Scripted([CHEAPER])) as run:
        (before,) = turns(run, 1)
        desk(tmp_path, role="approver").announce(LAUNCH)
        (announced,) = turns(run, 1)
        desk(tmp_path, role="approver").withdraw("launch")
        (withdrawn,) = turns(run, 1)

    assert (before.events, withdrawn.events) == ((), ())
    assert announced.events == (LAUNCH.model_copy(update={"author": "ann"}),)
    assert told(tmp_path) == [
        (True, "launch is in the calendar"),
        (True, "launch is withdrawn; the loop does without it"),
    ]


def test_what_the_calendar_refuses_is_the_outcome_and_the_loop_goes_on(tmp_path: Path) -> None:
    with toy_run(tmp_path, Scripted([CHEAPER])) as run:
        for event in (
            LAUNCH,
            LAUNCH.model_copy(update={"load_factor": 3.0}),
            LAUNCH.model_copy(update={"id": "other", "pipeline": "another"}),
        ):
            desk(tmp_path).announce(event)
        desk(tmp_path).withdraw("nothing")
        (decision,) = turns(run, 1)

    assert [e.load_factor for e in decision.events] == [2.0]
    (_, second, third, fourth) = told(tmp_path)
    assert second == (
        False,
        "there is an event 'launch' already; remove it first or give another id",
    )
    assert third == (False, "this loop decides for 'toy', the event is of 'another'")
    assert fourth[0] is False
    assert fourth[1].startswith("there is no event 'nothing' in ")


def test_a_damaged_calendar_is_the_outcome_and_the_loop_goes_on(tmp_path: Path) -> None:
    with toy_run(tmp_path, Scripted([CHEAPER])) as run:
        (tmp_path / "data" / CALENDAR).write_text("{")
        desk(tmp_path).announce(LAUNCH)
        (decision,) = turns(run, 1)

    assert decision.outcome == "applied"
    ((ok, note),) = told(tmp_path)
    assert not ok
    assert "the calendar cannot be read" in note


def test_an_announcement_is_carried_out_once_also_across_restarts(tmp_path: Path) -> None:
    with toy_run(tmp_path, Scripted([CHEAPER])) as run:
        desk(tmp_path).announce(LAUNCH)
        turns(run, 1)
    Calendar(tmp_path / "data" / CALENDAR).remove("launch")

    with toy_run(tmp_path, Scripted([CHEAPER])) as run:
        run.loop.recover()
        (decision,) = turns(run, 1)

    assert decision.events == ()


def test_a_crash_between_the_calendar_and_the_outcome_does_no_harm(tmp_path: Path) -> None:
    with toy_run(tmp_path, Scripted([CHEAPER])) as run:
        Calendar(tmp_path / "data" / CALENDAR).add(LAUNCH.model_copy(update={"author": "ann"}))
        desk(tmp_path).announce(LAUNCH)
        (decision,) = turns(run, 1)

    assert [e.id for e in decision.events] == ["launch"]
    assert told(tmp_path) == [(True, "launch is in the calendar")]
