"""The server side of the fault proxy: it relays requests to the API server, or does what a fault is."""

from __future__ import annotations

import os
import select
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from urllib3 import BaseHTTPResponse, Timeout
from urllib3.exceptions import HTTPError

from tests.kube.faults import Answer, Cut, Delay, Fault, Request, Reset, Seen, Silence
from tests.kube.rest import Rest
from tests.kube.stream import lines

LOOK_S = 0.05
"""How often a silent connection looks whether the client is still there."""
UPSTREAM = Timeout(connect=5, read=None)
"""A watch may have nothing to tell for long; clients have time-outs of their own."""
PASSED_ON = ("Accept", "Authorization", "Content-Type", "User-Agent")
PASSED_BACK = ("Content-Type", "Retry-After", "Warning")
AT_ONCE = struct.pack("ii", 1, 0)
"""Not to linger on closing: the connection is then reset."""


@dataclass(frozen=True, slots=True)
class Court:
    """Who decides on requests and takes note of them, and where they go to."""

    decide: Callable[[Request], Fault | None]
    record: Callable[[Seen], None]
    signed_in: Rest
    anonymous: Rest
    """For clients that bring a token: a certificate would count for more."""
    over: threading.Event = field(default_factory=threading.Event)


class Relay(ThreadingHTTPServer):
    """A thread for each connection; none is waited for at the end."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    court: Court
    tls: ssl.SSLContext | None = None

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; the handshake comes later, in a thread of its own."""
        connection, address = super().get_request()
        if self.tls is not None:
            connection = self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as the base
        """Tell what went wrong, but for a client that hung up or a server that did: that is what we test."""
        if not isinstance(sys.exc_info()[1], OSError | HTTPError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Relay

    def do_GET(self) -> None:
        """Serve a request, of whatever method."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        address = urlsplit(self.path)
        request = Request(self.command, address.path, dict(parse_qsl(address.query)))
        fault = self.server.court.decide(request)
        match fault:
            case Answer(status=status, headers=headers):
                self._note(request, fault, None, told=status)
                self._send(status, headers, fault.content())
            case Silence(forwarded=False) | Reset(forwarded=False):
                self._note(request, fault, None)
                self._break_off(fault)
            case _:
                self._relay(request, fault, body)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - as above

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _relay(self, request: Request, fault: Fault | None, body: bytes) -> None:
        if isinstance(fault, Delay):
            self.server.court.over.wait(fault.seconds)
        try:
            response = self._asked(body)
        except HTTPError:
            # As if nothing were between the client and a server that is not there.
            self._note(request, fault, None)
            self._reset()
            return
        try:
            self._answer(request, fault, response)
        finally:
            response.close()

    def _asked(self, body: bytes) -> BaseHTTPResponse:
        court, headers = self.server.court, {k: v for k, v in self.headers.items() if k in PASSED_ON}
        rest = court.anonymous if "Authorization" in headers else court.signed_in
        return rest.pool.urlopen(
            self.command, self.path, body or None, headers, preload_content=False, timeout=UPSTREAM
        )

    def _answer(self, request: Request, fault: Fault | None, response: BaseHTTPResponse) -> None:
        if isinstance(fault, Silence | Reset):
            self._note(request, fault, response.status)
            self._break_off(fault)
            return
        self._note(request, fault, response.status, told=response.status)
        cut = fault if isinstance(fault, Cut) else None
        if request.query.get("watch") in {"true", "1"}:
            self._stream(response, cut)
        else:
            headers = {k: v for k, v in response.headers.items() if k in PASSED_BACK}
            self._send(response.status, headers, response.read(), cut=cut is not None)

    def _send(self, status: int, headers: Mapping[str, str], content: bytes, *, cut: bool = False) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)
        self.close_connection = self.close_connection or cut

    def _stream(self, response: BaseHTTPResponse, cut: Cut | None) -> None:
        """Pass a watch on as it comes."""
        self.send_response(response.status)
        self.send_header("Content-Type", response.headers.get("Content-Type", "application/json"))
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if cut is None:
            for chunk in response.stream():
                self._write_chunk(chunk)
            self._write_chunk(b"")
            return
        for event in islice(lines(response.stream()), cut.after):
            self._write_chunk(event + b"\n")
        self._write_chunk(b'{"type":')
        self.close_connection = True

    def _write_chunk(self, chunk: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))

    def _break_off(self, fault: Silence | Reset) -> None:
        if isinstance(fault, Silence):
            while not self.server.court.over.is_set() and not self._client_moved():
                pass
        self._reset()

    def _client_moved(self) -> bool:
        """Say whether the client, which waits for an answer, hung up (or sent something)."""
        return bool(select.select([self.connection], [], [], LOOK_S)[0])

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        # A plain close would say goodbye first.
        os.close(self.connection.detach())
        self.close_connection = True

    def _note(
        self, request: Request, fault: Fault | None, upstream: int | None, *, told: int | None = None
    ) -> None:
        self.server.court.record(Seen(request, fault, upstream, told))
