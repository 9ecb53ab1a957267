"""Spans over OTLP: the one module that knows OpenTelemetry. See `tracing` for what is promised."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.tracers.context import register_configure_hook
from langgraph.errors import GraphBubbleUp
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Span, Status, StatusCode, set_span_in_context
from opentelemetry.trace import Tracer as OtelTracer

from agent.controller.states import cause_of, verdict_of
from core.decision import Decision

logger = logging.getLogger(__name__)

SEND_S = 5.0
"""A batch is sent within this time or lost; also what a collector can add to a stop, twice."""
DELAY_MS = 5000
MOST_WAITING = 4096
"""Spans in the queue: a sweep over 200 pipelines makes about 2000."""
LIBRARY = "opentelemetry"
"""Its loggers write a line or a traceback for every batch that is lost; ours writes one when that begins."""


@contextmanager
def spans() -> Iterator[Spans]:
    """Give a tracer that sends to the collector which the environment names."""
    library = logging.getLogger(LIBRARY)
    level = library.level
    library.setLevel(logging.CRITICAL + 1)
    resource = Resource({SERVICE_NAME: "trimtab"}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(
        resource=resource, span_limits=SpanLimits(max_attribute_length=256), shutdown_on_exit=False
    )
    exporter = Quiet(OTLPSpanExporter(timeout=SEND_S))
    provider.add_span_processor(
        BatchSpanProcessor(exporter, max_queue_size=MOST_WAITING, schedule_delay_millis=DELAY_MS)
    )
    try:
        yield Spans(provider.get_tracer("trimtab"))
    finally:
        exporter.ending = True
        provider.shutdown()
        library.setLevel(level)


@dataclass(slots=True)
class Quiet(SpanExporter):
    """An exporter whose failures are one line when they begin and one when they end."""

    inner: SpanExporter
    lost: int = 0
    """Spans since it last worked."""
    ending: bool = False
    """Whether it is told to stop: what fails then is not tried batch by batch."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send, or lose them."""
        result = self._sent(spans)
        if result is SpanExportResult.SUCCESS and self.lost:
            logger.warning("the collector takes traces again; %d spans were lost", self.lost)
            self.lost = 0
        elif result is not SpanExportResult.SUCCESS:
            if not self.lost:
                logger.warning("the collector does not take traces; they are lost until it does")
            self.lost += len(spans)
        return result

    def _sent(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if self.ending and self.lost:
            return SpanExportResult.FAILURE
        try:
            return self.inner.export(spans)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not become a traceback a batch
            logger.debug("sending spans ended in %s", type(error).__name__)
            return SpanExportResult.FAILURE

    def shutdown(self) -> None:
        """Close the connection."""
        self.inner.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Say that nothing waits here."""
        return self.inner.force_flush(timeout_millis)


@dataclass(slots=True)
class Spans:
    """Implements `agent.controller.tracing.Tracer`."""

    tracer: OtelTracer
    _sweep: Context | None = None

    @contextmanager
    def sweep(self) -> Iterator[None]:
        """Open the span that the turns of a sweep are under."""
        # The context is empty: whatever else uses OpenTelemetry in this process, its spans are not ours.
        with _ended(self.tracer.start_span("sweep", Context())) as span:
            self._sweep = set_span_in_context(span, Context())
            yield

    @contextmanager
    def turn(self, namespace: str, pipeline: str) -> Iterator[OneTurn]:
        """Open the span of a turn; nodes that run in this thread become its children."""
        named = {"trimtab.namespace": namespace, "trimtab.pipeline": pipeline}
        parent = self._sweep or Context()
        with _ended(self.tracer.start_span("turn", parent, attributes=named)) as span:
            token = _nodes.set(Nodes(self.tracer, set_span_in_context(span, Context())))
            try:
                yield OneTurn(span)
            finally:
                _nodes.reset(token)


@dataclass(frozen=True, slots=True)
class OneTurn:
    """Implements `agent.controller.tracing.TurnSpan`."""

    span: Span

    def decided(self, decision: Decision | None) -> None:
        """Set the attributes."""
        if decision is None:
            self.span.set_attribute("trimtab.outcome", "waiting")
            return
        spend = decision.planning.spend
        self.span.set_attributes(
            {
                "trimtab.decision": decision.id,
                "trimtab.mode": decision.mode,
                "trimtab.planner": decision.planner,
                "trimtab.outcome": decision.outcome,
                "trimtab.cause": cause_of(decision),
                "trimtab.verdict": verdict_of(decision),
                "trimtab.degraded": decision.degraded,
                "trimtab.tokens": spend.tokens,
                "trimtab.planner_seconds": spend.seconds,
            }
        )
        verdict = decision.rulings[-1].verdict if decision.rulings else None
        if verdict is not None and verdict.regret is not None:
            self.span.set_attribute("trimtab.regret", verdict.regret)
        if decision.outcome == "failed":
            self.span.set_status(Status(StatusCode.ERROR))


@dataclass(slots=True, eq=False)
class Nodes(BaseCallbackHandler):
    """A span for each node of the graph. LangGraph hands it every run; runs inside nodes are let pass."""

    tracer: OtelTracer
    parent: Context
    _open: dict[UUID, Span] = field(default_factory=dict)

    def on_chain_start(self, serialized: Any, inputs: Any, *, run_id: UUID, **rest: Any) -> None:  # noqa: ANN401 - as in the base class
        """Open a span, if it is a node that starts."""
        node = (rest.get("metadata") or {}).get("langgraph_node")
        if node is not None and rest.get("name") == node:
            self._open[run_id] = self.tracer.start_span(node, self.parent)

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **rest: Any) -> None:  # noqa: ANN401 - as above
        """Close its span."""
        span = self._open.pop(run_id, None)
        if span is not None:
            span.end()

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **rest: Any) -> None:  # noqa: ANN401 - as above
        """Close its span, as failed; a node that waits for a person has not failed."""
        span = self._open.pop(run_id, None)
        if span is not None:
            if not isinstance(error, GraphBubbleUp):
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            span.end()


@contextmanager
def _ended(span: Span) -> Iterator[Span]:
    """End a span with its block; an error is named, its text is not kept."""
    try:
        yield span
    except BaseException as error:
        span.set_status(Status(StatusCode.ERROR, type(error).__name__))
        raise
    finally:
        span.end()


_nodes: ContextVar[BaseCallbackHandler | None] = ContextVar("nodes of the turn in this thread", default=None)
register_configure_hook(_nodes, inheritable=True)
