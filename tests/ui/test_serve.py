"""What the command line may not say is refused before anything listens; the rest is Streamlit's safest."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import UsageError
from ui.serve import THEME, Given, settings_of, streamlit_options

GIVEN = Given(
    data=Path("data"),
    evals=Path("evals"),
    home=Path("data"),
    listen="127.0.0.1:0",
    login=None,
    writable=False,
    model=None,
    llm=None,
    prices=None,
)


def test_it_listens_on_loopback_and_writes_nothing_unless_told() -> None:
    settings = settings_of(GIVEN)

    assert (settings.host, settings.writable, settings.login) == ("127.0.0.1", False, None)
    assert settings.port > 0


@pytest.mark.parametrize("listen", ["0.0.0.0:0", ":0", "[::]:0"])
def test_nobody_on_the_network_may_act_as_the_user_here(listen: str) -> None:
    with pytest.raises(UsageError, match="act as you"):
        settings_of(replace(GIVEN, listen=listen, writable=True))


@pytest.mark.parametrize("listen", ["localhost:0", "127.0.0.1:0"])
def test_on_loopback_the_user_here_may_act(listen: str) -> None:
    assert settings_of(replace(GIVEN, listen=listen, writable=True)).writable


def test_a_sign_in_and_the_flag_for_none_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--login gives the roles"):
        settings_of(replace(GIVEN, login=tmp_path / "login.yaml", writable=True))


def test_a_taken_port_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
            settings_of(replace(GIVEN, listen=f"127.0.0.1:{port}"))


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(UsageError, match="no HOST:PORT"):
        settings_of(replace(GIVEN, listen="everywhere"))


def test_a_home_of_its_own_is_made_and_that_of_the_data_is_not(tmp_path: Path) -> None:
    own, data = tmp_path / "new" / "home", tmp_path / "data"

    settings_of(replace(GIVEN, data=data, home=own))
    settings_of(replace(GIVEN, data=data, home=data))

    assert (own.is_dir(), data.exists()) == (True, False)


def test_a_home_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(UsageError, match="--home: cannot make"):
        settings_of(replace(GIVEN, home=tmp_path / "file" / "home"))


def test_streamlit_keeps_its_guards_shows_no_trace_and_tells_nobody() -> None:
    options = streamlit_options(settings_of(GIVEN))

    assert options["server.enableCORS"] and options["server.enableXsrfProtection"]
    assert set(options["server.allowedHosts"]) == {"127.0.0.1", "localhost", "::1"}
    assert options["client.showErrorDetails"] == "none"
    assert options["browser.gatherUsageStats"] is False


def test_every_option_of_the_theme_is_one_that_streamlit_knows() -> None:
    from streamlit import config  # noqa: PLC0415 - heavy

    known = config.get_config_options().keys()
    chosen = {name for name in streamlit_options(settings_of(GIVEN)) if name.startswith("theme.")}

    assert chosen <= known
    assert len(chosen) > len(THEME.read_text().splitlines()) / 2


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours by WCAG 2.2, from 1 to 21."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("colour", ["red", "orange", "green", "blue", "violet", "gray"])
def test_chips_can_be_read_in_both_themes(theme: str, colour: str) -> None:
    options = streamlit_options(settings_of(GIVEN))
    text, ground = (options[f"theme.{theme}.{colour}{part}Color"] for part in ("Text", "Background"))

    assert contrast(text, ground) >= 4.5
