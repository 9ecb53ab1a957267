"""Whoever writes is asked for their role before any file is touched, and answers only what they saw."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from agent.desk import Desk, Person
from agent.folder import REQUESTS
from core.approval import proposal_hash
from core.calendar import Event
from core.errors import UsageError
from core.roles import NotAllowed, Role
from tests.agent.toy import CHEAPER, ENOUGH
from tools.commands import Commands
from tools.requests import Request, Requests

HASH = proposal_hash("toy", CHEAPER, ENOUGH)
LAUNCH = Event(id="launch", pipeline="toy", start_s=60, end_s=120, load_factor=3, author="bob", entered_s=0)
ACTS: dict[str, Callable[[Desk], Any]] = {
    "approve": lambda desk: desk.approve("toy-000001", shown=HASH, comment="go"),
    "refuse": lambda desk: desk.refuse("toy-000001", shown=HASH, comment="no"),
    "pause": lambda desk: desk.pause(),
    "resume": lambda desk: desk.resume(),
    "mode": lambda desk: desk.mode("auto"),
    "announce": lambda desk: desk.announce(LAUNCH),
    "withdraw": lambda desk: desk.withdraw("launch"),
}


def desk(folder: Path, role: str = "approver") -> Desk:
    return Desk(folder, Person("ann", cast("Role", role)), unix=lambda: 1100.0)


def request(decision: str = "toy-000001") -> Request:
    return Request(
        decision=decision,
        pipeline="toy",
        proposal=HASH,
        running=CHEAPER,
        proposed=ENOUGH,
        asked_at=1000.0,
        expires_at=1600.0,
    )


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    """Return the data folder of a loop that asks one question."""
    with closing(Requests(tmp_path / REQUESTS)) as requests:
        requests.open(request())
    return tmp_path


def written(folder: Path) -> int:
    """Count what people wrote."""
    with closing(Requests(folder / REQUESTS)) as requests, closing(Commands(folder / REQUESTS)) as commands:
        return sum(a.answer is not None for a in requests.latest(99)) + len(commands.latest(None))


@pytest.mark.parametrize("role", ["viewer", "approver", "admin", "owner"])
@pytest.mark.parametrize("act", ACTS)
def test_a_role_does_what_it_may_and_nothing_else(asked: Path, role: str, act: str) -> None:
    may = role == "admin" or (role == "approver" and act != "mode")

    if may:
        ACTS[act](desk(asked, role))
    else:
        with pytest.raises(NotAllowed, match=f"'ann' may not .* as '{role}'"):
            ACTS[act](desk(asked, role))

    assert written(asked) == may


@pytest.mark.parametrize("act", ACTS)
def test_the_role_is_asked_for_before_a_file_is_touched(tmp_path: Path, act: str) -> None:
    with pytest.raises(NotAllowed):
        ACTS[act](desk(tmp_path / "nowhere", "viewer"))

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("act", ACTS)
def test_where_no_loop_has_run_nothing_is_written(tmp_path: Path, act: str) -> None:
    with pytest.raises(UsageError, match=r"requests\.sqlite is missing"):
        ACTS[act](desk(tmp_path, "admin"))

    assert list(tmp_path.iterdir()) == []


def test_an_answer_is_kept_with_name_comment_and_the_change_that_was_shown(asked: Path) -> None:
    word = desk(asked).refuse("toy-000001", shown=HASH, comment="not tonight")

    assert (word.proposal, word.agreed, word.approver, word.comment, word.at) == (
        HASH,
        False,
        "ann",
        "not tonight",
        1100.0,
    )


@pytest.mark.parametrize("shown", ["f" * 64, HASH[:12], ""])
def test_an_answer_to_a_change_that_is_not_the_one_asked_about_is_refused(asked: Path, shown: str) -> None:
    with pytest.raises(UsageError, match="look at it again"):
        desk(asked).approve("toy-000001", shown=shown)

    assert written(asked) == 0


def test_a_page_that_is_old_does_not_answer_the_same_change_asked_again(asked: Path) -> None:
    with closing(Requests(asked / REQUESTS)) as requests:
        requests.settle(HASH, "superseded by toy-000004", at=1050.0)
        requests.open(request("toy-000009"))

    with pytest.raises(UsageError, match="is closed: superseded"):
        desk(asked).approve("toy-000001", shown=HASH)

    assert written(asked) == 0


def test_a_command_carries_who_with_what_right_and_when(asked: Path) -> None:
    command = desk(asked).pause()

    assert (command.kind, command.who, command.role, command.at) == ("pause", "ann", "approver", 1100.0)


def test_nobody_announces_in_anothers_name(asked: Path) -> None:
    command = desk(asked).announce(LAUNCH)

    assert (LAUNCH.author, command.event.author) == ("bob", "ann")
