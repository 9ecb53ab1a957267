"""Start and stop the server on loopback. Which one runs is kept in a file beside the model."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psutil
from pydantic import ValidationError

from benchmarks.llm.model import NAME
from core.errors import UsageError
from core.values import Count, Frozen, NonNegative, PositiveCount

CONTEXT = 8192
"""Tokens: one decision must fit."""
LOAD_S = 120.0
"""The longest the model may take to load, in seconds; two are usual."""
STOP_S = 10.0
"""How long the server may take to end by itself."""
POLL_S = 0.2
TEMPLATE = Path(__file__).with_name("qwen-fenced.jinja")
"""The model's own chat template, with its calls of tools as blocks of JSON: that is what a Coder model
writes, and what it writes in place of `<tool_call>` is never parsed."""


class Running(Frozen):
    """A server that was started."""

    pid: Count
    started_s: NonNegative
    """When the process began, in seconds since 1970: a pid may come again."""
    port: PositiveCount

    @property
    def base_url(self) -> str:
        """What a client is given."""
        return f"http://127.0.0.1:{self.port}/v1"

    def process(self) -> psutil.Process | None:
        """Return the process, if it is still this one."""
        try:
            found = psutil.Process(self.pid)
            same = abs(found.create_time() - self.started_s) < 1.0 and found.status() != "zombie"
        except psutil.NoSuchProcess:
            return None
        return found if same else None


def running(cache: Path) -> Running | None:
    """Return the server that runs; None where none does."""
    try:
        found = Running.model_validate_json(_file(cache).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    return None if found.process() is None else found


def start(cache: Path, server: Path, model: Path, *, threads: int | None = None) -> Running:
    """Start the server and wait until it answers; return the one that runs already where one does.

    Raises:
        UsageError: it did not come up; the message says where its log is.
    """
    found = running(cache)
    if found is not None:
        return found
    port, log = _free_port(), cache / "server.log"
    command = [
        *(str(server), "-m", str(model), "--alias", NAME, "--jinja", "--chat-template-file", str(TEMPLATE)),
        *("-c", str(CONTEXT), "-np", "1", "-t", str(threads or os.cpu_count() or 1)),
        *("--host", "127.0.0.1", "--port", str(port)),
    ]
    with log.open("wb") as file:
        child = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, start_new_session=True)
    begun = Running(pid=child.pid, started_s=psutil.Process(child.pid).create_time(), port=port)
    _file(cache).write_text(begun.model_dump_json(), encoding="utf-8")
    _wait(begun, child, log)
    child.returncode = 0  # it outlives this process, which is not to wait for it nor to warn that it runs
    return begun


def stop(cache: Path) -> bool:
    """End the server, if one runs, and say whether one did."""
    found = running(cache)
    process = None if found is None else found.process()
    if process is not None:
        process.terminate()
        try:
            process.wait(STOP_S)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(STOP_S)
    _file(cache).unlink(missing_ok=True)
    return process is not None


def _wait(begun: Running, child: subprocess.Popen[bytes], log: Path) -> None:
    deadline_s = time.monotonic() + LOAD_S
    while time.monotonic() < deadline_s:
        if child.poll() is not None:
            raise UsageError(f"the server ended with status {child.returncode}; {log} says why")
        if _answers(begun.port):
            return
        time.sleep(POLL_S)
    child.kill()
    raise UsageError(f"the server did not answer within {LOAD_S:g} s; {log} says why")


def _answers(port: int) -> bool:
    """Say whether the model is loaded: the server answers 503 until it is."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as reply:
            healthy: bool = reply.status == 200
            return healthy
    except (URLError, OSError):
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _file(cache: Path) -> Path:
    return cache / "server.json"
