"""`trimtab console` as a process of its own, on a free port of loopback."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page

from tests.ui.browser import wait

DONE = "[data-testid=stApp][data-test-script-state=notRunning]"
"""What Streamlit says once the script of a page has run to its end."""
MAIN = "[data-testid=stMainBlockContainer]"
PATIENCE_MS = 60_000
END_LIMIT_S = 10.0


@dataclass(frozen=True, slots=True)
class Console:
    """A console that runs."""

    url: str
    process: int
    log: Path
    """What it wrote to stderr."""


@contextmanager
def console(
    data: Path, log: Path, *options: str, environment: Mapping[str, str] | None = None
) -> Iterator[Console]:
    """Run it until the block ends."""
    program = Path(sys.executable).with_name("trimtab")
    command = [str(program), "console", "--data", str(data), "--listen", "127.0.0.1:0", *options]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stderr=output, stdout=output, env={**os.environ, **(environment or {})}
        )
        try:
            yield Console(_address(process, log), process.pid, log)
        finally:
            process.terminate()
            process.wait(END_LIMIT_S)


def opened(page: Page, url: str) -> None:
    """Open an address and wait until the page is drawn whole."""
    page.goto(url)
    drawn(page)


def drawn(page: Page) -> None:
    """Wait until the page is drawn whole."""
    page.wait_for_selector(DONE, timeout=PATIENCE_MS)
    page.wait_for_selector(f"{MAIN} h1, {MAIN} h2, {MAIN} h3", timeout=PATIENCE_MS)
    page.wait_for_function("document.querySelectorAll('[data-testid=stSkeleton]').length === 0")


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Return where it answers, once it says so."""
    while process.poll() is None:
        found = re.search(r"http://\S+:\d+", log.read_text())
        if found is not None:
            wait(process, f"{found.group()}/_stcore/health", log)
            return found.group()
    raise AssertionError(f"the console did not start: {log.read_text()}")
