"""What a load run is told and what it says: plans are checked, results come in the order they were due."""

from __future__ import annotations

import csv
import json
from base64 import b64decode
from pathlib import Path

import pytest
from pydantic import ValidationError

from core.errors import UsageError
from pipelines.kit import Case, Example
from pipelines.load.bodies import body_of
from pipelines.load.plan import COLUMNS, Plan, Worse, read_plan, read_sent

PLAN = Plan(
    kit="id_card",
    pipeline="id-card",
    arrivals_s=(0.1, 0.5, 2.0),
    worse=(Worse(start_s=1, end_s=3, drift=0.5), Worse(start_s=2, end_s=4, drift=0.8)),
)


def test_the_worst_of_several_harms_holds() -> None:
    assert [PLAN.drift_at(t) for t in (0.9, 1.0, 2.5, 3.5, 4.0)] == [0, 0.5, 0.8, 0.8, 0]


def test_a_harm_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ValidationError, match="before it starts"):
        Worse(start_s=3, end_s=1, drift=0.5)


def test_a_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(PLAN.model_dump_json())

    assert read_plan(path) == PLAN


def test_what_is_no_plan_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text("{}")

    with pytest.raises(UsageError, match=r"plan\.json"):
        read_plan(tmp_path / "plan.json")


def rows(path: Path, *cells: tuple[str, ...]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(cells)
    return path


def test_requests_come_back_in_the_order_they_were_due(tmp_path: Path) -> None:
    path = rows(
        tmp_path / "results.csv",
        ("12.5", "0.001", "0.2", "200", "True", "0.5", "a b"),
        ("11.5", "0.002", "0.9", "504", "", "0.0", ""),
    )

    late, answered = read_sent(path)

    assert (late.at, late.status, late.right, late.variants) == (11.5, 504, None, "")
    assert (answered.right, answered.drift, answered.variants) == (True, 0.5, "a b")


@pytest.mark.parametrize("cell", ["soon", "-1", "nan"])
def test_a_result_that_is_none_is_refused(tmp_path: Path, cell: str) -> None:
    path = rows(tmp_path / "results.csv", (cell, "0", "0.2", "200", "True", "0", "a"))

    with pytest.raises(UsageError, match=r"results\.csv"):
        read_sent(path)


def test_a_labelled_request_brings_its_truth_and_where_asked_its_cases() -> None:
    example = Example(
        payload=b"card",
        truth=["A"],
        cases={"detect": (Case(b"card", [[0, 0]]),), "read": (Case(b"crop", "A"),)},
    )

    body = body_of(example, labelled=True)

    plain, full = json.loads(body.text), json.loads(body.with_cases)
    assert b64decode(plain["inputs"][0]["data"][0]) == b"card"
    assert plain["parameters"] == {"truth": '["A"]'}
    cases = json.loads(full["parameters"]["cases"])
    assert cases["detect"] == [{"item": None, "truth": [[0, 0]]}], "the request's own item travels once"
    assert b64decode(cases["read"][0]["item"]) == b"crop"


def test_an_unlabelled_request_says_nothing_of_its_answer() -> None:
    body = body_of(Example(b"card", ["A"], {}), labelled=False)

    assert "parameters" not in json.loads(body.text)
    assert body.with_cases == body.text
