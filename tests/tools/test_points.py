"""A point says what its decision says: held against the decisions themselves, read in Python."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.decision import Decision
from core.errors import StoreError, UsageError
from tests.tools.pointed import CERTIFICATE, INSERT, RULINGS, SMALL, decisions, expected, older, same
from tests.tools.test_store import decision
from tools.pointrows import COLUMNS
from tools.points import Point, Points
from tools.store import DecisionStore

DAY = 8640
"""Decisions in 24 hours, one every ten seconds."""
MOST_READ_S = 0.5
"""What the console may wait for a day; 0.12 s where this was written."""


def stored(path: Path, found: Sequence[Decision]) -> None:
    with closing(DecisionStore(path)) as store:
        for each in found:
            store.record(each)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "decisions.db"


@pytest.fixture
def day(path: Path) -> Iterator[Points]:
    """One decision each ten seconds for 24 hours."""
    body = decision("d").model_copy(update={"certificate": CERTIFICATE, "rulings": RULINGS, "running": SMALL})
    dumped = body.model_dump_json()
    with closing(DecisionStore(path)):
        pass
    with closing(sqlite3.connect(path)) as raw:
        rows = [(f"d{k}", "toy", 10.0 * k, "held", dumped) for k in range(DAY)]
        raw.executemany(INSERT, rows)
        raw.commit()
    with closing(Points(path)) as points:
        yield points


def test_a_point_has_a_field_for_each_column_in_their_order() -> None:
    assert [field.name for field in fields(Point)] == list(COLUMNS)


@settings(max_examples=40, deadline=None)
@given(found=st.lists(decisions, min_size=1, max_size=5, unique_by=lambda d: d.id))
def test_a_point_says_what_its_decision_says_whoever_made_it(found: list[Decision]) -> None:
    """The trigger, the backfill of an older store, and reading an older store as it is."""
    wanted = [expected(seq, d) for seq, d in enumerate(found, 1) if d.pipeline == "it's"]

    with TemporaryDirectory() as folder:
        new, old = Path(folder, "new.db"), Path(folder, "old.db")
        stored(new, found)
        older(old, found)
        for path in (new, old):
            with closing(Points(path)) as points:
                assert same(points.last("it's", 99), wanted)
        DecisionStore(old).close()
        with closing(Points(old)) as points:
            assert same(points.last("it's", 99), wanted)


def test_a_record_from_before_a_field_was_there_has_its_default(path: Path) -> None:
    body = decision("one").model_dump(mode="json")
    for key in ("planning", "findings", "rulings", "degraded", "pipeline_digest"):
        del body[key]
    older(path, [])
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("INSERT INTO decisions VALUES (1, 'one', 'toy', 0.0, 'held', ?)", (json.dumps(body),))
        raw.commit()

    with closing(Points(path)) as points, closing(DecisionStore(path, read_only=True)) as store:
        assert same(points.last("toy", 1), [expected(1, store.decision("one"))])


def test_points_lie_between_two_times_both_included_by_their_time(path: Path) -> None:
    """The one of 20 s waited for a person and was recorded last."""
    stored(path, [decision(f"d{t:g}", t) for t in (0.0, 10.0, 30.0, 40.0, 20.0)])

    with closing(Points(path)) as points:
        assert [p.id for p in points.between("toy", 10.0, 30.0)] == ["d10", "d20", "d30"]
        assert [p.id for p in points.last("toy", 2)] == ["d40", "d20"]
        assert points.span("toy") == (0.0, 40.0)
        assert points.count("toy") == 5


def test_pages_of_points_are_newest_first_and_meet_where_the_last_one_ended(path: Path) -> None:
    found = [
        decision(f"d{k}").model_copy(
            update={"pipeline": "other" if k % 5 == 0 else "toy", "outcome": "refused" if k % 3 else "held"}
        )
        for k in range(20)
    ]
    stored(path, found)
    newest = [d.id for d in reversed(found) if d.pipeline == "toy"]
    refused = [d.id for d in reversed(found) if d.pipeline == "toy" and d.outcome == "refused"]

    with closing(Points(path)) as points:
        first = points.page("toy", None, 7)
        second = points.page("toy", first[-1].seq, 7)
        filtered = points.page("toy", None, 99, ("refused", "failed"))

    assert [p.id for p in first] == newest[:7]
    assert [p.id for p in second] == newest[6:13], "up to, that one included"
    assert [p.id for p in filtered] == refused


def test_each_pipeline_has_its_own_points(path: Path) -> None:
    other = decision("other", 5.0).model_copy(update={"pipeline": "another"})
    stored(path, [decision("one", 1.0), other])

    with closing(Points(path)) as points:
        assert points.pipelines() == ("another", "toy")
        assert [p.id for p in points.between("another", 0.0, 9.0)] == ["other"]
        assert (points.span("none"), points.count("none"), points.last("none", 9)) == (None, 0, [])


def test_recording_again_makes_no_second_point(path: Path) -> None:
    stored(path, [decision("one", 1.0), decision("one", 2.0)])

    with closing(Points(path)) as points:
        assert [p.time_s for p in points.last("toy", 9)] == [1.0]


def test_a_reader_sees_points_as_they_come(path: Path) -> None:
    with closing(DecisionStore(path)) as store, closing(Points(path)) as points:
        assert points.count("toy") == 0

        store.record(decision("one"))

        assert [p.id for p in points.last("toy", 9)] == ["one"]


def test_reading_an_older_store_changes_nothing_in_it(path: Path) -> None:
    older(path, [decision("one")])
    before = path.read_bytes()

    with closing(Points(path)) as points:
        assert points.pipelines() == ("toy",)
        assert (points.span("toy"), points.count("toy")) == ((0.0, 0.0), 1)

    assert path.read_bytes() == before


def test_an_older_store_keeps_points_of_what_comes_after_its_opening_too(path: Path) -> None:
    older(path, [decision("old", 1.0)])
    stored(path, [decision("new", 2.0)])

    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("SELECT id FROM points ORDER BY seq").fetchall() == [("old",), ("new",)]


@pytest.mark.parametrize("change", ["UPDATE points SET regret = 0", "DELETE FROM points"])
def test_a_point_can_be_neither_changed_nor_deleted(change: str, path: Path) -> None:
    stored(path, [decision("one")])

    with closing(sqlite3.connect(path)) as raw, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        raw.execute(change)


def test_a_damaged_decision_of_an_older_store_is_named_and_nothing_is_half_made(path: Path) -> None:
    older(path, [decision("one"), decision("two")])
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("UPDATE decisions SET body = substr(body, 1, 40) WHERE id = 'two'")
        raw.commit()

    with pytest.raises(StoreError, match=r"malformed JSON in decision 'two'; the file is damaged"):
        DecisionStore(path)

    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("SELECT name FROM sqlite_master WHERE name LIKE '%points%'").fetchall() == []
    with (
        closing(Points(path)) as points,
        pytest.raises(StoreError, match="malformed JSON; the file is damaged"),
    ):
        points.last("toy", 9)


def test_reading_points_makes_no_store_where_there_is_none(path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no decision store at .*; `trimtab run` makes one"):
        Points(path)

    assert not path.exists()


def test_a_file_that_is_no_store_has_no_points(path: Path) -> None:
    path.write_text("once upon a time, and a long time it was, too" * 100)

    with pytest.raises(StoreError, match="file is not a database; move the file away to start anew"):
        Points(path)


def test_a_reader_waits_no_longer_than_it_was_told_for_a_store_that_is_held(path: Path) -> None:
    older(path, [decision("one")])
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()

        with pytest.raises(StoreError, match="locked; another process holds it: try again"):
            Points(path, busy_s=0.1)
        with pytest.raises(StoreError, match="locked; another process holds it: try again"):
            DecisionStore(path, busy_s=0.1)

        assert time.monotonic() - began < 2.0


def test_a_day_is_read_in_half_a_second(day: Points) -> None:
    began = time.perf_counter()
    found = day.between("toy", 0.0, 10.0 * DAY)
    took_s = time.perf_counter() - began

    assert len(found) == DAY
    assert took_s < MOST_READ_S
