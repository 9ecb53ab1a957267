"""Whether the controller lives and is ready, and its metrics, over HTTP: `/healthz`, `/readyz`, `/metrics`.

    health = Health(interval_s=10)
    with serving("127.0.0.1:8090", health, telemetry.exposed):
        ...

It only reads. A client that is slow, sends rubbish or comes in numbers costs a bounded number of threads for
a bounded time, and never the loop.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from prometheus_client import CONTENT_TYPE_LATEST

from agent.options import address
from core.errors import UsageError

logger = logging.getLogger(__name__)

MISSED_INTERVALS = 6
"""Without a sign of life before `/healthz` fails: a slow API server costs a few, a loop that hangs all."""
LEAST_ALLOWED_S = 60.0
"""However short the interval is, a sweep may wait this long for a cluster in trouble."""
MOST_CLIENTS = 16
"""At once; probes and scrapers are three or four."""
CLIENT_S = 10.0
"""A whole exchange; Prometheus' own limit on a scrape."""
LOOK_S = 0.1
"""How often the server looks whether it is to end."""
Phase = Literal["starting", "standing by", "leading", "draining"]


@dataclass(slots=True)
class Health:
    """What the loop says of itself, and what that means. Thread-safe: each field is set in one step."""

    interval_s: float
    clock: Callable[[], float] = time.monotonic
    phase: Phase = "starting"
    _moved_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._moved_s = self.clock()

    def swept(self) -> None:
        """Say that a sweep is over, whatever came of it."""
        self._move("leading")

    def stands_by(self) -> None:
        """Say that another controller leads, and this one waits; to be said again and again."""
        self._move("standing by")

    def drains(self) -> None:
        """Say that it was told to stop."""
        self._move("draining")

    def _move(self, phase: Phase) -> None:
        self._moved_s = self.clock()
        if self.phase != "draining":
            self.phase = phase

    def alive(self) -> tuple[HTTPStatus, str]:
        """Return the answer to `/healthz`: whether the loop moves."""
        still_s = self.clock() - self._moved_s
        allowed_s = max(LEAST_ALLOWED_S, MISSED_INTERVALS * self.interval_s)
        if still_s > allowed_s:
            said = f"no sign of life for {still_s:.0f} s, {allowed_s:.0f} s are allowed ({self.phase})"
            return HTTPStatus.INTERNAL_SERVER_ERROR, said
        return HTTPStatus.OK, f"ok: {self.phase}, moved {still_s:.0f} s ago"

    def ready(self) -> tuple[HTTPStatus, str]:
        """Return the answer to `/readyz`: whether it does its work, or stands by to."""
        good = self.phase in ("leading", "standing by")
        return HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE, self.phase


@contextmanager
def serving(
    listen: str, health: Health, metrics: Callable[[], bytes], *, client_s: float = CLIENT_S
) -> Iterator[tuple[str, int]]:
    """Serve while the block runs; give host and port, as port 0 takes a free one.

    A client that is not served after *client_s* seconds is cut off.

    Raises:
        UsageError: *listen* is no HOST:PORT, or cannot be listened on.
    """
    host, port = address(listen)
    try:
        server = _Server(host, port, health, metrics, client_s)
    except OSError as error:
        reason = error.strerror or error
        raise UsageError(f"cannot listen on {listen}: {reason}; give another HOST:PORT") from error
    thread = threading.Thread(target=server.serve_forever, args=(LOOK_S,), name="health", daemon=True)
    thread.start()
    try:
        yield server.server_name, server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    """A client that hangs must not keep the controller from ending."""

    def __init__(
        self, host: str, port: int, health: Health, metrics: Callable[[], bytes], client_s: float
    ) -> None:
        self.health, self.metrics, self.client_s = health, metrics, client_s
        self._places = threading.BoundedSemaphore(MOST_CLIENTS)
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """Bind; the base class would look its own name up, which may take a resolver's time-out."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as in the base
        """Take a client, if there is a place."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as above
        """Answer a client, and give its place free; a slow one is cut off."""
        cut = threading.Timer(self.client_s, _cut, [request])
        cut.daemon = True
        cut.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            cut.cancel()
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as above
        """Note what a client did; nobody needs its traceback."""
        logger.debug("a client of the health endpoints was lost: %s", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version, sys_version = "trimtab", ""

    def setup(self) -> None:
        """Never wait longer for a client than it may take in all."""
        super().setup()
        self.connection.settimeout(self.server.client_s)

    def do_GET(self) -> None:
        """Answer."""
        match self.path.partition("?")[0]:
            case "/metrics":
                self._answer(HTTPStatus.OK, self.server.metrics(), CONTENT_TYPE_LATEST)
            case "/healthz" | "/livez":
                self._say(*self.server.health.alive())
            case "/readyz":
                self._say(*self.server.health.ready())
            case _:
                self._say(HTTPStatus.NOT_FOUND, "there are /healthz, /readyz and /metrics")

    do_HEAD = do_GET  # noqa: N815 - as above

    def _say(self, status: HTTPStatus, line: str) -> None:
        self._answer(status, f"{line}\n".encode(), "text/plain; charset=utf-8")

    def _answer(self, status: HTTPStatus, content: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Log requests at level debug."""
        logger.debug(format, *args)


def _cut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        logger.debug("a slow client was gone already")
