"""At the command line a person uses the planner's tools on a decision, and announces events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent.approvals import os_user
from agent.folder import CALENDAR, DECISIONS
from tests.agent.command import trimtab
from tests.agent.toy import ENOUGH, Scripted, toy_run, turns
from tools.calendar import Calendar
from tools.store import DecisionStore


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("toolcli")
    with toy_run(folder, Scripted([ENOUGH])) as run:
        run.loop.recover()
        turns(run, 2)
    yield folder / "data"


def test_a_tool_answers_about_the_last_decision_with_one_figure_a_line(data: Path) -> None:
    before = (data / DECISIONS).read_bytes()

    ended = trimtab("tool", "solve", "--data", data)

    assert (ended.status, ended.err) == (0, "")
    assert ended.out.count("\n") > 5
    assert json.loads(ended.out)
    assert (data / DECISIONS).read_bytes() == before


def test_arguments_and_the_decision_are_chosen(data: Path) -> None:
    ended = trimtab(
        "tool", "solve", '{"headroom": 1.5}', "--data", data, "--decision", "toy-000001", "--json"
    )

    assert ended.status == 0
    (use,) = ended.objects
    assert (use["tool"], use["ok"], use["arguments"]) == ("solve", True, '{"headroom": 1.5}')


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        pytest.param(("solv",), "Did you mean 'solve'?", id="a wrong name"),
        pytest.param(("propose",), "there is no tool 'propose'", id="what only a planner may"),
        pytest.param(("solve", "headroom=2"), "are no JSON", id="no JSON"),
        pytest.param(("solve", '{"headroom": "much"}'), "headroom", id="a wrong figure"),
    ],
)
def test_what_a_tool_cannot_answer_is_said_in_a_sentence(
    data: Path, arguments: tuple[str, ...], answer: str
) -> None:
    ended = trimtab("tool", *arguments, "--data", data)

    assert (ended.status, ended.err) == (1, "")
    assert answer in ended.out


def test_an_unknown_decision_or_folder_is_one_line(data: Path, tmp_path: Path) -> None:
    unknown = trimtab("tool", "solve", "--data", data, "--decision", "toy-999999")

    assert "there is no decision 'toy-999999'" in unknown.complaint()
    assert "no decision store" in trimtab("tool", "solve", "--data", tmp_path).complaint()


def test_what_is_announced_is_listed_until_it_is_taken_back(tmp_path: Path) -> None:
    added = trimtab(
        "calendar", "add", "launch", "--from", 600, "--until", 1200, "--times", 3, "--pipeline", "toy",
        "--note", "spring collection", "--data", tmp_path,
    )  # fmt: skip
    line = f"launch  toy  600 s to 1200 s  3 times the load  (by {os_user()}: spring collection)\n"

    assert (added.status, added.err, added.out) == (0, "", line)
    assert trimtab("calendar", "list", "--data", tmp_path).out == line
    removed = trimtab("calendar", "remove", "launch", "--data", tmp_path)
    assert removed.out.startswith("removed launch")
    assert trimtab("calendar", "list", "--data", tmp_path).out == "nothing is announced\n"


def test_the_pipeline_and_the_clock_are_those_of_the_last_decision(data: Path) -> None:
    times = ("--from", 600, "--until", 700, "--times", 2)

    ended = trimtab("calendar", "add", "x", *times, "--author", "bob", "--data", data, "--json")

    (event,) = ended.objects
    assert (event["pipeline"], event["entered_s"], event["author"]) == ("toy", 20.0, "bob")
    assert [e.id for e in Calendar(data / CALENDAR).events()] == ["x"]


def test_a_date_and_time_is_unix_seconds(tmp_path: Path) -> None:
    start, end = "2030-01-31T18:00+01:00", "2030-01-31T20:00+01:00"

    ended = trimtab(
        "calendar", "add", "x", "--from", start, "--until", end, "--times", 3, "--pipeline", "toy",
        "--data", tmp_path, "--json",
    )  # fmt: skip

    (event,) = ended.objects
    assert event["start_s"] == 1896109200
    assert event["end_s"] - event["start_s"] == 7200
    assert (
        "2030-01-31T17:00:00Z to 2030-01-31T19:00:00Z" in trimtab("calendar", "list", "--data", tmp_path).out
    )


def test_a_time_of_another_clock_than_the_loops_is_refused(data: Path, tmp_path: Path) -> None:
    dated = ("--from", "2030-01-31T18:00Z", "--until", "2030-01-31T20:00Z", "--times", 3)
    by_the_wall = wall_clock(data, tmp_path)

    of_trace = trimtab("calendar", "add", "y", *dated, "--data", data)
    of_wall = trimtab(
        "calendar", "add", "y", "--from", 600, "--until", 700, "--times", 3, "--data", by_the_wall
    )

    assert "showed 20 s last; give seconds from the start of its trace" in of_trace.complaint()
    assert "showed 1764000000 s last; give a date and time" in of_wall.complaint()
    assert trimtab("calendar", "add", "y", *dated, "--data", by_the_wall).status == 0


def wall_clock(data: Path, folder: Path) -> Path:
    """Return a data folder whose last decision was made by the wall's clock."""
    with closing(DecisionStore(data / DECISIONS, read_only=True)) as store:
        (last,) = store.latest(1)
    with closing(DecisionStore(folder / DECISIONS)) as store:
        store.record(last.model_copy(update={"time_s": 1764000000.0}))
    return folder


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        pytest.param({"--from": "soon"}, "--from: 'soon' is no time", id="no time"),
        pytest.param({"--from": "2030-01-31T18:00"}, "has no zone; add it", id="no zone"),
        pytest.param({"--from": "9999-12-31T23:59-23:00"}, "ends at 700 s", id="the end of days"),
        pytest.param({"--from": "-5"}, "--from: '-5' must be a finite number", id="before the beginning"),
        pytest.param({"--from": "nan"}, "--from: 'nan' must be a finite number", id="not a number"),
        pytest.param({"--from": "800"}, "ends at 700 s, not after its start", id="ends first"),
        pytest.param({"--times": "1000"}, "load_factor: must be at most 10", id="too many times"),
        pytest.param({"--note": "x" * 501}, "--note: 501 characters; at most 500", id="a long note"),
        pytest.param({"--author": "a b"}, "author: must be a name", id="no name"),
    ],
)
def test_what_cannot_be_announced_is_one_line_and_changes_nothing(
    tmp_path: Path, changes: dict[str, str], complaint: str
) -> None:
    options = {"--from": "600", "--until": "700", "--times": "2", "--pipeline": "toy"} | changes

    ended = trimtab("calendar", "add", "x", *[t for o in options.items() for t in o], "--data", tmp_path)

    assert complaint in ended.complaint()
    assert not list(tmp_path.iterdir())


def test_without_a_decision_the_pipeline_has_to_be_named(tmp_path: Path) -> None:
    ended = trimtab("calendar", "add", "x", "--from", 1, "--until", 2, "--times", 2, "--data", tmp_path)

    assert "give --pipeline" in ended.complaint()
