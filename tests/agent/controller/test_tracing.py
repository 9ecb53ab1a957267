"""Traces, as a collector receives them; and that a turn never waits for one."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from agent.controller.tracing import Tracer, tracing
from core.errors import UsageError
from tests.agent.controller.collector import REFUSING, Collector, attributes, collector
from tests.agent.toy import ENOUGH, INTERVAL_S, Scripted, silent, toy_run
from tests.tools.toolkit.moments import decided
from tools.local.child import free_port

SENSED = ["observe", "forecast", "assess"]


@contextmanager
def traced(monkeypatch: pytest.MonkeyPatch, url: str) -> Iterator[Tracer]:
    # The SDK reads the process's own environment.
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
    with tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": url}) as tracer:
        yield tracer


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Collector:
    """One sweep with one real turn, taken in another thread."""
    planner = Scripted([ENOUGH])
    with (
        collector() as found,
        traced(monkeypatch, found.url) as tracer,
        toy_run(tmp_path, planner) as run,
        ThreadPoolExecutor(1) as pool,
    ):
        run.cluster.pass_time(INTERVAL_S)

        def take() -> None:
            with tracer.turn("shop", "toy") as span:
                span.decided(run.loop.tick())

        with tracer.sweep():
            pool.submit(take).result()
    return found


def test_a_sweep_its_turns_and_their_nodes_are_one_trace(received: Collector) -> None:
    (sweep,) = received.named("sweep")
    (turn,) = received.children(sweep)
    nodes = [span.name for span in sorted(received.children(turn), key=lambda s: s.start_time_unix_nano)]

    assert turn.name == "turn"
    assert nodes == [*SENSED, "plan", "verify", "apply", "confirm", "record"]
    assert len(received.spans) == 2 + len(nodes)
    assert {span.trace_id for span in received.spans} == {sweep.trace_id}
    assert all(s.start_time_unix_nano <= s.end_time_unix_nano for s in received.spans)


def test_they_come_as_otlp_from_trimtab(received: Collector) -> None:
    assert set(received.paths) == {"/v1/traces"}
    assert received.services == {"trimtab"}


def test_a_turn_says_what_came_of_it(received: Collector) -> None:
    said = attributes(received.named("turn")[0])

    assert said.pop("trimtab.regret") >= 0
    assert said.pop("trimtab.planner_seconds") == 0
    assert said == {
        "trimtab.namespace": "shop",
        "trimtab.pipeline": "toy",
        "trimtab.decision": "toy-000001",
        "trimtab.mode": "auto",
        "trimtab.planner": "scripted",
        "trimtab.outcome": "applied",
        "trimtab.cause": "load surge",
        "trimtab.verdict": "accepted",
        "trimtab.degraded": False,
        "trimtab.tokens": 0,
    }


def test_no_text_of_a_planner_is_sent(received: Collector) -> None:
    assert b"toy-000001" in received.raw
    assert b"of the script" not in received.raw


def test_a_turn_that_waits_for_a_person_has_not_failed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    planner = Scripted([ENOUGH])
    with (
        collector() as found,
        traced(monkeypatch, found.url) as tracer,
        toy_run(tmp_path, planner, mode="approve", approver=silent) as run,
    ):
        run.cluster.pass_time(INTERVAL_S)
        with tracer.turn("shop", "toy") as span:
            span.decided(run.loop.tick())

    assert attributes(found.named("turn")[0])["trimtab.outcome"] == "waiting"
    assert found.named("approve")
    assert {span.status.code for span in found.spans} == {Status.STATUS_CODE_UNSET}


def test_a_turn_that_ends_in_an_error_is_marked_without_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    with collector() as found, traced(monkeypatch, found.url) as tracer:
        with pytest.raises(ValueError, match="secret"), tracer.turn("shop", "toy"):
            raise ValueError("a secret")
        with tracer.turn("shop", "toy") as span:
            span.decided(decided(1, outcome="failed"))

    assert [span.status.code for span in found.spans] == [Status.STATUS_CODE_ERROR] * 2
    assert found.spans[0].status.message == "ValueError"
    assert b"secret" not in found.raw


def test_outside_a_turn_nothing_is_traced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with (
        collector() as found,
        traced(monkeypatch, found.url) as tracer,
        toy_run(tmp_path, Scripted([ENOUGH])) as run,
    ):
        with tracer.turn("shop", "toy"):
            pass
        run.cluster.pass_time(INTERVAL_S)
        run.loop.tick()

    assert [span.name for span in found.spans] == ["turn"]


@pytest.mark.parametrize("state", ["refusing", "dead", "silent"])
def test_a_collector_in_trouble_costs_one_line_and_no_time(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    state: str,
) -> None:
    with collector(REFUSING, delay_s=30.0 if state == "silent" else 0.0) as found:
        url = f"http://127.0.0.1:{free_port()}" if state == "dead" else found.url
        with caplog.at_level(logging.INFO):
            with traced(monkeypatch, url) as tracer:
                began_s = time.monotonic()
                for _ in range(1000):
                    with tracer.sweep(), tracer.turn("shop", "toy") as span:
                        span.decided(decided(1))
                took_s, began_s = time.monotonic() - began_s, time.monotonic()
            ended_s = time.monotonic() - began_s

    assert took_s < 3
    assert ended_s < 12
    assert caplog.messages == ["the collector does not take traces; they are lost until it does"]
    assert "Traceback" not in "".join(capfd.readouterr())


def test_without_a_collector_nothing_is_imported() -> None:
    program = (
        "import os, sys\n"
        "from agent.controller.tracing import tracing\n"
        "with tracing({}) as t, t.sweep(), t.turn('a', 'b') as s: s.decided(None)\n"
        "print([m for m in sys.modules if m.startswith(('opentelemetry', 'agent.controller.spans'))])\n"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_a_protocol_that_is_not_spoken_is_one_clear_line() -> None:
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}

    with (
        pytest.raises(UsageError, match=r"OTEL_EXPORTER_OTLP_PROTOCOL is 'grpc', .* http/protobuf only"),
        tracing(environment),
    ):
        pass


def test_the_standards_own_switch_turns_it_off() -> None:
    with tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "True"}) as tracer:
        assert type(tracer).__name__ == "Untraced"
