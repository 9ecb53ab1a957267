"""One source for many pipelines: their own queries, clocks that differ, and no reading used twice."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import requests

from core.errors import MetricsUnavailable
from core.observation import Observation
from tests.tools.exporter import free_address
from tests.tools.promql.history import History, growing, steady
from tests.tools.promql.pasts import LOOP_S, both, watched
from tests.tools.promql.scripted import Exchange, answering, forwarded
from tools.prometheus import Prometheus
from tools.promql.asking import Key, Watched
from tools.promql.source import PromqlSource

CARDS, SIGNS, MESH = ("p", "cards"), ("p", "signs"), ("q", "cards")
MESH_LOAD = 'sum(rate(mesh_requests_total{namespace=~"$namespace"}[$rate]))'


@dataclass(frozen=True, slots=True)
class Served:
    """A Prometheus that knows two pipelines in namespace p, and one behind a mesh in q."""

    url: str

    def source(self, **options: float) -> PromqlSource:
        return PromqlSource(Prometheus(self.url), **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    history = History()
    for name, rate in (("cards", 6.0), ("signs", 9.0)):
        history.router(rate=rate, done=rate, pipeline=name, instance=name)
        both(history, name, rate=rate)
    mesh = {"namespace": "q", "pipeline": "", "instance": "proxy"}
    history.add("mesh_requests_total", growing(3.0), mesh)
    history.add("mesh_requests_total", growing(1.0), {**mesh, "instance": "proxy-2"})
    history.add("mesh_depth", steady(4.0), {**mesh, "stage": "first"})
    history.add("nothing_over_nothing", steady(0.0), mesh)
    with history.served(tmp_path_factory.mktemp("prometheus")) as url:
        yield Served(url)


def of(key: Key, **overrides: str) -> Watched:
    return watched(key[1], time.time() - LOOP_S, namespace=key[0], **overrides)


def loads(reading: Observation | MetricsUnavailable) -> set[float | None]:
    assert isinstance(reading, Observation), reading
    return {None if load is None else round(load, 6) for load in reading.loads_rps}


def test_pipelines_of_one_name_are_told_apart_by_namespace(served: Served) -> None:
    found = served.source().read([of(CARDS), of(SIGNS), of(MESH)])

    assert (loads(found[CARDS]), loads(found[SIGNS])) == ({6.0}, {9.0})
    assert isinstance(found[MESH], MetricsUnavailable)


def test_pipelines_of_different_intervals_each_get_their_own(served: Served) -> None:
    found = served.source().read([of(CARDS), replace(of(SIGNS), interval_s=20.0)])

    for key, interval_s, judged in ((CARDS, 10.0, 60), (SIGNS, 20.0, 180)):
        reading = found[key]
        assert isinstance(reading, Observation)
        assert (reading.interval_s, len(reading.loads_rps), reading.judged) == (
            interval_s,
            interval_s,
            judged,
        )


def test_a_pipeline_may_have_its_load_from_elsewhere(served: Served) -> None:
    found = served.source().read([of(CARDS), of(MESH, load=MESH_LOAD, queue="mesh_depth")])

    assert (loads(found[CARDS]), loads(found[MESH])) == ({6.0}, {4.0})
    mesh = found[MESH]
    assert isinstance(mesh, Observation)
    assert [s.queue for s in mesh.stages] == [4.0, None]
    assert [s.ready for s in mesh.stages] == [None, None], "nobody says: unknown"


@pytest.mark.parametrize(
    ("name", "promql", "says"),
    [
        pytest.param("load", "sum(rate(x[$rate]", "refuses the query: ", id="no PromQL"),
        pytest.param(
            "load",
            "sum(rate(gone_total[$rate]))",
            "it gives no sample for p/signs in the last 10 s",
            id="nothing",
        ),
        pytest.param(
            "load",
            "sum(rate(nothing_over_nothing[$rate]) / rate(nothing_over_nothing[$rate]))",
            "it gives no sample",
            id="0 / 0",
        ),
        pytest.param("load", "rate(mesh_requests_total[$rate])", "is about namespace 'q'", id="of others"),
        pytest.param(
            "load",
            "sum by (instance) (rate(mesh_requests_total[$rate]))",
            "several series for the same thing; write `sum (...)`",
            id="several",
        ),
        pytest.param(
            "queue",
            "vector(3)",
            "a series of its answer has no label 'stage'; write `sum by (stage)",
            id="labels",
        ),
        pytest.param("queue", "scalar(vector(3))", "not a vector of series", id="a scalar"),
        pytest.param("queue", "mesh_depth[1m]", "not a vector of series", id="a matrix"),
        pytest.param(
            "completed",
            "sum(mesh_requests_total offset $interval - mesh_requests_total)",
            "query 'completed' gives -40, which is no count",
            id="a count that falls",
        ),
        pytest.param("loda", MESH_LOAD, "there is no such query; did you mean `load`?", id="unknown"),
    ],
)
def test_a_query_of_its_own_that_fails_fails_its_pipeline_alone(
    name: str, promql: str, says: str, served: Served
) -> None:
    found = served.source().read([of(CARDS), of(SIGNS, **{name: promql})])

    assert loads(found[CARDS]) == {6.0}
    refused = found[SIGNS]
    assert isinstance(refused, MetricsUnavailable)
    assert f"spec.operation.metrics.{name}" in str(refused)
    assert says in str(refused)


def test_a_slow_query_of_its_own_does_not_hold_up_the_others(served: Served) -> None:
    def slow_for_the_mesh(exchange: Exchange) -> None:
        if "mesh" in exchange.asked.form["query"]:
            exchange.wait(5.0)
        forwarded(exchange, served.url)

    with answering(slow_for_the_mesh) as between:
        source = PromqlSource(Prometheus(between.url, timeout_s=0.5, deadline_s=5.0))
        began = time.monotonic()
        found = source.read([of(SIGNS, load=MESH_LOAD), of(CARDS)])
        took_s = time.monotonic() - began

    assert loads(found[CARDS]) == {6.0}
    assert "spec.operation.metrics.load, did not answer within 0.5 s" in str(found[SIGNS])
    assert took_s < 5.0


@pytest.mark.parametrize("skew_s", [pytest.param(300.0, id="ahead"), pytest.param(-300.0, id="behind")])
def test_a_clock_that_is_wrong_changes_no_figure_and_is_said(
    skew_s: float, served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    source = PromqlSource(Prometheus(served.url), unix=lambda: time.time() - skew_s)
    watched_here = replace(of(CARDS), began_at=time.time() - skew_s - LOOP_S)

    with caplog.at_level(logging.WARNING):
        found = source.read([watched_here, of(MESH)])

    way = "ahead of" if skew_s > 0 else "behind"
    said = f"the clock of Prometheus is 300 s {way} ours"
    seen = found[CARDS]
    assert isinstance(seen, Observation)
    assert loads(seen) == {6.0}
    assert seen.judged == 60
    assert seen.time_s == pytest.approx(LOOP_S, abs=5), "by the loop's own clock"
    assert said in source.notes[CARDS]
    assert said in str(found[MESH])
    assert said in caplog.text


def test_a_sweep_that_failed_does_not_leave_the_one_before_it(served: Served) -> None:
    source = served.source()
    source.read([of(CARDS)])
    source.prometheus = Prometheus(f"http://{free_address()}")

    found = source.read([of(CARDS)])[CARDS]

    assert isinstance(found, MetricsUnavailable)
    assert "Connection refused" in str(found)


def test_decisions_more_often_than_scrapes_are_refused_for_that_pipeline(served: Served) -> None:
    found = served.source(scrape_s=15.0).read([of(CARDS), replace(of(SIGNS), interval_s=60.0)])

    assert "scrape more often, or decide less often" in str(found[CARDS])
    assert isinstance(found[SIGNS], Observation)


def test_two_hundred_pipelines_cost_twenty_requests_and_a_second_of_our_time(tmp_path: Path) -> None:
    names = [f"pipeline-{k:03}" for k in range(200)]
    history = History()
    for k, name in enumerate(names):
        history.router(rate=float(k), done=float(k), pipeline=name, instance=name)
        both(history, name, rate=float(k))
    with history.served(tmp_path) as url:
        source = PromqlSource(Prometheus(url, timeout_s=20.0, deadline_s=60.0))
        all_of_them = [watched(name, time.time() - LOOP_S) for name in names]
        before, cpu_s = _requests(url), time.process_time()
        found = source.read(all_of_them)
        cpu_s = time.process_time() - cpu_s
        asked = _requests(url) - before

    assert [loads(found["p", name]) for name in names] == [{float(k)} for k in range(200)]
    assert asked == 18
    assert cpu_s < 1.0


def _requests(url: str) -> int:
    """Return how many queries Prometheus itself says it was asked."""
    page = requests.get(f"{url}/metrics", timeout=30).text
    lines = [line for line in page.splitlines() if line.startswith("prometheus_http_requests_total{")]
    return sum(round(float(line.rpartition(" ")[2])) for line in lines if "/api/v1/query" in line)
