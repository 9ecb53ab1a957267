"""A server on loopback that answers as it is told, for what a real Prometheus does not do."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests

from core.errors import MetricsUnavailable
from tools.prometheus import Prometheus


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that came."""

    path: str
    headers: Mapping[str, str]
    form: Mapping[str, str]


class Exchange:
    """One request, to be answered."""

    def __init__(self, handler: BaseHTTPRequestHandler, asked: Asked, released: threading.Event) -> None:
        self.asked = asked
        self._handler = handler
        self._released = released

    @property
    def peer(self) -> object:
        """Who asks: the same for requests of one connection."""
        return self._handler.client_address

    def answer(
        self, status: int, body: bytes, content_type: str = "application/json", **headers: str
    ) -> None:
        """Send a whole answer."""
        self.begin(status, len(body), content_type, **headers)
        self.send(body)

    def begin(self, status: int, length: int, content_type: str = "application/json", **headers: str) -> None:
        """Send the head of an answer of *length* bytes."""
        self._handler.send_response(status)
        self._handler.send_header("Content-Type", content_type)
        self._handler.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self._handler.send_header(name.replace("_", "-"), value)
        self._handler.end_headers()

    def send(self, body: bytes) -> None:
        """Send a piece of the body."""
        self._handler.wfile.write(body)
        self._handler.wfile.flush()

    def cut(self) -> None:
        """End the connection."""
        self._handler.close_connection = True

    def wait(self, seconds: float) -> None:
        """Do nothing for a while, or until the test is over."""
        self._released.wait(seconds)


Answer = Callable[[Exchange], None]


@dataclass(slots=True)
class Scripted:
    """A server with its script: one answer a request, and the last again and again."""

    script: list[Answer]
    url: str = ""
    asked: list[Asked] = field(default_factory=list)

    def next(self) -> Answer:
        """Return the answer to the request that came last."""
        return self.script[min(len(self.asked), len(self.script)) - 1]


@contextmanager
def answering(*script: Answer, context: ssl.SSLContext | None = None) -> Iterator[Scripted]:
    """Serve a script, over TLS if there is a context."""
    server = Scripted(list(script))
    released = threading.Event()
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), _handler(server, released))
    httpd.daemon_threads = True
    if context is not None:
        httpd.socket = context.wrap_socket(httpd.socket, server_side=True, do_handshake_on_connect=False)
    scheme = "http" if context is None else "https"
    server.url = f"{scheme}://127.0.0.1:{httpd.server_address[1]}"
    threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server
    finally:
        released.set()
        httpd.shutdown()
        httpd.server_close()


def result(rows: object, **extra: object) -> Answer:
    """Answer a query with this result."""
    body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": rows}, **extra})
    return lambda exchange: exchange.answer(200, body.encode())


def time_is(at: float) -> Answer:
    """Answer `time()`."""
    return result([at, str(at)])


def says(status: int, body: str, content_type: str = "application/json", **headers: str) -> Answer:
    """Answer with any text."""
    return lambda exchange: exchange.answer(status, body.encode(), content_type, **headers)


def complaint(url: str, **options: object) -> str:
    """Ask for the time, and return the one line that comes instead."""
    with pytest.raises(MetricsUnavailable) as failed:
        Prometheus(url, **options).now()  # type: ignore[arg-type]
    text = str(failed.value)
    assert "\n" not in text
    assert text.startswith(f"Prometheus at {url}"), text
    return text


def forwarded(exchange: Exchange, url: str) -> None:
    """Let a real server answer."""
    answer = requests.post(f"{url}{exchange.asked.path}", data=exchange.asked.form, timeout=30)
    exchange.answer(answer.status_code, answer.content)


def _handler(server: Scripted, released: threading.Event) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            form = {name: values[0] for name, values in parse_qs(text).items()}
            server.asked.append(Asked(self.path, dict(self.headers), form))
            server.next()(Exchange(self, server.asked[-1], released))

        do_GET = do_POST  # noqa: N815 - the base class calls it so

        def log_message(self, format: str, *args: Any) -> None:  # noqa: ANN401 - as it is declared there
            pass

    return Handler
