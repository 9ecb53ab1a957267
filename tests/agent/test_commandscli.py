"""At the command line a person commands a running loop in their own name, and sees what came of it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from agent.approvals import os_user
from agent.folder import REQUESTS
from tests.agent.command import trimtab
from tools.commands import Commands, Outcome

ME = os_user()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return the data folder of a loop that was never commanded."""
    with closing(Commands(tmp_path / REQUESTS)):
        return tmp_path


def test_each_command_is_left_for_the_loop_in_the_name_of_the_user(data: Path) -> None:
    ended = [trimtab(*words, "--data", data) for words in (("pause",), ("mode", "approve"), ("resume",))]

    assert [e.out for e in ended] == [
        f"{words} as {ME}; the loop follows in its next turn: `trimtab commands` tells\n"
        for words in ("pause", "mode approve", "resume")
    ]
    with closing(Commands(data / REQUESTS)) as commands:
        found = [given.command for given in commands.after(0)]
    assert [(c.kind, c.body, c.who, c.role) for c in found if c is not None] == [
        ("pause", "", ME, "admin"),
        ("mode", "approve", ME, "admin"),
        ("resume", "", ME, "admin"),
    ]


def test_commands_are_listed_with_what_the_loop_made_of_them(data: Path) -> None:
    for _ in range(3):
        trimtab("pause", "--data", data)
    with closing(Commands(data / REQUESTS)) as commands:
        commands.settle(1, Outcome(ok=True, note="paused", at=5.0))
        commands.settle(2, Outcome(ok=False, note="no\x1b[2J\nway", at=6.0))

    ended = trimtab("commands", "--data", data)
    first, *_ = trimtab("commands", "--data", data, "--json").objects

    assert ended.out.splitlines() == [
        f"1  pause  by {ME} (admin)  paused",
        f"2  pause  by {ME} (admin)  not followed: no [2J way",
        f"3  pause  by {ME} (admin)  the loop has not looked yet",
    ]
    assert (first["kind"], first["who"], first["outcome"]["note"]) == ("pause", ME, "paused")


def test_only_the_last_are_listed_unless_all_are_asked_for(data: Path) -> None:
    assert trimtab("commands", "--data", data).out == "nothing was commanded\n"
    with closing(Commands(data / REQUESTS)) as commands:
        for k in range(25):
            commands.put("pause", who=f"user-{k}", role="approver", at=1.0)

    few, all_ = (trimtab("commands", "--data", data, *extra).out for extra in ((), ("--all",)))

    assert (len(few.splitlines()), len(all_.splitlines())) == (20, 25)
    assert few.splitlines()[-1].startswith("25  pause  by user-24 (approver)")


@pytest.mark.parametrize("words", [("pause",), ("resume",), ("mode", "auto"), ("commands",)])
def test_where_no_loop_has_run_that_is_said_and_no_file_made(tmp_path: Path, words: tuple[str, ...]) -> None:
    complaint = trimtab(*words, "--data", tmp_path).complaint()

    assert "no loop has used this folder" in complaint
    assert list(tmp_path.iterdir()) == []


def test_a_mode_that_does_not_exist_is_refused(data: Path) -> None:
    assert "'full'" in trimtab("mode", "full", "--data", data).complaint()
