from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from evals.frames import load
from evals.standings import Cell, cells, records
from evals.stats import Estimate
from evals.tables import (
    COLUMNS,
    RECORD_HEAD,
    cell_rows,
    cell_table,
    markdown,
    plain,
    record_rows,
    record_table,
    slo,
    spread,
)
from tests.evals.made_up import episode, scored, write

SCORES: dict[str, list[float | None]] = {"oracle": [10.0, 12.0], "ilp": [9.0, 11.0], "[rim]|": [4.0, None]}


@pytest.fixture
def judged(tmp_path: Path) -> tuple[Cell, ...]:
    return cells(load(write(tmp_path, scored("video/bursty", SCORES, decision_mean_s=0.0042, switches=7))))


def printed(table: object) -> str:
    console = Console(width=160, record=True, file=None, quiet=False, force_terminal=False)
    with console.capture() as caught:
        console.print(table)
    return caught.get()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0"),
        (-1.23456, "-1.235"),
        (1234.56, "1235"),
        (123456.7, "123,457"),
        (1e-6, "1e-06"),
    ],
)
def test_a_figure_has_four_digits_and_what_is_unknown_has_none(value: float | None, text: str) -> None:
    assert plain(value) == text


def test_a_mean_stands_with_its_interval_where_there_is_one() -> None:
    assert spread(Estimate(2.0, 1.5, 2.25, 5), "{:.2f}".format) == "2.00 [1.50, 2.25]"
    assert spread(Estimate(2.0, None, None, 1), "{:.2f}".format) == "2.00"
    assert spread(None, "{:.2f}".format) == "–"


def test_a_cell_says_of_every_policy_what_was_measured(judged: tuple[Cell, ...]) -> None:
    titles = [column.title for column in COLUMNS]

    rows = [dict(zip(titles, row, strict=True)) for row in cell_rows(judged[0])]

    oracle, ilp, rim = rows
    assert oracle["policy"] == "oracle"
    assert ilp["score"].startswith("10 [")
    assert ilp["regret"].startswith("9.1%")
    assert ilp["decision, ms"] == "4.20"
    assert ilp["switches"] == "7.0"
    assert ilp["ours against it"] == "–"
    assert rim["ours against it"].startswith("even (+5")
    assert rim["episodes"] == "2 (1 served nothing)"


def test_the_terminal_shows_names_as_they_are(judged: tuple[Cell, ...]) -> None:
    text = printed(cell_table(judged[0]))

    assert "video/bursty: SLO 0.5 s, 2 seeds" in text
    assert "[rim]|" in text
    assert "99.5%" in text


def test_several_slos_of_a_cell_are_told_from_the_least_to_the_greatest(tmp_path: Path) -> None:
    rows = [episode("lost node", "rules", seed, slo_s=slo_s) for seed, slo_s in enumerate([0.6, 0.3, 0.4])]

    (cell,) = cells(load(write(tmp_path, rows)))

    assert slo(cell) == "SLO 0.3 to 0.6 s"


def test_the_record_has_a_figure_for_each_of_its_heads(judged: tuple[Cell, ...]) -> None:
    rows = record_rows(records(judged))

    assert {len(row) for row in rows} == {len(RECORD_HEAD)}
    assert "ilp against each policy" in printed(record_table(records(judged), "ilp"))


def test_a_name_cannot_end_its_cell_in_markdown() -> None:
    assert markdown(("policy", "n"), [("a|b\nc", "1")]).splitlines() == [
        "| policy | n |",
        "| --- | ---: |",
        "| a\\|b c | 1 |",
    ]
