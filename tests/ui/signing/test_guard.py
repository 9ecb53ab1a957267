"""Which names and pages the console's server answers."""

from __future__ import annotations

import pytest

from ui.signing.guard import guard_of

LOOPBACK = ["localhost", "127.0.0.1", "::1"]


@pytest.mark.parametrize(
    ("host", "public", "names"),
    [
        pytest.param("127.0.0.1", None, {*LOOPBACK}, id="this machine"),
        pytest.param("10.0.0.5", None, {"10.0.0.5", *LOOPBACK}, id="one address"),
        pytest.param(
            "0.0.0.0",
            "https://t.example.org/oauth2callback",
            {"t.example.org", *LOOPBACK},
            id="behind a proxy",
        ),
        pytest.param("0.0.0.0", None, {"*"}, id="everybody may look, by whatever name"),
        pytest.param("::", None, {"*"}, id="the same, IPv6"),
    ],
)
def test_only_names_by_which_the_console_is_meant_to_be_reached_are_answered(
    host: str, public: str | None, names: set[str]
) -> None:
    assert set(guard_of(host, public)["server.allowedHosts"]) == names


def test_pages_of_others_are_kept_out_and_no_header_says_who_somebody_is() -> None:
    options = guard_of("127.0.0.1", "https://t.example.org:8443/x/oauth2callback")

    assert options["server.enableCORS"] is True
    assert options["server.enableXsrfProtection"] is True
    assert options["server.corsAllowedOrigins"] == ["https://t.example.org:8443"]
    assert options["server.trustedUserHeaders"] == {}
    assert options["secrets.files"] == []
