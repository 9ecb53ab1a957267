"""Tokens, passwords and certificates: read when they are needed, sent to nobody else, shown to nobody."""

from __future__ import annotations

import json
import logging
import ssl
from pathlib import Path

import pytest

from core.errors import MetricsUnavailable
from tests.kube.certificates import Authority
from tests.tools.promql.scripted import answering, complaint, says, time_is
from tools.prometheus import Prometheus
from tools.promql import door

TOKEN = "sesame-open-7711"
AT = 1_000_000.5


def test_a_token_is_read_anew_at_every_request(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first\n")
    with answering(time_is(AT)) as server:
        prometheus = Prometheus(server.url, bearer_token_file=token)
        prometheus.now()
        token.write_text("second\n")
        prometheus.now()

    assert [asked.headers["Authorization"] for asked in server.asked] == ["Bearer first", "Bearer second"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(None, id="none"),
        pytest.param("", id="empty"),
        pytest.param("a\nb", id="two lines"),
        pytest.param("é", id="no ASCII"),
    ],
)
def test_a_token_file_that_cannot_be_used_is_named(text: str | None, tmp_path: Path) -> None:
    token = tmp_path / "token"
    if text is not None:
        token.write_text(text, encoding="utf-8")
    with answering(time_is(AT)) as server:
        said = complaint(server.url, bearer_token_file=token)

    assert f"the bearer token file '{token}' cannot be used" in said
    assert server.asked == []


def test_a_token_that_is_not_taken_is_told_from_one_that_was_not_given(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    with answering(says(401, "")) as server:
        assert "is the token still good" in complaint(server.url, bearer_token_file=token)


def test_no_secret_is_shown_whatever_happens(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = tmp_path / "token"
    token.write_text(TOKEN)
    echo = f"you are Bearer {TOKEN} of key-4242 with pass-9999"
    with answering(says(500, json.dumps({"status": "error", "error": echo}))) as server:
        url = server.url.replace("//", "//user:pass-9999@")
        prometheus = Prometheus(url, bearer_token_file=token, headers={"X-Key": "key-4242"})
        with pytest.raises(MetricsUnavailable) as failed:
            prometheus.now()

    shown = [str(failed.value), repr(failed.value), repr(prometheus), caplog.text, prometheus.url]
    shown += [repr(door.Address.of(url, headers={"X-Key": "key-4242"}))]
    for secret in (TOKEN, "key-4242", "pass-9999"):
        assert all(secret not in text for text in shown)
    assert "you are Bearer *** of *** with ***" in str(failed.value)


def test_credentials_in_the_url_and_headers_are_sent() -> None:
    with answering(time_is(AT)) as server:
        url = server.url.replace("//", "//user:secret@")
        Prometheus(url, headers={"X-Scope-OrgID": "team"}).now()

    assert server.asked[0].headers["Authorization"] == "Basic dXNlcjpzZWNyZXQ="
    assert server.asked[0].headers["X-Scope-OrgID"] == "team"


def test_a_certificate_is_trusted_by_the_authority_that_is_named(tmp_path: Path) -> None:
    ours, other = Authority.made(tmp_path / "ours"), Authority.made(tmp_path / "other")
    pair = ours.server("prometheus", ["127.0.0.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    gone = tmp_path / "gone.crt"
    with answering(time_is(AT), context=context) as server:
        assert Prometheus(server.url, ca_file=ours.path).now() == AT
        assert "name its authority with --ca-file" in complaint(server.url)
        assert "may name the wrong authority" in complaint(server.url, ca_file=other.path)
        assert f"certificate authority file '{gone}' cannot be used" in complaint(server.url, ca_file=gone)


def test_a_redirect_carries_the_token_nowhere(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    with answering(time_is(AT)) as other, answering(says(307, "", Location=f"{other.url}/x")) as server:
        complaint(server.url, bearer_token_file=token)

    assert len(server.asked) == 1
    assert other.asked == []
