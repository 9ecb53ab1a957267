"""A collector of traces on loopback, that understands what it is sent; or does not answer, or refuses."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

REFUSING = 400
"""An answer after which a client does not try again."""


@dataclass(slots=True)
class Collector:
    """What was received."""

    url: str = ""
    status: int = 200
    delay_s: float = 0.0
    paths: list[str] = field(default_factory=list)
    services: set[str] = field(default_factory=set)
    spans: list[Span] = field(default_factory=list)
    raw: bytes = b""

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]

    def children(self, parent: Span) -> list[Span]:
        return [span for span in self.spans if span.parent_span_id == parent.span_id]

    def received(self, path: str, content: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(content)
        self.paths.append(path)
        self.raw += content
        for resource in request.resource_spans:
            tags = {a.key: a.value.string_value for a in resource.resource.attributes}
            self.services.add(tags["service.name"])
            for scope in resource.scope_spans:
                self.spans.extend(scope.spans)


def attributes(span: Span) -> dict[str, Any]:
    """Return the attributes of a span."""
    return {a.key: getattr(a.value, str(a.value.WhichOneof("value"))) for a in span.attributes}


@contextmanager
def collector(status: int = 200, delay_s: float = 0.0) -> Iterator[Collector]:
    """Give a collector that answers with *status*, after a while."""
    found = Collector(status=status, delay_s=delay_s)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(found.delay_s)
            found.received(self.path, content)
            self.send_response(found.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.block_on_close = False
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
