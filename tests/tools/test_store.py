"""The decision store keeps what it was given, whatever happens to the process, and says when it cannot."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.decision import Decision, certify
from core.errors import StoreError, UsageError
from core.ilp import optimum
from core.problem import Problem
from core.verify import verify
from tests.core.toys import configuration, pipeline, stage
from tools.store import DecisionStore, Intent

CHOSEN = configuration(("first", "large", 1, 1))
"""The optimum at 5 rps."""


def decision(name: str, time_s: float = 0.0) -> Decision:
    return Decision(
        id=name,
        pipeline="toy",
        time_s=time_s,
        mode="auto",
        planner="ilp",
        observation=None,
        forecast=None,
        outcome="held",
    )


def intent(name: str, time_s: float = 0.0) -> Intent:
    problem = Problem.of(pipeline(stage("first", batches=[1])), 5.0)
    best = optimum(problem)
    assert best is not None
    certificate = certify(problem, best, verify(problem, CHOSEN), CHOSEN)
    return Intent(decision=name, pipeline="toy", time_s=time_s, certificate=certificate)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "decisions.db"


@pytest.fixture
def store(path: Path) -> Iterator[DecisionStore]:
    opened = DecisionStore(path)
    yield opened
    opened.close()


def test_a_decision_comes_back_as_it_went_in(store: DecisionStore) -> None:
    store.record(decision("one"))

    assert store.decision("one") == decision("one")
    assert store.has("one")
    assert not store.has("two")


def test_an_intent_comes_back_with_its_certificate(store: DecisionStore) -> None:
    store.intend(intent("one"))

    assert store.intent("one") == intent("one")
    assert store.intent("two") is None


def test_the_latest_come_newest_first_in_the_order_they_were_recorded(store: DecisionStore) -> None:
    for name, time_s in (("a", 30.0), ("b", 10.0), ("c", 20.0)):
        store.record(decision(name, time_s))

    assert [d.id for d in store.latest(2)] == ["c", "b"]
    assert [d.id for d in store.latest(99)] == ["c", "b", "a"]
    assert store.count() == 3


def test_pages_of_a_pipeline_come_newest_first_and_join_without_a_gap(store: DecisionStore) -> None:
    for k in range(5):
        store.record(decision(f"d{k}"))
        store.record(decision(f"other{k}").model_copy(update={"pipeline": "other"}))

    first = store.page("toy", None, 2)
    second = store.page("toy", store.seq(first[-1].id), 2)
    last = store.page("toy", store.seq(second[-1].id), 2)

    assert [[d.id for d in page] for page in (first, second, last)] == [["d4", "d3"], ["d2", "d1"], ["d0"]]


def test_recording_again_changes_nothing(store: DecisionStore) -> None:
    store.record(decision("one", 1.0))
    store.intend(intent("one", 1.0))

    store.record(decision("one", 2.0))
    store.intend(intent("one", 2.0))

    assert store.count() == 1
    assert store.decision("one").time_s == 1.0
    found = store.intent("one")
    assert found is not None
    assert found.time_s == 1.0


def test_open_intents_are_those_without_a_decision_oldest_first(store: DecisionStore) -> None:
    for name, time_s in (("late", 9.0), ("done", 5.0), ("early", 1.0)):
        store.intend(intent(name, time_s))
    store.record(decision("done"))
    store.record(decision("without an intent".replace(" ", "-")))

    assert [found.decision for found in store.open_intents()] == ["early", "late"]


@pytest.mark.parametrize("table", ["decisions", "intents"])
@pytest.mark.parametrize("change", ["UPDATE {} SET pipeline = 'other'", "DELETE FROM {}"])
def test_what_is_stored_can_be_neither_changed_nor_deleted(
    table: str, change: str, store: DecisionStore, path: Path
) -> None:
    store.record(decision("one"))
    store.intend(intent("one"))

    with sqlite3.connect(path) as raw, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        raw.execute(change.format(table))
    raw.close()

    assert store.decision("one") == decision("one")
    assert store.intent("one") == intent("one")


def test_the_file_is_in_wal_mode(store: DecisionStore, path: Path) -> None:
    store.record(decision("one"))
    raw = sqlite3.connect(path)

    assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    raw.close()


DIES = """
import os, sys
from pathlib import Path
from tests.tools.test_store import decision, intent
from tools.store import DecisionStore

store = DecisionStore(Path(sys.argv[1]))
store.intend(intent("meant"))
store.record(decision("done"))
os._exit(9)
"""


def test_what_was_acknowledged_survives_the_death_of_the_process(path: Path) -> None:
    died = subprocess.run([sys.executable, "-c", DIES, str(path)], check=False, cwd=Path.cwd())
    assert died.returncode == 9

    store = DecisionStore(path)

    assert [found.decision for found in store.open_intents()] == ["meant"]
    assert [d.id for d in store.latest(9)] == ["done"]
    store.close()


def test_a_reader_sees_ever_more_while_a_writer_writes(path: Path) -> None:
    DecisionStore(path).close()
    done = threading.Event()

    def write() -> None:
        writer = DecisionStore(path)
        for k in range(100):
            writer.intend(intent(f"d{k}"))
            writer.record(decision(f"d{k}"))
        writer.close()
        done.set()

    reader, thread, seen = DecisionStore(path, read_only=True), threading.Thread(target=write), [0]
    thread.start()
    while not done.is_set():
        seen.append(reader.count())
        assert all(reader.intent(found.id) for found in reader.latest(1)), "a decision before its intent"
    thread.join()

    assert seen == sorted(seen)
    assert reader.count() == 100
    assert reader.open_intents() == ()
    reader.close()


def test_two_writers_wait_for_each_other(path: Path) -> None:
    def write(first: int) -> None:
        writer = DecisionStore(path)
        for k in range(first, first + 30):
            writer.record(decision(f"d{k}"))
        writer.close()

    threads = [threading.Thread(target=write, args=(first,)) for first in (0, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    store = DecisionStore(path)
    assert store.count() == 60
    store.close()


def test_a_store_opened_to_be_read_cannot_be_written(store: DecisionStore, path: Path) -> None:
    store.record(decision("one"))
    reader = DecisionStore(path, read_only=True)

    assert reader.count() == 1
    with pytest.raises(StoreError, match="readonly database; make the folder writable"):
        reader.record(decision("two"))
    reader.close()


def test_reading_makes_no_store_where_there_is_none(path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no decision store at .*; `trimtab run` makes one"):
        DecisionStore(path, read_only=True)

    assert not path.exists()


def test_a_name_that_is_not_there_is_refused_with_the_way_to_the_names(store: DecisionStore) -> None:
    with pytest.raises(UsageError, match=r"there is no decision 'one' in .*; `trimtab decisions` lists them"):
        store.decision("one")
    with pytest.raises(UsageError, match=r"there is no decision 'one' in .*; `trimtab decisions` lists them"):
        store.seq("one")


@pytest.mark.parametrize("read_only", [True, False])
def test_a_file_that_is_no_database_is_left_alone(read_only: bool, path: Path) -> None:
    path.write_text("once upon a time, and a long time it was, too" * 100)
    before = path.read_bytes()

    with pytest.raises(StoreError, match="file is not a database; move the file away to start anew"):
        DecisionStore(path, read_only=read_only)

    assert path.read_bytes() == before


def test_a_damaged_store_is_named_and_not_mended_in_silence(store: DecisionStore, path: Path) -> None:
    for k in range(200):
        store.record(decision(f"d{k}"))
    store.close()
    content = bytearray(path.read_bytes())
    content[4096 : len(content)] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)

    with pytest.raises(StoreError, match=r"decisions\.db: the decision store cannot be used: .*malformed"):
        DecisionStore(path).latest(200)


def test_another_programs_database_is_no_store(path: Path) -> None:
    raw = sqlite3.connect(path)
    raw.execute("CREATE TABLE songs (title TEXT)")
    raw.close()

    with pytest.raises(StoreError, match="no such table: decisions; this is no decision store"):
        DecisionStore(path, read_only=True)


def test_a_decision_of_another_version_is_reported_as_that(store: DecisionStore, path: Path) -> None:
    raw = sqlite3.connect(path)
    raw.execute("INSERT INTO decisions VALUES (1, 'old', 'toy', 0.0, 'held', '{\"id\": \"old\"}')")
    raw.commit()
    raw.close()

    with pytest.raises(StoreError, match="was written by another version: move the file away to start anew"):
        store.latest(1)
    with pytest.raises(StoreError, match="was written by another version: move the file away to start anew"):
        store.decision("old")


def test_a_folder_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="unable to open database file; make the folder readable"):
        DecisionStore(tmp_path / "none" / "decisions.db")
