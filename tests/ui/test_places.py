"""Every pipeline below the data folder is found, however deep it lies; a broken store hides none."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from agent.planners.rules import RulesPlanner
from core.errors import UsageError
from tests.agent.toy import CHEAPER, Scripted, toy_run, turns
from tests.ui.approvals.waiting_run import loop_in as loop_in_approval
from tests.ui.approvals.waiting_run import turn
from ui.places import Place, find


def loop_in(folder: Path) -> None:
    """Have a loop decide twice; its data folder is `data` below."""
    with toy_run(folder, RulesPlanner()) as run:
        turns(run, 2)


def test_a_loops_own_folder_is_a_place(tmp_path: Path) -> None:
    loop_in(tmp_path)

    [place] = find(tmp_path / "data").places

    assert (place.pipeline, place.key, place.folder) == ("toy", "toy", tmp_path / "data")


def test_the_folders_of_a_controller_are_places_told_apart_by_where_they_are(tmp_path: Path) -> None:
    for namespace in ("shop", "bank"):
        loop_in(tmp_path / namespace)

    places = find(tmp_path).places

    assert [p.key for p in places] == ["bank/data/toy", "shop/data/toy"]


def test_a_store_that_is_none_is_named_and_hides_no_other(tmp_path: Path) -> None:
    loop_in(tmp_path / "good")
    broken = tmp_path / "broken" / "decisions.sqlite"
    broken.parent.mkdir()
    broken.write_text("no database")

    found = find(tmp_path)

    assert [p.pipeline for p in found.places] == ["toy"]
    assert [u.folder for u in found.unreadable] == [broken.parent]
    assert "not a database" in found.unreadable[0].problem


def test_an_empty_folder_has_no_place(tmp_path: Path) -> None:
    assert find(tmp_path).places == ()


def test_a_folder_that_is_not_there_yet_has_no_place(tmp_path: Path) -> None:
    assert find(tmp_path / "nowhere").places == ()


def test_a_file_is_no_folder_and_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(UsageError, match=r"file is a file; --data is the folder"):
        find(tmp_path / "file")


def test_a_loop_whose_first_decision_waits_for_a_person_is_a_place(tmp_path: Path) -> None:
    with loop_in_approval(tmp_path, Scripted([CHEAPER])) as run:
        assert turn(run) is None

        [place] = find(tmp_path).places

    assert place == Place(tmp_path, "toy", "toy")


def test_no_two_pipelines_have_the_same_key_however_their_folders_and_names_lie(tmp_path: Path) -> None:
    loop_in(tmp_path / "one")
    for folder in ("a", "a/toy"):
        shutil.copytree(tmp_path / "one" / "data", tmp_path / "all" / folder, dirs_exist_ok=True)

    places = find(tmp_path / "all").places

    assert [(p.key, p.folder.relative_to(tmp_path / "all").as_posix()) for p in places] == [
        ("a//toy", "a"),
        ("a/toy//toy", "a/toy"),
    ]
