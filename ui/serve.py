"""What `trimtab console` does: check what it was given, then serve Streamlit's application here."""

from __future__ import annotations

import os
import socket
import sys
import tomllib
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import ui
from agent.options import address, loopback
from core.errors import UsageError
from ui import settings
from ui.settings import ConsoleSettings
from ui.signing.guard import guard_of
from ui.signing.signin import read_sign_in, secrets_of

FOLDER = Path(ui.__file__).parent
SCRIPT, THEME = FOLDER / "app.py", FOLDER / "theme.toml"
HEAVY = (
    "agent.choosing",
    "agent.explain.answer",
    "altair",
    "evals.standings",
    "pandas",
    "pyarrow.dataset",
)
"""What pages import that takes long; not the pages themselves, whose caches want a server that runs."""
QUIET_S = 120
"""How long a browser that is gone may come back to the page as it was."""
MOST_MESSAGE_MB = 50
"""Of one message to a browser: no page has a tenth of it."""
EVERY_ADDRESS = "0.0.0.0"
"""What `:8501` listens on."""


@dataclass(frozen=True, slots=True)
class Given:
    """What the command line says."""

    data: Path
    evals: Path
    home: Path
    listen: str
    login: Path | None
    writable: bool
    model: str | None
    llm: Path | None
    prices: Path | None


def serve(given: Given) -> None:
    """Serve the console until it is told to stop.

    Raises:
        UsageError: an option is wrong, or the address cannot be listened on.
        InvalidDocument: the settings of the sign-in are wrong.
    """
    checked = settings_of(given)
    settings.use(checked)
    from streamlit import App  # noqa: PLC0415 - heavy; the options are checked first

    _warm()
    app = App(SCRIPT, secrets=None if checked.login is None else secrets_of(checked.login))
    host = f"[{checked.host}]" if ":" in checked.host else checked.host
    sys.stderr.write(f"trimtab: the console is on http://{host}:{checked.port}; Ctrl-C ends it\n")
    app.run(config=streamlit_options(checked))


def _warm() -> None:
    """Import what is heavy, so that not the first visitor waits for it."""
    for name in HEAVY:
        import_module(name)


def settings_of(given: Given) -> ConsoleSettings:
    """Return what the command line comes to.

    Raises:
        UsageError: the address is none, everybody on the network could act as the user here, or a folder
            cannot be made.
        InvalidDocument: the settings of the sign-in are wrong.
    """
    host, port = address(given.listen)
    if given.writable and given.login is not None:
        raise UsageError("--writable is for a console without sign-in; leave it out, --login gives the roles")
    if given.writable and not loopback(host):
        raise UsageError(
            f"--writable lets whoever reaches {given.listen} act as you; listen on 127.0.0.1, or use --login"
        )
    host = host or EVERY_ADDRESS
    port = _free_port(host, port)
    login = None
    if given.login is not None:
        login = read_sign_in(given.login, os.environ, host=host, port=port)
    return ConsoleSettings(
        data=given.data,
        evals=given.evals,
        home=_home(given.home, given.data),
        host=host,
        port=port,
        model=given.model,
        llm=given.llm,
        prices=given.prices,
        login=login,
        writable=given.writable,
    )


def streamlit_options(given: ConsoleSettings) -> dict[str, Any]:
    """Return Streamlit's options: ours alone, whatever a file of the user says of other pages."""
    public = None if given.login is None else given.login.redirect_uri
    chosen = {
        "server.address": given.host,
        "server.port": given.port,
        "server.headless": True,
        "server.fileWatcherType": "none",
        "server.maxMessageSize": MOST_MESSAGE_MB,
        "server.maxUploadSize": 0,  # no page takes a file; anybody who may connect could leave 200 MB each
        "server.disconnectedSessionTTL": QUIET_S,
        "server.baseUrlPath": "" if given.login is None else given.login.base_path,
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "client.showErrorLinks": False,
        "logger.hideWelcomeMessage": True,
        "runner.magicEnabled": False,
    }
    return chosen | guard_of(given.host, public) | _theme()


def _home(home: Path, data: Path) -> Path:
    """Return the folder of the console's own files, made where it is not that of the data.

    Raises:
        UsageError: it cannot be made.
    """
    try:
        if home != data:
            home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--home: cannot make {home}: {error.strerror}; give another folder") from error
    return home


def _free_port(host: str, port: int) -> int:
    """Return the port if it can be listened on, for 0 one that can: Streamlit's own word on it is a log line.

    Raises:
        UsageError: it cannot.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family) as door:
            return int(door.getsockname()[1])
    except OSError as error:
        raise UsageError(
            f"--listen: cannot listen on {host}:{port}: {os.strerror(error.errno or 0)}; give another one"
        ) from error


def _theme() -> dict[str, Any]:
    """Return the options of our theme: `[theme.light] textColor` is `theme.light.textColor`."""
    document = tomllib.loads(THEME.read_text(encoding="utf-8"))["theme"]
    options: dict[str, Any] = {}
    for name, value in document.items():
        if isinstance(value, dict):
            options |= {f"theme.{name}.{key}": entry for key, entry in value.items()}
        else:
            options[f"theme.{name}"] = value
    return options
