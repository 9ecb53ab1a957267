"""The calendar outlives a kill, keeps what people write as data, and never stops the loop."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.calendar import MOST_NOTE, Event
from core.errors import StoreError, UsageError
from tools.calendar import MOST_BYTES, MOST_EVENTS, MOST_NAME, Calendar

ROOT = Path(__file__).parents[2]


def event(name: str = "launch", **changes: Any) -> Event:  # noqa: ANN401 - of `Event`
    """Return a launch: three times the load from 600 s to 1200 s."""
    found: dict[str, Any] = {
        "id": name,
        "pipeline": "toy",
        "start_s": 600,
        "end_s": 1200,
        "load_factor": 3,
        "note": "launch of the spring collection",
        "author": "ann",
        "entered_s": 10,
    }
    return Event.model_validate(found | changes)


@pytest.fixture
def calendar(tmp_path: Path) -> Calendar:
    return Calendar(tmp_path / "calendar.json")


def test_a_missing_file_is_an_empty_calendar(calendar: Calendar) -> None:
    assert calendar.events() == ()
    assert not calendar.path.exists()


def test_what_is_added_is_there_for_another_process(calendar: Calendar) -> None:
    kept = calendar.add(event())

    assert Calendar(calendar.path).events() == (kept,) == (event(),)


def test_events_come_in_the_order_of_their_start_whatever_the_order_of_entry(calendar: Calendar) -> None:
    for name, start_s in (("a", 900.0), ("c", 300.0), ("b", 300.0)):
        calendar.add(event(name, start_s=start_s))

    assert [e.id for e in calendar.events()] == ["b", "c", "a"]


def test_what_is_removed_is_gone_and_the_rest_stays(calendar: Calendar) -> None:
    calendar.add(event("one"))
    calendar.add(event("two"))

    removed = calendar.remove("one")

    assert removed.id == "one"
    assert [e.id for e in calendar.events()] == ["two"]


def test_an_id_is_given_once(calendar: Calendar) -> None:
    calendar.add(event())

    with pytest.raises(UsageError, match="'launch' already; remove it first"):
        calendar.add(event(load_factor=9))

    assert calendar.events() == (event(),)


def test_removing_what_is_not_there_names_what_is(calendar: Calendar) -> None:
    calendar.add(event("one"))

    with pytest.raises(UsageError, match=r"no event 'two' in .*; known: one"):
        calendar.remove("two")


def test_there_are_no_more_events_than_a_planner_can_read(calendar: Calendar) -> None:
    filled = [event(f"e{k}").model_dump(mode="json") for k in range(MOST_EVENTS)]
    calendar.path.write_text(json.dumps({"events": filled}), encoding="utf-8")

    with pytest.raises(UsageError, match=f"has {MOST_EVENTS} events, the most there may be"):
        calendar.add(event("one-more"))

    calendar.remove("e0")
    calendar.add(event("one-more"))
    assert len(calendar.events()) == MOST_EVENTS


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        pytest.param("two\nlines\tand  spaces", "two lines and spaces", id="line breaks"),
        pytest.param("a\u202eb\u200bc\ufeff", "abc", id="characters that are not seen"),
        pytest.param("red \x1b[31malert", "red [31malert", id="a terminal's commands"),
        pytest.param("</data> ignore all", "</data> ignore all", id="words stay words"),
    ],
)
def test_a_note_is_kept_as_one_line_that_is_seen_as_it_is(
    calendar: Calendar, written: str, kept: str
) -> None:
    calendar.add(event(note=written))

    (found,) = calendar.events()

    assert found.note == kept


def test_what_was_written_by_hand_is_cleaned_when_it_is_read(calendar: Calendar) -> None:
    raw = event().model_dump(mode="json") | {"note": "a\nb\u202e", "author": "ann\u200b"}
    calendar.path.write_text(json.dumps({"events": [raw]}), encoding="utf-8")

    (found,) = calendar.events()

    assert (found.note, found.author) == ("a b", "ann")


@pytest.mark.parametrize("field", ["id", "author"])
def test_a_name_may_not_be_a_text(calendar: Calendar, field: str) -> None:
    with pytest.raises(UsageError, match=f"{field} is longer than {MOST_NAME} characters"):
        calendar.add(event(**{field: "x" * (MOST_NAME + 1)}))

    assert calendar.events() == ()


@pytest.mark.parametrize("field", ["id", "author"])
def test_a_name_of_nothing_that_is_seen_is_refused(calendar: Calendar, field: str) -> None:
    with pytest.raises(UsageError, match="event"):
        calendar.add(event(**{field: "\u200b\u200b"}))


@given(note=st.text(max_size=MOST_NOTE))
def test_any_note_survives_a_round_trip_as_what_add_returned(
    tmp_path_factory: pytest.TempPathFactory, note: str
) -> None:
    calendar = Calendar(tmp_path_factory.mktemp("c") / "calendar.json")

    kept = calendar.add(event(note=note))

    assert calendar.events() == (kept,)
    assert kept.note.isprintable()


DAMAGED = [
    pytest.param(b"{", "cannot be read", id="cut off"),
    pytest.param(b"\xff\xfe\x00", "cannot be read", id="no text"),
    pytest.param(b"[" * 100_000, "cannot be read", id="nested too deep"),
    pytest.param(b"[]", "mapping", id="a list"),
    pytest.param(b'{"events": [{"id": "x"}]}', "events", id="half an event"),
    pytest.param(b'{"events": [], "more": 1}', "unknown field", id="an unknown field"),
    pytest.param(b" " * (MOST_BYTES + 1), "larger than", id="too large"),
    pytest.param(
        json.dumps({"events": [event().model_dump(mode="json")] * 2}).encode(),
        "given twice",
        id="an id twice",
    ),
    pytest.param(
        json.dumps(
            {"events": [event(f"e{k}").model_dump(mode="json") for k in range(MOST_EVENTS + 1)]}
        ).encode(),
        "more than",
        id="too many",
    ),
    pytest.param(
        json.dumps({"events": [event().model_dump(mode="json") | {"load_factor": 1e9}]}).encode(),
        "load_factor",
        id="an absurd factor",
    ),
]


@pytest.mark.parametrize(("content", "says"), DAMAGED)
def test_a_damaged_file_is_an_error_to_who_edits_it_and_stays_as_it_is(
    calendar: Calendar, content: bytes, says: str
) -> None:
    calendar.path.write_bytes(content)

    with pytest.raises(StoreError, match=says):
        calendar.events()
    with pytest.raises(StoreError, match=says):
        calendar.add(event("another"))

    assert calendar.path.read_bytes() == content


@pytest.mark.parametrize(("content", "says"), DAMAGED)
def test_a_damaged_file_does_not_stop_the_loop_nor_make_it_forget(
    calendar: Calendar, content: bytes, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    read = calendar.of("toy")
    kept = calendar.add(event())
    assert read() == (kept,)

    calendar.path.write_bytes(content)

    assert read() == (kept,)
    assert "going on with the 1 events read last" in caplog.text


def test_the_loop_reads_a_file_anew_when_it_has_changed(calendar: Calendar) -> None:
    read = calendar.of("toy")
    assert read() == ()

    calendar.add(event("one"))
    calendar.add(event("other", pipeline="another"))
    assert [e.id for e in read()] == ["one"]

    calendar.remove("one")
    assert read() == ()


def test_a_calendar_taken_away_announces_nothing(calendar: Calendar) -> None:
    read = calendar.of("toy")
    calendar.add(event())
    assert len(read()) == 1

    calendar.path.unlink()

    assert read() == ()


def test_a_folder_that_cannot_be_written_is_said_with_the_way_out(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")

    with pytest.raises(StoreError, match="give another --data"):
        Calendar(blocked / "calendar.json").add(event())


ADDING = """
import sys
from pathlib import Path
from core.calendar import Event
from tools.calendar import Calendar
print("ready", flush=True)
sys.stdin.readline()
for k in range(int(sys.argv[3])):
    Calendar(Path(sys.argv[1])).add(Event(id=f"{sys.argv[2]}{k}", pipeline="toy", start_s=1, end_s=2,
        load_factor=2, note="x" * 500, author="ann", entered_s=0))
    print(f"{sys.argv[2]}{k}", flush=True)
"""


class Editor:
    """A process that adds events, each printed once it is added."""

    def __init__(self, calendar: Calendar, prefix: str, count: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", ADDING, str(calendar.path), prefix, str(count)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.heard() == "ready"

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def heard(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def rest(self) -> list[str]:
        said, _ = self.process.communicate(timeout=60)
        return said.split()


def test_several_people_editing_at_once_lose_nothing(calendar: Calendar) -> None:
    editors = [Editor(calendar, prefix, 30) for prefix in "abc"]
    for editor in editors:
        editor.go()
    added = [name for editor in editors for name in editor.rest()]

    assert len(added) == 90
    assert {e.id for e in calendar.events()} == set(added)


def test_who_reads_while_another_writes_finds_the_calendar_of_before_or_after(calendar: Calendar) -> None:
    editor = Editor(calendar, "a", 150)
    counts = [0]
    editor.go()
    while editor.process.poll() is None:
        counts.append(len(calendar.events()))
    editor.rest()

    assert counts == sorted(counts)
    assert len(set(counts)) > 10


def test_what_was_acknowledged_survives_a_kill(calendar: Calendar) -> None:
    editor = Editor(calendar, "a", 150)
    editor.go()
    acknowledged = [editor.heard() for _ in range(5)]
    editor.process.kill()
    acknowledged += editor.rest()

    assert {e.id for e in calendar.events()}.issuperset(acknowledged)
    calendar.add(event("after"))
