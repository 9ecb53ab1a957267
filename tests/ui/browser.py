"""A real browser, Debian's chromium, and what it is pointed at."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, expect, sync_playwright

NEEDED = "TESTS_NEED_SERVERS"
"""Set by `make test`: what is missing is then a failure and not a reason to skip."""
ARGUMENTS = (
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
READY_LIMIT_S = 60.0
READY_POLL_S = 0.1
END_LIMIT_S = 10.0
PATIENCE_MS = 20_000
"""For what a page is expected to show: the machine may have other things to do."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Give the browser; without one, skip, or fail where `make test` should have installed it."""
    program = shutil.which("chromium")
    if program is None:
        message = "chromium is missing (Debian: apt-get install chromium; `make browser` does it)"
        pytest.fail(message) if os.environ.get(NEEDED) else pytest.skip(message)
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


def wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Wait until *url* answers."""
    until = time.monotonic() + READY_LIMIT_S
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx2.get(url, timeout=READY_LIMIT_S).status_code == httpx2.codes.OK:
                return
        except httpx2.TransportError:
            time.sleep(READY_POLL_S)
    pytest.fail(f"no answer from {url}: {log.read_text()}")
