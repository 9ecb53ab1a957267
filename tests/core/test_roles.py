"""Each role may do what the one before it may, and a role that does not exist may do nothing."""

from __future__ import annotations

import pytest

from core.errors import UsageError
from core.roles import NEEDED, ROLES, Act, NotAllowed, allowed, require

APPROVERS: set[Act] = {"answer", "pause", "resume", "announce", "withdraw"}


def test_a_viewer_may_only_look_an_approver_answers_and_an_admin_does_everything() -> None:
    may = {role: {act for act in NEEDED if allowed(role, act)} for role in ROLES}

    assert may == {"viewer": set(), "approver": APPROVERS, "admin": {*APPROVERS, "mode"}}


@pytest.mark.parametrize("role", ["", "root", "Admin", "admin "])
@pytest.mark.parametrize("act", NEEDED)
def test_a_role_that_does_not_exist_may_do_nothing(role: str, act: Act) -> None:
    assert not allowed(role, act)


def test_a_refusal_names_who_the_role_and_what_is_needed() -> None:
    with pytest.raises(NotAllowed) as refused:
        require("ann", "approver", "mode")

    assert str(refused.value) == "'ann' may not set the mode as 'approver': the role 'admin' is needed"
    assert isinstance(refused.value, UsageError)


def test_who_may_passes() -> None:
    require("ann", "approver", "pause")
