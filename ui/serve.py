"""What `trimtab console` does: check what it was given, then run Streamlit's server in this process."""

from __future__ import annotations

import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ui
from agent.options import address, loopback
from core.errors import UsageError
from ui import settings
from ui.settings import ConsoleSettings

FOLDER = Path(ui.__file__).parent
SCRIPT, THEME = FOLDER / "app.py", FOLDER / "theme.toml"
QUIET_S = 120
"""How long a browser that is gone may come back to the page as it was."""
MOST_MESSAGE_MB = 50
"""Of one message to a browser: no page has a tenth of it."""


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
    """
    checked = settings_of(given)
    settings.use(checked)
    from streamlit.web import bootstrap  # noqa: PLC0415 - heavy; the options are checked first

    options = streamlit_options(checked)
    bootstrap.load_config_options(options)
    sys.stderr.write(f"trimtab: the console is on http://{_shown(checked)}; Ctrl-C ends it\n")
    bootstrap.run(str(SCRIPT), False, [], options)


def settings_of(given: Given) -> ConsoleSettings:
    """Return what the command line comes to.

    Raises:
        UsageError: the address is none, or everybody on the network could act as the user here.
    """
    host, port = address(given.listen)
    if given.writable and given.login is not None:
        raise UsageError("--writable is for a console without sign-in; leave it out, --login gives the roles")
    if given.writable and not loopback(host):
        raise UsageError(
            f"--writable lets whoever reaches {given.listen} act as you; listen on 127.0.0.1, or use --login"
        )
    return ConsoleSettings(
        data=given.data,
        evals=given.evals,
        home=given.home,
        host=host,
        port=port,
        model=given.model,
        llm=given.llm,
        prices=given.prices,
        login=None,
        writable=given.writable,
    )


def streamlit_options(given: ConsoleSettings) -> dict[str, Any]:
    """Return Streamlit's options: ours alone, whatever a file of the user says of other pages."""
    chosen = {
        "server_address": given.host,
        "server_port": given.port,
        "server_headless": True,
        "server_fileWatcherType": "none",
        "server_maxMessageSize": MOST_MESSAGE_MB,
        "server_disconnectedSessionTTL": QUIET_S,
        "server_enableCORS": True,
        "server_enableXsrfProtection": True,
        "browser_gatherUsageStats": False,
        "client_toolbarMode": "minimal",
        "client_showErrorDetails": "none",
        "client_showErrorLinks": False,
        "logger_hideWelcomeMessage": True,
        "runner_magicEnabled": False,
    }
    return chosen | _theme()


def _shown(given: ConsoleSettings) -> str:
    host = f"[{given.host}]" if ":" in given.host else given.host
    return f"{host}:{given.port}"


def _theme() -> dict[str, Any]:
    """Return the options of our theme: `[theme.light] textColor` is `theme_light_textColor`."""
    document = tomllib.loads(THEME.read_text(encoding="utf-8"))["theme"]
    options: dict[str, Any] = {}
    for name, value in document.items():
        if isinstance(value, dict):
            options |= {f"theme_{name}_{key}": entry for key, entry in value.items()}
        else:
            options[f"theme_{name}"] = value
    return options
