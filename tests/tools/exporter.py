"""A server that tells Prometheus a prepared story, one page a scrape, and a Prometheus, both on loopback."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import requests

from tests.pipelines.serving.servers import need

SCRAPE = "200ms"
START_LIMIT_S = 30.0
POLL_S = 0.1

CONFIGURATION = """\
global: {{scrape_interval: {scrape}, scrape_timeout: {scrape}}}
scrape_configs:
  - {{job_name: trimtab, static_configs: [{{targets: [{targets}]}}]}}
"""


class Story:
    """Pages of metrics; each scrape gets the next, and the last again and again."""

    def __init__(self, pages: Sequence[Mapping[str, float]]) -> None:
        self._pages = pages
        self.told = 0
        self.over = threading.Event()

    def next(self) -> str:
        """Return the text of the next page."""
        page = self._pages[min(self.told, len(self._pages) - 1)]
        self.told += 1
        if self.told > len(self._pages):
            self.over.set()
        return "".join(f"{series} {value}\n" for series, value in page.items())


@contextmanager
def told(*stories: Story) -> Iterator[list[str]]:
    """Serve stories, each as a process of its own, and give their addresses."""
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), _handler(story)) for story in stories]
    threads = [threading.Thread(target=server.serve_forever, daemon=True) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield [f"127.0.0.1:{server.server_address[1]}" for server in servers]
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


def program(name: str) -> str:
    """Return a program that Debian's prometheus brings; skip, or in CI fail, where it is missing."""
    found = shutil.which(name)
    need(found, f"{name} (apt-get install prometheus)")
    assert found is not None
    return found


def free_address() -> str:
    """Return an address on loopback that nobody listens to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


@contextmanager
def prometheus(targets: Sequence[str], folder: Path) -> Iterator[str]:
    """Start a Prometheus that scrapes *targets*, and give its URL."""
    quoted = ", ".join(f"'{target}'" for target in targets)
    with configured(CONFIGURATION.format(scrape=SCRAPE, targets=quoted), folder) as url:
        yield url


@contextmanager
def configured(configuration: str, folder: Path, address: str | None = None) -> Iterator[str]:
    """Start a Prometheus with this configuration on the data in *folder*, and give its URL."""
    (folder / "prometheus.yml").write_text(configuration, encoding="utf-8")
    address = address or free_address()
    arguments = [f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
    process = subprocess.Popen(
        [program("prometheus"), *arguments, f"--web.listen-address={address}", "--log.level=error"],
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_ready(f"http://{address}")
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(START_LIMIT_S)


def _wait_ready(url: str) -> None:
    waiting = threading.Event()
    for _ in range(round(START_LIMIT_S / POLL_S)):
        try:
            if requests.get(f"{url}/-/ready", timeout=POLL_S * 10).ok:
                return
        except requests.RequestException:
            pass
        waiting.wait(POLL_S)
    raise AssertionError("Prometheus did not start")


def _handler(story: Story) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = story.next().encode()
            with suppress(ConnectionError):  # a scrape that took too long was given up
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
