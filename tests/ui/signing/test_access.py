"""Who looks, worked out of a sign-in or of how the console was started."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

import ui
from agent.approvals import os_user
from core.errors import UsageError
from tests.ui.signing.signins import sign_in
from ui.signing.access import NoAccess, SignInNeeded, Viewer, access_of, without_login
from ui.signing.signouts import SignOuts

NOW_S = 1_000_000.0
CLAIMS: dict[str, Any] = {
    "is_logged_in": True,
    "iss": "https://login.example.org",
    "sub": "7",
    "iat": NOW_S - 10,
    "exp": NOW_S + 10,
    "nonce": "n",
    "email": "ada@example.org",
    "email_verified": True,
    "groups": ["approvers"],
}


def test_a_sign_in_gives_name_and_role() -> None:
    found = access_of(CLAIMS, sign_in(), SignOuts(), NOW_S)

    assert isinstance(found, Viewer)
    assert (found.name, found.role, found.signed_in) == ("ada@example.org", "approver", True)
    assert "'groups'" in found.how


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"is_logged_in": False}, id="not signed in"),
        pytest.param({"is_logged_in": "yes"}, id="not quite signed in"),
        pytest.param({"is_logged_in": None}, id="nothing said"),
        pytest.param({"exp": NOW_S}, id="expired this moment"),
        pytest.param({"exp": NOW_S - 86_400}, id="expired yesterday"),
        pytest.param({"exp": None}, id="without an end"),
        pytest.param({"exp": True}, id="without a sensible end"),
        pytest.param({"exp": str(NOW_S + 10)}, id="an end in words"),
        pytest.param({"exp": float("nan")}, id="an end that is no number"),
    ],
)
def test_what_is_no_sign_in_or_none_any_more_has_to_sign_in(change: dict[str, Any]) -> None:
    assert isinstance(access_of(CLAIMS | change, sign_in(), SignOuts(), NOW_S), SignInNeeded)


def test_without_a_role_one_hears_which_claim_would_give_one() -> None:
    found = access_of(CLAIMS | {"groups": ["others"]}, sign_in(), SignOuts(), NOW_S)

    assert isinstance(found, NoAccess)
    assert found.name == "ada@example.org"
    assert "'groups'" in found.reason


def test_without_a_name_nobody_gets_in() -> None:
    found = access_of(CLAIMS | {"email": None, "sub": None}, sign_in(), SignOuts(), NOW_S)

    assert isinstance(found, NoAccess)
    assert "'sub'" in found.reason


def test_a_sign_in_that_ended_is_over_and_the_next_of_the_same_person_is_not() -> None:
    ended = SignOuts()

    ended.add(CLAIMS, NOW_S)

    assert isinstance(access_of(CLAIMS, sign_in(), ended, NOW_S), SignInNeeded)
    assert isinstance(access_of(CLAIMS | {"nonce": "m"}, sign_in(), ended, NOW_S), Viewer)
    assert isinstance(access_of(CLAIMS | {"sub": "8"}, sign_in(), ended, NOW_S), Viewer)


def test_what_ended_is_forgotten_once_it_would_have_expired() -> None:
    ended = SignOuts()
    ended.add(CLAIMS, NOW_S)

    ended.add(CLAIMS | {"nonce": "m", "exp": NOW_S + 100}, NOW_S + 50)

    assert len(ended) == 1


def test_without_a_sign_in_one_may_look_and_no_more() -> None:
    found = without_login({}, host="0.0.0.0", writable=False)

    assert found == Viewer("viewer", "viewer", signed_in=False, how=found.how)  # type: ignore[union-attr]


def test_a_writable_console_is_used_by_the_user_of_this_machine() -> None:
    headers = {"Host": "localhost:8501", "Origin": "http://localhost:8501"}

    found = without_login(headers, host="127.0.0.1", writable=True)

    assert isinstance(found, Viewer)
    assert (found.name, found.role, found.signed_in) == (os_user(), "admin", False)


def test_a_writable_console_that_others_can_reach_is_refused() -> None:
    with pytest.raises(UsageError, match="--writable"):
        without_login({}, host="0.0.0.0", writable=True)


@pytest.mark.parametrize("writable", [True, False])
@pytest.mark.parametrize("origin", ["http://localhost:9999", "https://evil.example", "null"])
def test_the_page_of_another_address_gets_nothing(origin: str, *, writable: bool) -> None:
    headers = {"Host": "localhost:8501", "Origin": origin}

    assert isinstance(without_login(headers, host="127.0.0.1", writable=writable), NoAccess)


def fragments_that_run_alone() -> list[Any]:
    """Return the functions in ui/ that Streamlit runs without their page, time and again."""
    found = []
    for path in Path(ui.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and "run_every" in decorators_of(node):
                found.append(pytest.param(ast.unparse(node), id=f"{path.stem}.{node.name}"))
    return found


def decorators_of(node: ast.FunctionDef) -> str:
    return " ".join(ast.unparse(d) for d in node.decorator_list)


@pytest.mark.parametrize("source", fragments_that_run_alone())
def test_what_is_drawn_time_and_again_asks_each_time_who_looks(source: str) -> None:
    assert "gate_again(" in source
