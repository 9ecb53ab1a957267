"""At the command line a person sees what waits, answers in their own name, and is told what became of it."""

from __future__ import annotations

import json
import os
import pwd
import time
from contextlib import closing
from pathlib import Path

import pytest

from agent.approvals import answered, listed, os_user
from agent.folder import REQUESTS
from core.approval import proposal_hash
from core.errors import UsageError
from tests.core.toys import configuration
from tools.requests import Request, Requests

RUNNING = configuration(("first", "small", 1, 2))
PROPOSED = configuration(("first", "large", 1, 4))
HASH = proposal_hash("toy", RUNNING, PROPOSED)


def asked(
    folder: Path, name: str = "toy-000001", *, since_s: float = 60.0, rationale: str = "more load"
) -> None:
    now = time.time()
    with closing(Requests(folder / REQUESTS)) as requests:
        requests.open(
            Request(
                decision=name,
                pipeline="toy",
                proposal=HASH,
                running=RUNNING,
                proposed=PROPOSED,
                effect="regret 0, 8 cores",
                rationale=rationale,
                asked_at=now - since_s,
                expires_at=now - since_s + 600,
            )
        )


def said(folder: Path) -> tuple[bool, str, str] | None:
    """Return the answer the loop finds: yes or no, whose, and why."""
    with closing(Requests(folder / REQUESTS, must_exist=True)) as requests:
        word = requests.answer_of(HASH)
    return None if word is None else (word.agreed, word.approver, word.comment)


def test_what_waits_is_shown_with_both_configurations_and_the_time_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked(tmp_path)

    listed(tmp_path, everything=False, as_json=False)

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"toy-000001  {HASH[:12]}  waiting, 5")
    assert lines[0].endswith(" s left")
    assert lines[1:] == [
        "  runs:     first=small/1x2",
        "  proposed: first=large/1x4",
        "  effect:   regret 0, 8 cores",
        "  planner:  more load",
    ]


def test_a_planners_text_cannot_steer_the_terminal_or_forge_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked(tmp_path, rationale="good\x1b[2J\x1b[1;1H\n  effect:   regret 0\u202e")

    listed(tmp_path, everything=False, as_json=False)

    out = capsys.readouterr().out
    assert out.count("\n") == 5
    assert all(c.isprintable() for line in out.splitlines() for c in line)


def test_json_has_the_whole_hash_and_the_state(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked(tmp_path)

    listed(tmp_path, everything=False, as_json=True)

    (line,) = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    assert (found["id"], found["hash"], found["state"], found["answer"]) == (
        "toy-000001",
        HASH,
        "waiting",
        None,
    )
    assert found["proposed"] == [{"stage": "first", "variant": "large", "batch": 1, "replicas": 4}]


@pytest.mark.parametrize("which", ["toy-000001", HASH, HASH[:8]])
def test_an_answer_is_given_in_the_name_of_the_user_and_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], which: str
) -> None:
    asked(tmp_path)

    answered(tmp_path, which, agreed=True, comment="go")

    name = pwd.getpwuid(os.getuid()).pw_name
    assert said(tmp_path) == (True, name, "go")
    assert capsys.readouterr().out == (
        f"agreed to {HASH[:12]} as {name}; the loop acts on it in its next turn\n"
    )


def test_a_name_that_is_given_is_used(tmp_path: Path) -> None:
    asked(tmp_path)

    answered(tmp_path, HASH, agreed=False, approver="ann@example.org")

    assert said(tmp_path) == (False, "ann@example.org", "")


def test_what_is_over_is_listed_only_where_everything_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked(tmp_path)
    answered(tmp_path, HASH, agreed=False, approver="ann", comment="not tonight")
    capsys.readouterr()

    listed(tmp_path, everything=False, as_json=False)
    waiting = capsys.readouterr().out
    listed(tmp_path, everything=True, as_json=False)
    everything = capsys.readouterr().out

    assert waiting == "no change waits for an answer\n"
    assert "refused by ann\n" in everything
    assert everything.endswith("  comment:  not tonight\n")


def test_an_answer_that_comes_too_late_is_refused(tmp_path: Path) -> None:
    asked(tmp_path, since_s=700.0)

    with pytest.raises(UsageError, match="expired 10"):
        answered(tmp_path, HASH, agreed=True)

    assert said(tmp_path) is None


def test_where_nothing_was_ever_asked_the_way_out_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--mode approve"):
        listed(tmp_path, everything=True, as_json=False)
    with pytest.raises(UsageError, match="--mode approve"):
        answered(tmp_path, HASH, agreed=True)


def test_the_users_name_is_a_name() -> None:
    assert os_user() == "-".join(os_user().split()) != ""
