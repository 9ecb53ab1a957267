"""The list of decisions: newest first, filtered, a page at a time, at once however many there are."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.agent.explain.records import OPTIMUM, change, turn
from tests.ui.decisions.decided import by_rules, decisions, many, stored
from tests.ui.decisions.decision_pages import clicked, shown, tables, texts
from ui.decisions.record import PAGE

LONG = 50_000
MOST_LIST_S = 2.0
"""What the list may take with that many decisions."""


@pytest.fixture(scope="module")
def ruled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return by_rules(tmp_path_factory.mktemp("rules"))


def test_the_list_shows_the_newest_first_with_why(ruled: Path) -> None:
    page = shown(ruled)

    rows = tables(page)[0]
    assert [row["decision"] for row in rows] == [d.id for d in reversed(decisions(ruled))]
    assert "what runs breaks" in rows[-1]["why"]
    assert rows[-1]["causes"] == "load surge"


def test_only_changes_leaves_out_what_was_held(tmp_path: Path) -> None:
    data = stored(tmp_path / "data", turn(1), change(2), turn(3, running=OPTIMUM))
    page = shown(data)

    page.toggle(key="only-changes").set_value(True).run()

    assert [row["decision"] for row in tables(page)[0]] == ["toy-000002"]


def test_the_list_is_filtered_by_outcome(tmp_path: Path) -> None:
    data = stored(tmp_path / "data", turn(1), change(2), turn(3, outcome="refused"))
    page = shown(data)

    page.button_group(key="outcomes").set_value(["refused", "held"]).run()

    assert [row["decision"] for row in tables(page)[0]] == ["toy-000003", "toy-000001"]


def test_a_filter_that_nothing_passes_says_so(tmp_path: Path) -> None:
    page = shown(stored(tmp_path / "data", turn(1)))

    page.toggle(key="only-changes").set_value(True).run()

    assert "No decision here ended so" in texts(page)


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return many(tmp_path_factory.mktemp("long"), turn(1), LONG, readable=2 * PAGE)


def test_fifty_thousand_decisions_are_listed_at_once(long: Path) -> None:
    shown(long)  # the first run imports

    began = time.perf_counter()
    page = shown(long)

    assert time.perf_counter() - began < MOST_LIST_S
    assert len(tables(page)[0]) == PAGE


def test_pages_follow_each_other_without_a_gap(long: Path) -> None:
    page = shown(long)

    first = [row["decision"] for row in tables(page)[0]]
    second = [row["decision"] for row in tables(clicked(page, "Older"))[0]]
    again = [row["decision"] for row in tables(clicked(page, "Newer"))[0]]

    assert first + second == [f"toy-{k:06d}" for k in range(LONG - 1, LONG - 1 - 2 * PAGE, -1)]
    assert again == first


def test_the_list_stays_while_newer_decisions_come_until_they_are_asked_for(tmp_path: Path) -> None:
    data = stored(tmp_path / "data", turn(1), turn(2))
    page = shown(data)
    stored(data, turn(3))

    page.run()
    before = [row["decision"] for row in tables(page)[0]]
    after = [row["decision"] for row in tables(clicked(page, "There are newer decisions: show them"))[0]]

    assert before == ["toy-000002", "toy-000001"]
    assert after == ["toy-000003", "toy-000002", "toy-000001"]
