"""The flight recorder keeps what was said and spent, through kills and full disks, and never a secret."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import assume, given, settings

from core.errors import StoreError, UsageError
from core.spend import Spend
from tests.tools.test_redaction import planted
from tools.flight import DAY_S, MOST_BODY, Entry, FlightRecorder

NOON_S = 20_000 * DAY_S + DAY_S / 2
"""Of some day."""
ONE_CALL = Spend(calls=1, input_tokens=100, output_tokens=20, seconds=2.0, usd=0.5)


class Clock:
    """Seconds since 1970, set by the test."""

    def __init__(self) -> None:
        self.now_s = NOON_S

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "flight.sqlite"


@pytest.fixture
def recorder(path: Path, clock: Clock) -> Iterator[FlightRecorder]:
    opened = FlightRecorder(path, clock)
    yield opened
    opened.close()


def test_an_entry_comes_back_as_it_went_in(recorder: FlightRecorder) -> None:
    body = {"messages": [{"role": "user", "content": "how? ✓ \ud800"}], "temperature": 0.0, "none": None}

    entry = recorder.record("one", "prompt", body, model="qwen", spend=ONE_CALL)

    assert entry == Entry(
        seq=1, unix_s=NOON_S, decision="one", kind="prompt", model="qwen", spend=ONE_CALL, body=body
    )
    assert recorder.entries("one") == (entry,)


def test_entries_are_of_one_decision_in_the_order_they_happened(
    recorder: FlightRecorder, clock: Clock
) -> None:
    recorder.record("one", "prompt", {"n": 1})
    recorder.record("two", "prompt", {"n": 2})
    clock.now_s -= 100
    recorder.record("one", "response", {"n": 3})

    assert [(e.kind, e.body["n"]) for e in recorder.entries("one")] == [("prompt", 1), ("response", 3)]
    assert recorder.entries("three") == ()


def test_what_is_spent_adds_up_from_a_moment_on(recorder: FlightRecorder, clock: Clock) -> None:
    recorder.record("old", "response", {}, spend=Spend(calls=9))
    clock.now_s += 60
    recorder.record("one", "response", {}, spend=ONE_CALL)
    recorder.record("two", "error", {}, spend=Spend(calls=1, seconds=30.0))
    recorder.record("two", "tool result", {}, spend=Spend(seconds=0.25))

    assert recorder.spent(clock.now_s) == Spend(
        calls=2, input_tokens=100, output_tokens=20, seconds=32.25, usd=0.5
    )
    assert recorder.spent(0.0).calls == 11
    assert recorder.spent(clock.now_s + 1) == Spend()


def test_money_is_unknown_where_any_of_it_is(recorder: FlightRecorder) -> None:
    recorder.record("one", "response", {}, spend=ONE_CALL)
    recorder.record("two", "response", {}, spend=Spend(calls=1, usd=None))

    assert recorder.spent(0.0).usd is None


def test_a_prompt_reserves_its_spend_until_it_is_answered(recorder: FlightRecorder) -> None:
    reserved = Spend(calls=1, input_tokens=500, usd=9.0)

    recorder.record("cut-off", "prompt", {}, spend=reserved)
    recorder.record("cut-off", "tool result", {})
    recorder.record("other", "prompt", {}, spend=reserved)
    recorder.record("other", "tool call", {})
    recorder.record("other", "response", {}, spend=ONE_CALL)

    assert recorder.spent(0.0) == reserved.plus(ONE_CALL), "of two prompts one is open"

    recorder.record("cut-off", "prompt", {}, spend=reserved)
    recorder.record("cut-off", "error", {}, spend=Spend(calls=1))

    assert recorder.spent(0.0) == reserved.plus(ONE_CALL).plus(Spend(calls=1)), "the first was never answered"


@pytest.mark.parametrize(
    ("said", "failures"),
    [
        pytest.param([], 0, id="nothing yet"),
        pytest.param([("a", "error"), ("b", "response")], 0, id="the newest was answered"),
        pytest.param([("a", "response"), ("b", "error"), ("c", "error")], 2, id="two in a row"),
        pytest.param([("a", "error"), ("a", "error"), ("b", "error")], 2, id="decisions count, not tries"),
        pytest.param([("a", "error"), ("a", "response")], 0, id="a try that worked mends it"),
        pytest.param([("a", "response"), ("a", "error")], 1, id="the last word counts"),
        pytest.param([("a", "error"), ("b", "response"), ("a", "error")], 1, id="a long decision"),
        pytest.param(
            [("a", "error"), ("b", "response"), ("b", "error")], 2, id="its earlier answer is no end"
        ),
        pytest.param([("a", "error"), ("b", "prompt"), ("b", "tool call")], 1, id="no answer is no success"),
    ],
)
def test_failures_are_the_newest_decisions_in_a_row_that_ended_in_an_error(
    said: list[tuple[str, Any]], failures: int, recorder: FlightRecorder
) -> None:
    for decision, kind in said:
        recorder.record(decision, kind, {})

    assert recorder.failures() == failures


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ("UPDATE entries SET body = '{}'", "the flight recorder is append-only"),
        ("DELETE FROM entries", "append-only; only whole days are pruned"),
        ("UPDATE pruned SET before_s = -1", "what was pruned stays pruned"),
        ("DELETE FROM pruned", "what was pruned stays pruned"),
    ],
)
def test_what_is_recorded_can_be_neither_changed_nor_deleted(
    change: str, refused: str, recorder: FlightRecorder, path: Path
) -> None:
    entry = recorder.record("one", "response", {"text": "yes"})

    raw = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match=refused):
        raw.execute(change)
    raw.close()

    assert recorder.entries("one") == (entry,)


@pytest.mark.parametrize(("days", "left"), [(1, [1, 0]), (2, [2, 1, 0]), (30, [3, 2, 1, 0])])
def test_pruning_takes_whole_days(
    days: int, left: list[int], recorder: FlightRecorder, clock: Clock, path: Path
) -> None:
    for age in (3, 2, 1, 0):
        clock.now_s = NOON_S - age * DAY_S - DAY_S / 2  # midnight: the first moment of its day
        recorder.record(f"d{age}", "response", {"text": "x" * 50_000}, spend=Spend(calls=1))
    clock.now_s = NOON_S

    gone = recorder.prune(days)

    assert [age for age in (3, 2, 1, 0) if recorder.entries(f"d{age}")] == left
    assert gone == 4 - len(left)
    assert recorder.spent(NOON_S - DAY_S).calls == 1, "the last 24 hours are still known"
    recorder.close()
    if gone:
        assert path.stat().st_size < len(left) * 50_000 + 45_000, "the file shrinks"


def test_after_pruning_the_rest_still_stays(recorder: FlightRecorder, clock: Clock, path: Path) -> None:
    recorder.record("old", "response", {})
    clock.now_s += 10 * DAY_S
    entry = recorder.record("new", "response", {})
    recorder.prune(1)

    raw = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        raw.execute("DELETE FROM entries")
    raw.close()
    clock.now_s = 0.0

    assert recorder.prune(1) == 0, "a clock that was set back prunes nothing"
    assert recorder.entries("new") == (entry,)


def test_a_body_that_is_too_long_is_shortened_where_it_is_longest_and_says_so(
    recorder: FlightRecorder,
) -> None:
    body = {"system": "short", "messages": [{"content": "y" * (2 * MOST_BODY)}, {"content": "end"}]}

    entry = recorder.record("one", "prompt", body)

    (cut, end) = entry.body["messages"]
    assert entry.body["system"] == "short"
    assert end == {"content": "end"}
    kept = cut["content"].removesuffix(" more characters were not kept]")
    text, _, missing = kept.rpartition("[")
    assert len(text) + int(missing) == 2 * MOST_BODY
    assert entry.left_out > MOST_BODY
    assert len(json.dumps(entry.body)) <= MOST_BODY


def test_a_body_of_too_many_pieces_is_kept_as_the_beginning_of_a_text(recorder: FlightRecorder) -> None:
    entry = recorder.record("one", "response", {"numbers": list(range(MOST_BODY))})

    assert entry.body["shortened"].startswith('{"numbers": [0, 1, 2, ')
    assert entry.left_out > MOST_BODY
    assert len(json.dumps(entry.body)) <= MOST_BODY


def test_what_json_does_not_have_is_kept_as_text(recorder: FlightRecorder) -> None:
    entry = recorder.record("one", "response", {"a": float("nan"), "b": [float("-inf")]})

    assert entry.body == {"a": "nan", "b": ["-inf"]}


@cache
def _its_own_words() -> bytes:
    """Return what a recorder writes whatever is recorded, such as the names of its columns."""
    with TemporaryDirectory() as folder:
        recorder = FlightRecorder(Path(folder, "flight.sqlite"), lambda: NOON_S)
        recorder.record("one", "response", {"body": None}, model="model")
        recorder.close()
        return Path(folder, "flight.sqlite").read_bytes()


@settings(max_examples=60, deadline=None)
@given(planted())
def test_a_planted_secret_is_not_in_the_bytes_of_any_file(case: tuple[str, Any]) -> None:
    secret, body = case
    assume(secret.encode() not in _its_own_words())

    with TemporaryDirectory() as folder:
        recorder = FlightRecorder(Path(folder, "flight.sqlite"), lambda: NOON_S, secrets=[secret])
        recorder.record("one", "response", {"body": body}, model=f"model {secret}")
        files = {file.name: file.read_bytes() for file in Path(folder).iterdir()}
        recorder.close()
        files["at rest"] = Path(folder, "flight.sqlite").read_bytes()

    assert {"flight.sqlite", "flight.sqlite-wal"} <= files.keys()
    for way in (secret.encode(), json.dumps(secret)[1:-1].encode()):
        assert [name for name, content in files.items() if way in content] == []


DIES = """
import os, signal, sys
from pathlib import Path
from core.spend import Spend
from tools.flight import FlightRecorder

recorder = FlightRecorder(Path(sys.argv[1]), lambda: 100.0)
recorder.record("paid", "response", {"text": "yes"}, spend=Spend(calls=1, usd=0.25))
recorder.record("asked", "prompt", {}, spend=Spend(calls=1, usd=0.5))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_paid_for_survives_a_kill(path: Path, clock: Clock) -> None:
    died = subprocess.run([sys.executable, "-c", DIES, str(path)], check=False, cwd=Path.cwd())
    assert died.returncode == -9

    recorder = FlightRecorder(path, clock)

    assert [e.body for e in recorder.entries("paid")] == [{"text": "yes"}]
    assert recorder.spent(0.0) == Spend(calls=2, usd=0.75)
    recorder.close()


def test_two_writers_wait_for_each_other(path: Path, clock: Clock) -> None:
    def write(name: str) -> None:
        writer = FlightRecorder(path, clock)
        for _ in range(20):
            writer.record(name, "response", {}, spend=Spend(calls=1))
        writer.close()

    threads = [threading.Thread(target=write, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    reader = FlightRecorder(path, clock, read_only=True)
    assert reader.spent(0.0).calls == 40
    reader.close()


def test_reading_changes_nothing_not_even_side_files(
    recorder: FlightRecorder, path: Path, clock: Clock
) -> None:
    recorder.record("one", "response", {})
    recorder.close()
    before = path.read_bytes()

    reader = FlightRecorder(path, clock, read_only=True)

    assert len(reader.entries("one")) == 1
    with pytest.raises(StoreError, match="readonly database; make the folder writable"):
        reader.record("two", "response", {})
    reader.close()
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert path.read_bytes() == before


def test_a_reader_sees_what_a_writer_that_is_still_at_it_wrote(
    recorder: FlightRecorder, path: Path, clock: Clock
) -> None:
    reader = FlightRecorder(path, clock, read_only=True)

    recorder.record("one", "response", {})

    assert len(reader.entries("one")) == 1
    reader.close()


def test_reading_makes_no_file_where_there_is_none(path: Path, clock: Clock) -> None:
    with pytest.raises(UsageError, match=r"no flight recorder at .*; a run with a language model makes one"):
        FlightRecorder(path, clock, read_only=True)

    assert not path.exists()


@pytest.mark.parametrize("read_only", [True, False])
def test_a_file_that_is_no_database_is_left_alone(read_only: bool, path: Path, clock: Clock) -> None:
    path.write_text("once upon a time, and a long time it was, too" * 100)
    before = path.read_bytes()

    with pytest.raises(StoreError, match="file is not a database; move the file away to start anew"):
        FlightRecorder(path, clock, read_only=read_only)

    assert path.read_bytes() == before


def test_another_programs_database_is_no_recorder(path: Path, clock: Clock) -> None:
    raw = sqlite3.connect(path)
    raw.execute("CREATE TABLE songs (title TEXT)")
    raw.close()

    with pytest.raises(StoreError, match="no such table: entries; this is no flight recorder: move the file"):
        FlightRecorder(path, clock, read_only=True)


def test_a_lock_that_is_held_is_reported(path: Path, recorder: FlightRecorder) -> None:
    recorder._db.execute("PRAGMA busy_timeout = 10")
    raw = sqlite3.connect(path, isolation_level=None)
    raw.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreError, match="cannot be used: database is locked; another process holds it"):
        recorder.record("one", "response", {})
    with pytest.raises(StoreError, match="another process holds it"):
        recorder.prune(1)

    raw.execute("ROLLBACK")
    raw.close()
    assert recorder.record("one", "response", {}).seq == 1


def test_a_pruning_that_fails_takes_nothing_and_leaves_the_file_usable(
    recorder: FlightRecorder, clock: Clock, path: Path
) -> None:
    recorder.record("old", "response", {})
    clock.now_s += 10 * DAY_S
    raw = sqlite3.connect(path)
    raw.execute(
        "CREATE TRIGGER bad BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END"
    )

    with pytest.raises(StoreError, match="disk I/O error; check the disk"):
        recorder.prune(1)

    raw.execute("DROP TRIGGER bad")
    raw.close()
    assert len(recorder.entries("old")) == 1
    assert recorder.prune(1) == 1


def test_a_full_disk_is_reported_and_what_was_recorded_stays(recorder: FlightRecorder) -> None:
    entry = recorder.record("one", "response", {})
    pages = recorder._db.execute("PRAGMA page_count").fetchone()[0]
    recorder._db.execute(f"PRAGMA max_page_count = {pages + 2}")

    with pytest.raises(StoreError, match="disk is full; free some space"):
        recorder.record("one", "response", {"text": "x" * 100_000})

    assert recorder.entries("one") == (entry,)


def test_a_damaged_file_is_named(recorder: FlightRecorder, path: Path, clock: Clock) -> None:
    for _ in range(40):
        recorder.record("one", "response", {"text": "x" * 1000})
    recorder.close()
    content = bytearray(path.read_bytes())
    content[8192:] = b"\xff" * (len(content) - 8192)
    path.write_bytes(content)

    with pytest.raises(StoreError, match=r"flight\.sqlite: the flight recorder cannot be used: .*malformed"):
        FlightRecorder(path, clock).entries("one")


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        pytest.param(
            "(1, 0.0, 'one', 'song', NULL, 0, 0, 0, 0.0, 0.0, 0, '{}')", "another version", id="kind"
        ),
        pytest.param("(1, 0.0, 'one', 'error', NULL, 0, 0, 0, 0.0, 0.0, 0, '{')", "malformed", id="body"),
    ],
)
def test_an_entry_that_cannot_be_read_is_reported(
    row: str, fault: str, recorder: FlightRecorder, path: Path
) -> None:
    raw = sqlite3.connect(path)
    raw.execute(f"INSERT INTO entries VALUES {row}")
    raw.commit()
    raw.close()

    with pytest.raises(StoreError, match=fault):
        recorder.entries("one")


def test_a_folder_that_is_not_there_is_reported(tmp_path: Path, clock: Clock) -> None:
    with pytest.raises(StoreError, match="unable to open database file; make the folder readable"):
        FlightRecorder(tmp_path / "none" / "flight.sqlite", clock)
