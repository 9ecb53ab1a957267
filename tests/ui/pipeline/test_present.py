"""The present after a decision: what runs then, and what should run instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.decision import Decision
from tests.agent.toy import CHEAPER, ENOUGH, Scripted, pipeline_of, toy_run, turns
from ui.pipeline.present import most_seen_rps, open_request, present_of, read_present
from ui.places import Place


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a loop that applied two changes."""
    folder = tmp_path_factory.mktemp("present")
    with toy_run(folder, Scripted([ENOUGH, CHEAPER])) as run:
        run.loop.recover()
        turns(run, 2)
    return folder / "data"


def place(data: Path) -> Place:
    return Place(data, "toy", "toy")


def recommended(tmp_path: Path) -> Decision:
    with toy_run(tmp_path, Scripted([CHEAPER]), mode="observe") as run:
        decision = turns(run, 1)[0]
    assert decision.outcome == "recommended"
    return decision


def test_after_a_change_was_applied_it_is_what_runs_and_nothing_is_recommended(data: Path) -> None:
    now = read_present(place(data), "toy-000002")

    assert now is not None and now.problem is not None
    assert now.running == CHEAPER
    assert now.problem.running == CHEAPER
    assert now.recommended is None
    assert now.ready.keys() == {"find", "read"}


def test_what_is_only_recommended_does_not_run(tmp_path: Path) -> None:
    decision = recommended(tmp_path)

    now = present_of(decision, pipeline_of())

    assert now.running == decision.running != CHEAPER
    assert now.recommended == now.proposal == CHEAPER
    assert not now.asked


@pytest.mark.parametrize("outcome", ["held", "refused", "failed"])
def test_what_was_proposed_and_not_taken_up_is_no_recommendation(tmp_path: Path, outcome: str) -> None:
    decision = recommended(tmp_path).model_copy(update={"outcome": outcome})

    now = present_of(decision, pipeline_of())

    assert now.proposal == CHEAPER
    assert now.recommended is None


def test_what_runs_already_is_not_recommended(tmp_path: Path) -> None:
    decision = recommended(tmp_path).model_copy(update={"running": CHEAPER})

    assert present_of(decision, pipeline_of()).recommended is None


def test_the_busiest_second_of_the_last_hour_is_known(data: Path) -> None:
    now = read_present(place(data), "toy-000002")

    assert now is not None
    assert most_seen_rps(place(data), now) >= 10.0


def test_nobody_is_asked_where_nothing_ever_was(data: Path) -> None:
    assert open_request(place(data), 0.0) is None
