"""What the claims of a token give: the name in the record, and the role."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from core.roles import ROLES as ORDERED
from core.values import Name
from tests.ui.signing.signins import ROLES, sign_in
from ui.signing.claims import claim_of, name_of, role_of
from ui.signing.signin import Roles

GROUPS = ("bosses", "approvers", "on-call", "lookers", "others", "")
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        pytest.param(["lookers", "bosses", "approvers"], "admin", id="the highest counts"),
        pytest.param(["on-call"], "approver", id="any of several groups"),
        pytest.param("lookers", "viewer", id="one group, as text"),
        pytest.param(["others"], None, id="a group without a role"),
        pytest.param([], None, id="no group"),
        pytest.param("bosses approvers", None, id="text is one group, not words"),
        pytest.param("Bosses", None, id="case counts"),
        pytest.param({"bosses": True}, None, id="a mapping is no list of groups"),
        pytest.param([["bosses"]], None, id="nor is a list of lists"),
        pytest.param(None, None, id="nothing"),
    ],
)
def test_a_role_comes_from_the_groups_named_for_it(groups: object, role: str | None) -> None:
    assert role_of({"groups": groups}, sign_in()) == role


@given(groups=st.lists(st.sampled_from(GROUPS)), more=st.lists(st.sampled_from(GROUPS)))
def test_one_group_more_never_takes_a_role_away(groups: list[str], more: list[str]) -> None:
    order = [None, *ORDERED]

    less, all_of_them = (role_of({"groups": g}, sign_in()) for g in (groups, groups + more))

    assert order.index(all_of_them) >= order.index(less)


@given(claims=st.dictionaries(st.sampled_from(["groups", "email", "sub", "name"]), ANYTHING))
def test_no_claims_whatever_break_it_or_give_a_role_without_a_group(claims: dict[str, Any]) -> None:
    named = set(ROLES.admin) | set(ROLES.approver) | set(ROLES.viewer)
    text = repr(claims.get("groups"))

    role, name = role_of(claims, sign_in()), name_of(claims, sign_in())

    assert role is None or any(group in text for group in named)
    assert name is None or TypeAdapter(Name).validate_python(name) == name


def test_everyone_may_look_where_the_settings_say_so_and_no_more_than_look() -> None:
    login = sign_in(roles=Roles(admin=("bosses",), viewer="everyone"))

    assert role_of({}, login) == "viewer"
    assert role_of({"groups": "everyone"}, login) == "viewer"
    assert role_of({"groups": ["bosses"]}, login) == "admin"


def test_a_group_called_everyone_is_not_everyone() -> None:
    login = sign_in(roles=Roles(viewer=("everyone",)))

    assert role_of({}, login) is None
    assert role_of({"groups": ["everyone"]}, login) == "viewer"


@pytest.mark.parametrize(
    ("claims", "path", "found"),
    [
        pytest.param({"a": {"b": ["x"]}}, "a.b", ["x"], id="inside another"),
        pytest.param({"https://x.org/g": ["x"]}, "https://x.org/g", ["x"], id="a name with dots"),
        pytest.param(
            {"r": {"my.client": {"roles": ["x"]}}}, "r.my.client.roles", ["x"], id="dots on the way"
        ),
        pytest.param({"a.b": 1, "a": {"b": 2}}, "a.b", 1, id="the whole name first"),
        pytest.param({"a": "b"}, "a.b", None, id="no mapping"),
        pytest.param({}, "a.b", None, id="nothing"),
    ],
)
def test_a_claim_is_found_by_name_or_path(claims: dict[str, Any], path: str, found: object) -> None:
    assert claim_of(claims, path) == found


@pytest.mark.parametrize(
    ("verified", "name", "role"),
    [
        pytest.param(True, "a@x.org", "admin", id="verified"),
        pytest.param("true", "a@x.org", "admin", id="verified, as text"),
        pytest.param(False, "7", None, id="not verified"),
        pytest.param("false", "7", None, id="not verified, as text"),
        pytest.param(None, "7", None, id="nothing said"),
    ],
)
def test_an_email_address_counts_only_if_it_is_verified(
    verified: object, name: str, role: str | None
) -> None:
    login = sign_in(roles=Roles(claim="email", admin=("a@x.org",)))
    claims = {"sub": "7", "email": "a@x.org", "email_verified": verified}

    assert name_of(claims, login) == name
    assert role_of(claims, login) == role


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        pytest.param({"name": "Ada\n Lovelace", "sub": "7"}, "Ada-Lovelace", id="one word"),
        pytest.param({"name": " \t", "sub": "7"}, "7", id="nothing to see"),
        pytest.param({"name": "a\u202eb", "sub": "7"}, "a-b", id="nothing that turns the text around"),
        pytest.param({"name": 5, "sub": "7"}, "7", id="no text"),
        pytest.param({"name": "x" * 300}, "x" * 253, id="too long"),
        pytest.param({"email": "a@x.org"}, None, id="neither name nor subject"),
    ],
)
def test_a_name_is_one_printable_word_of_the_claim_that_the_settings_name(
    claims: dict[str, Any], name: str | None
) -> None:
    assert name_of(claims, sign_in(name_claim="name")) == name
