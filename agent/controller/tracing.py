"""Traces of what takes its time, for an OpenTelemetry collector: a sweep, its turns, the nodes of each.

    with tracing(os.environ) as tracer:
        with tracer.sweep():
            with tracer.turn("shop", "video") as span:
                span.decided(loop.tick())

Where OTEL_EXPORTER_OTLP_ENDPOINT (or _TRACES_ENDPOINT) is not set, nothing is imported and nothing done. The
other variables of the standard (headers, certificates, OTEL_RESOURCE_ATTRIBUTES) are read by the SDK. Spans
carry names and figures; no text of a prompt, an answer or a metric is ever among them.

A collector that is slow or dead costs spans and one line in the log, never time of a turn: spans wait in a
bounded queue for a thread of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from core.decision import Decision
from core.errors import UsageError

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
SPOKEN = "http/protobuf"


class TurnSpan(Protocol):
    """The span of one turn."""

    def decided(self, decision: Decision | None) -> None:
        """Take in what came of it; None where it waits for a person."""
        ...


class Tracer(Protocol):
    """Where spans go. Turns may be taken in other threads than their sweep."""

    def sweep(self) -> AbstractContextManager[object]:
        """Return the span of a sweep; one at a time."""
        ...

    def turn(self, namespace: str, pipeline: str) -> AbstractContextManager[TurnSpan]:
        """Return the span of a turn, with a child for each node of the graph that runs inside it."""
        ...


class Untraced:
    """Implements `Tracer` and `TurnSpan`: nobody asked for traces."""

    def sweep(self) -> AbstractContextManager[object]:
        """Do nothing."""
        return nullcontext()

    def turn(self, namespace: str, pipeline: str) -> AbstractContextManager[TurnSpan]:
        """Do nothing."""
        return nullcontext(self)

    def decided(self, decision: Decision | None) -> None:
        """Do nothing."""


@contextmanager
def tracing(environment: Mapping[str, str]) -> Iterator[Tracer]:
    """Give a tracer; at the end what is still to be sent is sent, within seconds.

    Raises:
        UsageError: traces are asked for in a way that is not spoken.
    """
    if not any(environment.get(name) for name in ENDPOINTS) or _off(environment):
        yield Untraced()
        return
    for name in PROTOCOLS:
        if environment.get(name) and environment[name] != SPOKEN:
            raise UsageError(
                f"{name} is {environment[name]!r}, and traces are sent as {SPOKEN} only; "
                "unset it, and name the collector's port for HTTP (4318)"
            )
    from agent.controller.spans import spans  # noqa: PLC0415 - the SDK takes its time and memory

    with spans() as tracer:
        yield tracer


def _off(environment: Mapping[str, str]) -> bool:
    return environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
