"""Real scrapes, once a second: what ends, falls silent or restarts while it is watched, Prometheus too."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.errors import MetricsUnavailable
from core.observation import Observation
from tests.tools.exporter import free_address
from tests.tools.promql.pasts import CHAIN, signals
from tests.tools.promql.scraping import Pods, during, eventually, pause, pods, scraping
from tools.prometheus import Prometheus
from tools.promql.asking import Watched
from tools.promql.source import PromqlSource

INTERVAL_S = 4.0
PIPELINES = ("healthy", "half", "silent", "deleted", "gone", "restarted")
Reading = Observation | MetricsUnavailable


@dataclass(slots=True)
class Live:
    """Pods, and what is read of them."""

    pods: Pods
    source: PromqlSource

    def look(self, name: str, interval_s: float = INTERVAL_S) -> Reading:
        """Sweep once and return what is said of one pipeline."""
        pipeline = CHAIN.model_copy(update={"name": name})
        watched = Watched(("p", name), pipeline, interval_s, began_at=time.time() - 100.0)
        return self.source.read([watched])["p", name]

    def settled(self, name: str) -> Observation:
        """Return the first reading with a known load for every second and counts of requests."""
        found = eventually(lambda: self.look(name), is_settled)
        assert isinstance(found, Observation)
        return found

    def start(self, name: str) -> None:
        """Start a pipeline: its routers get 10 requests a second each, its stages have a replica each."""
        self.pods.router(name, "router", 10.0)
        if name == "half":
            self.pods.router(name, "router-2", 10.0)
        if name == "silent":
            self.pods.replica(name, "first-2", "first", 10.0)
        for stage in ("first", "second"):
            self.pods.replica(name, stage, stage, 10.0)


def is_settled(reading: Reading) -> bool:
    return isinstance(reading, Observation) and None not in reading.loads_rps and reading.judged > 0


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("prometheus")
    with pods(folder) as found, scraping(found, folder, 1) as url:
        live = Live(found, PromqlSource(Prometheus(url), scrape_s=1.0))
        for name in PIPELINES:  # at once: Prometheus looks for new targets every five seconds
            live.start(name)
        yield live


def test_what_is_scraped_is_what_happens(live: Live) -> None:
    seen = live.settled("healthy")

    assert seen.loads_rps == pytest.approx((10.0,) * 4, rel=0.25)
    assert seen.judged == pytest.approx(40, abs=12)
    assert seen.in_time == 1.0
    assert [(s.ready, s.queue) for s in seen.stages] == [(1, 2.0)] * 2
    assert live.source.notes == {}


def test_a_router_that_does_not_answer_makes_the_load_unknown_and_not_smaller(live: Live) -> None:
    live.settled("half")

    live.pods.pod("half", "router-2").answers = False
    blind = eventually(
        lambda: live.look("half"), lambda r: isinstance(r, Observation) and set(r.loads_rps) == {None}
    )

    assert isinstance(blind, Observation)
    assert signals(blind, earlier=blind)["load"] == "missing"
    assert live.source.notes["p", "half"] == "a router does not answer scrapes: the load is not known"
    assert blind.stages[0].ready == 1

    live.pods.delete("half", "router-2")
    seen = live.settled("half")
    assert seen.loads_rps[-1] == pytest.approx(10.0, rel=0.25), "the other is gone for good"


def test_a_replica_that_does_not_answer_is_not_ready_and_what_arrives_is_unknown(live: Live) -> None:
    two = eventually(
        lambda: live.look("silent"), lambda r: isinstance(r, Observation) and r.stages[0].ready == 2
    )
    assert isinstance(two, Observation)

    live.pods.pod("silent", "first-2").answers = False
    one = eventually(
        lambda: live.look("silent"), lambda r: isinstance(r, Observation) and r.stages[0].ready == 1
    )

    assert isinstance(one, Observation)
    assert (one.stages[0].queue, one.stages[0].arrivals_rps) == (2.0, None)
    assert one.stages[1].arrivals_rps == pytest.approx(10.0, rel=0.5)


def test_a_stage_whose_pods_were_deleted_is_unknown(live: Live) -> None:
    live.settled("deleted")

    live.pods.delete("deleted", "first")
    seen = eventually(
        lambda: live.look("deleted"), lambda r: isinstance(r, Observation) and r.stages[0].ready is None
    )

    assert isinstance(seen, Observation)
    assert seen.stages[0].queue is None
    assert seen.stages[1].ready == 1


def test_a_pipeline_whose_pods_were_all_deleted_is_stale_and_never_idle(live: Live) -> None:
    earlier = live.settled("gone")

    for name in ("router", "first", "second"):
        live.pods.delete("gone", name)
    said = eventually(lambda: live.look("gone"), lambda r: isinstance(r, MetricsUnavailable))

    assert "trimtab_requests_total of p/gone" in str(said)
    assert "idle" not in signals(None, earlier=earlier).values()


def test_a_restarted_router_is_read_again_without_a_surge(live: Live) -> None:
    live.settled("restarted")

    live.pods.pod("restarted", "router").restart()
    for reading in during(2 * INTERVAL_S, lambda: live.look("restarted")):
        if isinstance(reading, Observation):
            assert all(load is None or load < 20 for load in reading.loads_rps)
            assert reading.judged < 80

    assert live.settled("restarted").loads_rps[-1] == pytest.approx(10.0, rel=0.25)


@pytest.mark.slow
def test_prometheus_down_and_back_is_unavailable_and_then_right(tmp_path: Path) -> None:
    address = free_address()
    with pods(tmp_path) as found:
        live = Live(found, PromqlSource(Prometheus(f"http://{address}"), scrape_s=1.0))
        live.start("toy")
        with ExitStack() as first_life:
            first_life.enter_context(scraping(found, tmp_path, 1, address))
            live.settled("toy")
        down = live.look("toy")
        assert isinstance(down, MetricsUnavailable)
        assert f"Prometheus at http://{address} cannot be asked: Connection refused" in str(down)
        pause(INTERVAL_S)

        with scraping(found, tmp_path, 1, address):
            back = eventually(lambda: live.look("toy"), is_settled)

    assert isinstance(back, Observation)
    assert back.loads_rps[-1] == pytest.approx(10.0, rel=0.25)
    assert back.judged <= 10.0 * (INTERVAL_S + 3), "what came while it was down is not in this interval"


@pytest.mark.slow
def test_scrapes_every_five_seconds_are_enough_for_decisions_every_ten(tmp_path: Path) -> None:
    with pods(tmp_path) as found, scraping(found, tmp_path, 5) as url:
        live = Live(found, PromqlSource(Prometheus(url), scrape_s=5.0))
        live.start("toy")
        eventually(lambda: live.look("toy", 10.0), is_settled, within_s=60.0)
        judged = []
        for _ in range(3):
            pause(10.0)
            seen = live.look("toy", 10.0)
            assert isinstance(seen, Observation)
            assert seen.loads_rps == pytest.approx((10.0,) * 10, rel=0.1)
            judged.append(seen.judged)

    assert sum(judged) == pytest.approx(300, abs=20), "every request is in one interval and no other"
