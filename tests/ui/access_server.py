"""Serves `access_page.py` like the console: `python -m tests.ui.access_server DATA PORT [LOGIN_FILE]`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from streamlit.web.server.starlette import App

from ui import settings
from ui.guard import guard_of
from ui.settings import ConsoleSettings
from ui.signin import read_sign_in, secrets_of

HOST = "127.0.0.1"


def main(data: str, port: str, login_file: str | None = None) -> None:
    """Serve until told to stop."""
    login = None
    if login_file is not None:
        login = read_sign_in(Path(login_file), os.environ, host=HOST, port=int(port))
    settings.use(
        ConsoleSettings(data=Path(data), host=HOST, port=int(port), login=login, writable=login is None)
    )
    app = App(
        Path(__file__).with_name("access_page.py"), secrets=None if login is None else secrets_of(login)
    )
    options = guard_of(HOST, None if login is None else login.redirect_uri)
    options |= {
        "server.address": HOST,
        "server.port": int(port),
        "server.headless": True,
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": False,
        "logger.hideWelcomeMessage": True,
    }
    app.run(config=options)


if __name__ == "__main__":
    main(*sys.argv[1:])
