"""What a person tells a loop on the page reaches it as a command, and the page says what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from streamlit.testing.v1 import AppTest

from agent.approvals import os_user
from agent.episode import EmbeddedRun
from agent.folder import CALENDAR, REQUESTS
from core.calendar import Event
from core.errors import UsageError
from core.roles import NotAllowed
from tests.agent.toy import CHEAPER, ENOUGH, Scripted
from tests.ui.approvals.waiting_run import loop_in, place_of, press, shown, texts, turn
from tools.calendar import Calendar
from tools.commands import Command, Commanded, Commands, Outcome
from tools.presence import Presence
from ui import settings
from ui.approvals import announcements, controls
from ui.approvals.announcing import Clock, clock_of, event_of, event_text, events_of, phase_of
from ui.approvals.orders import announced, became, paused_by, stands, withdrawn
from ui.places import Place
from ui.settings import ConsoleSettings
from ui.when import When

WALL = When(None, UTC)
NOW = 1_800_000_000.0
PRESENCE = Presence(
    pipeline="toy",
    process=1,
    host="here",
    started=NOW - 100,
    beat=NOW - 20,
    clock_s=80.0,
    real_time=True,
    interval_s=10,
    limit="approve",
    mode="approve",
    planner="rules",
)


@pytest.fixture
def planner() -> Scripted:
    return Scripted([CHEAPER])


@pytest.fixture
def run(tmp_path: Path, planner: Scripted) -> Iterator[EmbeddedRun]:
    """A loop in mode auto that has made its first change."""
    with loop_in(tmp_path, planner, mode="auto") as found:
        turn(found)
        assert found.cluster.desired().configuration == CHEAPER
        yield found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return place_of(tmp_path)


def commands(place: Place) -> tuple[Commanded, ...]:
    with closing(Commands(place.folder / REQUESTS, must_exist=True)) as found:
        return found.latest(10)


def told(app: AppTest) -> list[dict[str, str]]:
    """Return the table of the last commands."""
    (table,) = [d.value for d in app.dataframe if "what" in d.value]
    rows: list[dict[str, str]] = table.to_dict("records")
    return rows


def command(seq: int, kind: str, who: str = "ann", *, ok: bool | None = True, body: str = "") -> Commanded:
    given = Command.model_validate({"seq": seq, "kind": kind, "body": body, "who": who, "at": NOW})
    outcome = None if ok is None else Outcome(ok=ok, note="so", at=NOW)
    return Commanded(seq=seq, command=given, outcome=outcome)


def test_a_paused_loop_changes_nothing_until_it_is_resumed(
    run: EmbeddedRun, planner: Scripted, place: Place
) -> None:
    planner.proposals = [ENOUGH]
    press(shown(place), "Pause now")

    held = turn(run)
    app = shown(place)

    assert held is not None
    assert held.outcome == "recommended"
    assert run.cluster.desired().configuration == CHEAPER
    assert told(app)[0]["what became of it"].startswith("done ")

    press(app, "Resume now")
    turn(run)

    assert run.cluster.desired().configuration == ENOUGH


def test_a_command_waits_for_the_loop_and_is_in_the_name_of_who_gave_it(
    run: EmbeddedRun, place: Place
) -> None:
    app = press(shown(place), "Pause now")

    (row,) = told(app)
    assert (row["what"], row["by"]) == ("pause", f"{os_user()} (admin)")
    assert row["what became of it"] == "waiting for the loop"
    assert "toy changes nothing from its next turn on" in app.success[0].value


def test_the_mode_that_was_chosen_is_the_loops_in_its_next_turn(
    run: EmbeddedRun, planner: Scripted, place: Place
) -> None:
    planner.proposals = [ENOUGH]
    press(shown(place), "observe: it recommends and changes nothing")

    decision = turn(run)

    assert decision is not None
    assert (decision.mode, decision.outcome) == ("observe", "recommended")


def test_a_mode_above_what_the_loop_was_started_with_cannot_be_chosen(
    tmp_path: Path, planner: Scripted, place: Place
) -> None:
    with loop_in(tmp_path, planner, mode="approve") as run:
        turn(run)
        turn(run)

        app = shown(place)

    disabled = {b.label.split(":")[0]: b.disabled for b in app.button if str(b.key).startswith("mode:")}
    assert disabled == {"observe": False, "approve": False, "auto": True}
    assert "no further than approve" in texts(app)


def test_who_may_only_look_is_told_what_it_takes(run: EmbeddedRun, place: Place) -> None:
    Calendar(place.folder / CALENDAR).add(event(600.0, 900.0))

    app = shown(place, writable=False)

    assert "game, 2 times the load" in texts(app)
    assert not app.button
    assert "to pause the loop takes the role approver" in texts(app)
    assert "to set the mode takes the role admin" in texts(app)
    assert "to announce an event takes the role approver" in texts(app)


def test_who_may_only_look_writes_nothing_by_going_around_the_page(run: EmbeddedRun, place: Place) -> None:
    settings.use(ConsoleSettings(data=place.folder))
    clock = Clock(WALL, 0.0)

    with pytest.raises(NotAllowed):
        controls.pause(place, paused=True)
    with pytest.raises(NotAllowed):
        controls.switch(place, "observe")
    with pytest.raises(NotAllowed):
        announcements.withdraw(place, "game")
    with pytest.raises(NotAllowed):
        announcements.announce(place, clock, name="game", start_s=1, end_s=2, times=2, note="")

    assert commands(place) == ()


def test_an_announced_event_is_in_the_calendar_after_the_loops_next_turn(
    run: EmbeddedRun, place: Place
) -> None:
    app = filled(shown(place), name="game night", start=5, end=15, times=3.0, note="final **match**")

    press(app, "Announce")
    assert any("waiting for the loop" in badge.value for badge in app.markdown)
    assert Calendar(place.folder / CALENDAR).events() == ()
    turn(run)

    (event,) = Calendar(place.folder / CALENDAR).events()
    assert (event.id, event.pipeline, event.author) == ("game-night", "toy", os_user())
    assert (event.start_s, event.end_s, event.load_factor) == (300.0, 900.0, 3.0)
    assert "game-night, 3 times the load, 0:05:00 into the run to 0:15:00 into the run" in texts(shown(place))
    assert "final **match**" in texts(shown(place))


def test_where_the_loops_clock_is_the_walls_an_event_is_entered_as_a_time_of_day(
    tmp_path: Path, planner: Scripted, place: Place
) -> None:
    with loop_in(tmp_path, planner, mode="auto", real_time=True) as run:
        turn(run)
        app = shown(place)
        starts = app.datetime_input(key="event:from:toy").value
        assert isinstance(starts, datetime)
        app.text_input(key="event:name:toy").input("game")
        app.datetime_input(key="event:until:toy").set_value(starts + timedelta(hours=3))

        press(app, "Announce")
        turn(run)

    (found,) = Calendar(place.folder / CALENDAR).events()
    assert found.end_s - found.start_s == pytest.approx(3 * 3600)
    assert 3600 <= found.start_s < 3600 + 400


def test_a_withdrawn_event_leaves_the_calendar_after_the_loops_next_turn(
    run: EmbeddedRun, place: Place
) -> None:
    Calendar(place.folder / CALENDAR).add(event(600.0, 900.0))

    app = press(shown(place), "Withdraw")

    assert "Withdraw" not in [b.label for b in app.button]
    turn(run)
    assert Calendar(place.folder / CALENDAR).events() == ()


def test_an_event_that_ends_before_it_begins_is_refused_with_a_sentence(
    run: EmbeddedRun, place: Place
) -> None:
    app = press(filled(shown(place), name="game", start=15, end=5), "Announce")

    assert "ends at 300 s, not after its start" in app.error[0].value.replace("\\", "")
    assert commands(place) == ()


def test_an_event_without_a_name_is_refused_with_a_sentence(run: EmbeddedRun, place: Place) -> None:
    app = press(filled(shown(place), name="  ", start=5, end=15), "Announce")

    assert "id must be a name" in app.error[0].value.replace("\\", "").replace(":", "")
    assert commands(place) == ()


def test_an_event_that_is_over_already_is_refused(place: Place) -> None:
    clock = Clock(WALL, 1000.0)

    with pytest.raises(UsageError, match="has passed"):
        event_of(place, clock, name="game", start_s=500.0, end_s=1000.0, times=2.0, note="", author="ann")


def filled(
    app: AppTest, *, name: str, start: float, end: float, times: float = 2.0, note: str = ""
) -> AppTest:
    """Fill the form, with times in minutes into the run."""
    app.text_input(key="event:name:toy").input(name)
    app.number_input(key="event:times:toy").set_value(times)
    app.number_input(key="event:from:toy").set_value(start)
    app.number_input(key="event:until:toy").set_value(end)
    app.text_input(key="event:note:toy").input(note)
    return app


def event(start_s: float, end_s: float) -> Event:
    return Event(
        id="game",
        pipeline="toy",
        start_s=start_s,
        end_s=end_s,
        load_factor=2.0,
        author="ann",
        entered_s=0.0,
    )


@pytest.mark.parametrize(
    ("now_s", "phase"), [(599.9, "coming"), (600.0, "ongoing"), (899.9, "ongoing"), (900.0, "over")]
)
def test_an_event_is_coming_until_it_begins_and_over_once_it_ends(now_s: float, phase: str) -> None:
    assert phase_of(event(600.0, 900.0), now_s) == phase


@pytest.mark.parametrize(
    ("clock", "seconds"),
    [
        pytest.param(Clock(WALL, NOW), NOW + 60, id="Unix time"),
        pytest.param(Clock(When(NOW - 100, UTC), 100.0), 160.0, id="seconds since the start"),
    ],
)
def test_a_time_of_day_is_understood_by_the_loops_clock(clock: Clock, seconds: float) -> None:
    moment = datetime.fromtimestamp(NOW + 60, UTC).replace(tzinfo=None)

    assert clock.wall
    assert clock.at(moment) == pytest.approx(seconds)


def test_a_time_of_day_is_that_of_the_viewers_zone() -> None:
    berlin = Clock(When(None, ZoneInfo("Europe/Berlin")), NOW)

    assert berlin.at(datetime(2027, 1, 15, 9, 0)) == NOW


def test_only_events_of_the_pipeline_are_listed(place: Place) -> None:
    calendar = Calendar(place.folder / CALENDAR)
    calendar.add(event(600.0, 900.0))
    calendar.add(event(600.0, 900.0).model_copy(update={"id": "else", "pipeline": "other"}))

    assert [e.id for e in events_of(place)] == ["game"]


def test_only_what_the_loop_has_not_looked_at_waits_for_it() -> None:
    body = event(600.0, 900.0).model_dump_json()
    orders = (
        command(4, "withdraw", ok=None, body="game"),
        command(3, "announce", ok=None, body=body),
        command(2, "withdraw", body="older"),
        command(1, "announce", ok=False, body=body),
    )

    assert [e.author for e in announced(orders)] == ["ann"]
    assert withdrawn(orders) == {"game"}


def test_a_time_of_day_before_the_run_began_is_refused() -> None:
    clock = Clock(When(NOW, UTC), 100.0)

    with pytest.raises(UsageError, match="before this run began"):
        clock.at(datetime.fromtimestamp(NOW - 60, UTC).replace(tzinfo=None))


def test_the_clock_of_a_real_loop_goes_on_between_its_turns_until_it_ends(place: Place) -> None:
    simulated = PRESENCE.model_copy(update={"real_time": False})
    ended = PRESENCE.model_copy(update={"ended": NOW - 20})

    shows = [clock_of(place, p, WALL, NOW).now_s for p in (PRESENCE, simulated, ended)]

    assert shows == [100.0, 80.0, 80.0]


def test_a_loop_is_said_to_run_to_have_ended_or_to_be_silent() -> None:
    assert stands(PRESENCE, "running", NOW, UTC) == (
        "It runs: last turn 20 s ago (rules planner, process 1 on here)."
    )
    assert "ended at 15 Jan 2027 08:00:00" in stands(
        PRESENCE.model_copy(update={"ended": NOW}), "ended", NOW, UTC
    )
    assert stands(PRESENCE, "silent", NOW + 100, UTC).startswith("No sign of life for 2 min, since ")


@pytest.mark.parametrize(
    ("orders", "who"),
    [
        pytest.param((), "bob", id="only the loop's word"),
        pytest.param((command(1, "pause", ok=None),), "ann", id="a pause that waits"),
        pytest.param((command(2, "resume", ok=None), command(1, "pause")), "", id="resumed"),
        pytest.param((command(2, "resume", ok=False), command(1, "pause")), "ann", id="resume refused"),
    ],
)
def test_who_paused_is_known_before_the_loop_has_looked(orders: tuple[Commanded, ...], who: str) -> None:
    presence = PRESENCE.model_copy(update={"paused_by": "bob"})

    assert paused_by(presence, orders) == who


@pytest.mark.parametrize(
    ("ok", "words"),
    [(None, "waiting for the loop"), (True, "done 3 s ago: so"), (False, "refused: so")],
)
def test_what_became_of_a_command_is_said_in_words(ok: bool | None, words: str) -> None:
    assert became(command(1, "pause", ok=ok), NOW + 3) == words


def test_an_event_is_told_with_its_times_as_the_viewer_sees_them() -> None:
    found = event_text(event(60.0, 120.0), When(NOW, UTC))

    assert found == ("game, 2 times the load, 15 Jan 2027 08:01:00 to 15 Jan 2027 08:02:00, by ann")
