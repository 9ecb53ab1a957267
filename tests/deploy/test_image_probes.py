"""The programs that look around inside a container, run outside one, where they must find fault."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from deploy.image.processes import ProgramFailed, ask
from deploy.image.start import PROBES


def test_a_user_with_rights_on_an_open_machine_is_not_sealed(tmp_path: Path) -> None:
    with pytest.raises(ProgramFailed, match=r"cannot write to /nowhere; runs as \d+:\d+; has rights"):
        _probed("sealed.py", str(tmp_path), "/nowhere")


def test_a_server_that_answers_passes(tmp_path: Path) -> None:
    port = _free_port()
    server = [sys.executable, "-m", "http.server", port, "--bind", "127.0.0.1", "--directory", str(tmp_path)]

    assert _probed("answers.py", port, "/", "--", *server).startswith("/ 200 after")


def test_a_server_with_a_page_missing_fails(tmp_path: Path) -> None:
    port = _free_port()
    server = [sys.executable, "-m", "http.server", port, "--bind", "127.0.0.1", "--directory", str(tmp_path)]

    with pytest.raises(ProgramFailed, match=r"not all is well: .*404"):
        _probed("answers.py", port, "/", "/page", "--", *server)


def test_a_server_that_ends_is_reported_with_its_last_words() -> None:
    with pytest.raises(ProgramFailed, match=r"no answer from /: .*bad start"):
        _probed("answers.py", _free_port(), "/", "--", sys.executable, "-c", "raise SystemExit('bad start')")


def _probed(probe: str, *arguments: str) -> str:
    return ask([sys.executable, "-", *arguments], given=(PROBES / probe).read_text(encoding="utf-8"))


def _free_port() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])
