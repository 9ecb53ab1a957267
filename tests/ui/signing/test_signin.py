"""The settings of the sign-in: what a file may say, and that no secret gets out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import InvalidDocument, UsageError
from tests.docs.pages import ROOT
from tests.ui.signing.signins import sign_in
from ui.signing.signin import SignIn, read_sign_in, secrets_of

SECRET = "hunter2-is-not-a-good-secret"
FILE: dict[str, Any] = {
    "metadataUrl": "https://login.example.org/.well-known/openid-configuration",
    "clientId": "trimtab",
    "clientSecret": {"env": "CLIENT"},
    "roles": {"approver": ["approvers"]},
}
ENVIRONMENT = {"CLIENT": SECRET, "SHORT": "short", "EMPTY": ""}


def read(folder: Path, change: dict[str, Any], *, host: str = "127.0.0.1") -> SignIn:
    path = folder / "login.yaml"
    document = {key: value for key, value in (FILE | change).items() if value is not None}
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return read_sign_in(path, ENVIRONMENT, host=host, port=8501)


def test_the_least_file_gives_safe_defaults(tmp_path: Path) -> None:
    login = read(tmp_path, {})

    assert login.redirect_uri == "http://127.0.0.1:8501/oauth2callback"
    assert login.client_secret.get_secret_value() == SECRET
    assert login.name_claim == "email"
    assert login.roles.viewer == ()
    assert login.base_path == ""


def test_a_secret_may_lie_in_a_file_beside_the_settings(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text(SECRET + "\n")

    assert read(tmp_path, {"clientSecret": {"file": "secret.txt"}}).client_secret.get_secret_value() == SECRET


def test_each_start_signs_cookies_with_another_secret_unless_one_is_given(tmp_path: Path) -> None:
    ours = [read(tmp_path, {}).cookie_secret.get_secret_value() for _ in range(2)]
    given_one = read(tmp_path, {"cookieSecret": {"env": "CLIENT"}}).cookie_secret.get_secret_value()

    assert ours[0] != ours[1]
    assert min(map(len, ours)) >= 64
    assert given_one == SECRET


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"metadataUrl": None}, "metadataUrl: is missing", id="no provider"),
        pytest.param({"metadataUrl": "http://login.example.org/x"}, "https", id="provider in the clear"),
        pytest.param(
            {"metadataUrl": "https://me:pw@login.example.org/x"}, "credentials", id="password in it"
        ),
        pytest.param(
            {"metadataUrl": "login.example.org"}, "metadataUrl: must be an address", id="no address"
        ),
        pytest.param({"clientSecret": {}}, "one of both", id="no source of the secret"),
        pytest.param({"clientSecret": {"env": "CLIENT", "file": "x"}}, "one of both", id="two sources"),
        pytest.param({"clientSecret": {"env": "NONE"}}, "nothing in 'NONE'", id="no such variable"),
        pytest.param({"clientSecret": {"env": "EMPTY"}}, "nothing in 'EMPTY'", id="an empty variable"),
        pytest.param({"clientSecret": {"file": "no.txt"}}, "no.txt", id="no such file"),
        pytest.param({"cookieSecret": {"env": "SHORT"}}, "shorter than 16", id="a cookie secret to guess"),
        pytest.param({"redirectUri": "https://t.org/"}, "redirectUri: must end in", id="back to elsewhere"),
        pytest.param({"redirectUri": "http://t.org/oauth2callback"}, "https", id="back in the clear"),
        pytest.param({"roles": None}, "roles: is missing", id="no roles"),
        pytest.param({"roles": {}}, "gives nobody a role", id="empty roles"),
        pytest.param({"roles": {"admin": "bosses"}}, "must be a list", id="one group without brackets"),
        pytest.param({"roles": {"admin": ["a"], "owner": ["b"]}}, "unknown field", id="a role that is none"),
        pytest.param({"roles": {"approver": "everyone"}}, "must be a list", id="everyone may not approve"),
        pytest.param({"clientid": "x"}, "did you mean 'clientId'", id="a slip of the pen"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_the_place_and_the_fix(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError) as refused:
        read(tmp_path, change)

    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_who_listens_for_others_must_say_by_which_address_they_come(tmp_path: Path) -> None:
    public = "https://t.example.org/console/oauth2callback"

    with pytest.raises(InvalidDocument, match="redirectUri: is missing"):
        read(tmp_path, {}, host="0.0.0.0")
    assert read(tmp_path, {"redirectUri": public}, host="0.0.0.0").base_path == "console"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    name=st.sampled_from(["clientSecret", "cookieSecret", "client_secret", "secret"]),
    value=st.sampled_from([SECRET, [SECRET], {"value": SECRET}, {"file": [SECRET]}, {"env": {"x": SECRET}}]),
)
def test_a_secret_that_stands_in_the_file_is_refused_and_not_repeated(
    tmp_path: Path, name: str, value: object
) -> None:
    with pytest.raises(UsageError) as refused:
        read(tmp_path, {name: value})

    assert SECRET not in str(refused.value)


def test_settings_that_are_printed_show_no_secret(tmp_path: Path) -> None:
    login = read(tmp_path, {"cookieSecret": {"env": "CLIENT"}})

    assert SECRET not in f"{login!r} {login} {login.model_dump_json()}"


def settings_shown() -> list[str]:
    page = (ROOT / "docs" / "console-access.md").read_text(encoding="utf-8")
    return [
        block
        for block in re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
        if "roles:" in block
    ]


@pytest.mark.parametrize("text", settings_shown())
def test_the_settings_that_the_page_shows_are_taken(tmp_path: Path, text: str) -> None:
    path = tmp_path / "login.yaml"
    path.write_text(text, encoding="utf-8")
    (tmp_path / "client-secret.txt").write_text(SECRET)
    environment = {"TRIMTAB_CLIENT_SECRET": SECRET, "TRIMTAB_COOKIE_SECRET": SECRET}

    login = read_sign_in(path, environment, host="0.0.0.0", port=8501)

    assert login.redirect_uri == "https://trimtab.example.org/oauth2callback"


def test_streamlit_is_told_what_its_login_needs() -> None:
    section = secrets_of(sign_in())["auth"]

    assert section == {
        "redirect_uri": "https://trimtab.example.org/console/oauth2callback",
        "cookie_secret": "cookie-secret-of-the-tests",
        "client_id": "trimtab",
        "client_secret": "client-secret",
        "server_metadata_url": "https://login.example.org/.well-known/openid-configuration",
        "client_kwargs": {"scope": "openid email groups", "prompt": "login"},
    }
