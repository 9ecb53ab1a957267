"""What was lost on the way to Prometheus, or in it: unknown, stale, never idle, never counted twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.tools.promql.history import History, Times
from tests.tools.promql.pasts import Past, Pasts, World, both, counters, restarting, signals

past = Pasts()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with past.world(tmp_path_factory.mktemp("prometheus")) as found:
        yield found


@past
def healthy(history: History, name: str) -> None:
    history.router(pipeline=name)
    both(history, name)


@past
def silent_for_half_an_hour(history: History, name: str) -> None:
    history.router(pipeline=name, times=Times(-1900, -1800))
    both(history, name, times=Times(-1900, -1800))


@past
def silent_for_a_minute(history: History, name: str) -> None:
    """Prometheus goes on showing the last samples for five minutes, and none of them moves."""
    history.router(pipeline=name, times=Times(-120, -60))
    both(history, name, times=Times(-120, -60))


@pytest.mark.parametrize(
    ("tell", "age_s"),
    [
        pytest.param(silent_for_half_an_hour, 1800, id="half an hour"),
        pytest.param(silent_for_a_minute, 60, id="a minute"),
    ],
)
def test_a_server_whose_samples_are_old_says_how_old_and_nothing_else(
    tell: Past, age_s: float, world: World
) -> None:
    said = world.refused(tell)

    assert f"the newest sample of trimtab_requests_total of p/{tell.__name__} is " in said
    assert age_s <= float(said.partition(" is ")[2].split()[0]) < age_s + 20


def test_what_is_old_is_stale_and_never_idle(world: World) -> None:
    world.refused(silent_for_half_an_hour)

    states = signals(None, earlier=world.seen(healthy))

    assert "idle" not in states.values()
    assert {states["load"], states["latency"], states["ready[first]"]} == {"stale"}


@past
def stage_is_silent(history: History, name: str) -> None:
    """The router is scraped, the first stage has not been for a minute."""
    history.router(pipeline=name)
    history.replica("first", "small", pipeline=name, instance=f"{name}-0", times=Times(-120, -60))
    history.replica("second", "small", pipeline=name, instance=f"{name}-1")


def test_a_stage_nobody_reports_of_is_unknown_and_not_empty(world: World) -> None:
    one, other = world.seen(stage_is_silent).stages

    assert (one.arrivals_rps, one.queue, one.ready, one.services) == (None, None, None, ())
    assert other.arrivals_rps == pytest.approx(6.0)
    assert (other.queue, other.ready) == (2.0, 1)


@past
def pod_was_deleted(history: History, name: str) -> None:
    """One of two replicas went 30 s ago, and nothing marked the end of its series (Prometheus was away)."""
    history.router(pipeline=name)
    both(history, name)
    history.replica("first", "small", pipeline=name, instance=f"{name}-gone", times=Times(until=-30))


def test_a_deleted_pod_counts_neither_as_ready_nor_as_waiting_nor_as_serving(world: World) -> None:
    one = world.seen(pod_was_deleted).stages[0]

    assert (one.ready, one.queue) == (1, 2.0)
    assert one.arrivals_rps == pytest.approx(6.0)
    assert one.services[0].batches == 60


@past
def pod_is_new(history: History, name: str) -> None:
    """A second replica came at the end of the interval, with 1200 items counted before."""
    history.router(pipeline=name)
    both(history, name)
    history.replica("first", "small", pipeline=name, instance=f"{name}-new", times=Times(since=0), rate=20.0)


def test_a_pod_that_appears_adds_no_counts_of_before(world: World) -> None:
    one = world.seen(pod_is_new).stages[0]

    assert (one.ready, one.queue) == (2, 4.0)
    assert one.services[0].batches == 60


@past
def router_restarted(history: History, name: str) -> None:
    """Its counters fell to zero 3 s before the end of the interval."""
    add = counters(history, name, f"{name}-restarted")
    for metric, rate in (("requests", 6.0), ("completed", 5.0)):
        add(f"trimtab_{metric}_total", restarting(rate, at=-3))
    add("trimtab_dropped_total", restarting(1.0, at=-3), reason="expired")
    for le in ("0.5", "1.0", "2.0", "+Inf"):
        add("trimtab_latency_seconds_bucket", restarting(5.0, at=-3), le=le)
    both(history, name)


@past
def one_router_of_two_restarted(history: History, name: str) -> None:
    history.router(pipeline=name)
    router_restarted(history, name)


def test_a_restart_is_neither_a_fall_nor_a_surge(world: World) -> None:
    seen = world.seen(router_restarted)

    known = [load for load in seen.loads_rps if load is not None]
    assert len(known) == 10
    assert all(0.0 <= load <= 6.5 for load in known), seen.loads_rps
    assert (seen.judged, seen.in_time, seen.latency_s, seen.dropped_rps) == (0, None, None, None)


def test_the_counts_of_those_that_did_not_restart_are_kept(world: World) -> None:
    seen = world.seen(one_router_of_two_restarted)

    assert seen.judged == 60
    assert seen.in_time == pytest.approx(50 / 60)


@past
def prometheus_was_away(history: History, name: str) -> None:
    """No scrapes from 60 s to 7 s before the end, while requests went on."""
    for times in (Times(-120, -60), Times(-5, 60)):
        history.router(pipeline=name, times=times)


@past
def one_router_was_away(history: History, name: str) -> None:
    """Of two routers one was not scraped for a minute, and is again."""
    history.router(pipeline=name)
    for times in (Times(-120, -60), Times(-5, 60)):
        history.router(pipeline=name, instance=f"{name}-away", times=times)


def test_what_a_router_counted_in_an_outage_is_not_put_into_the_interval_after_it(world: World) -> None:
    assert world.seen(one_router_was_away).judged == 60


@past
def stage_was_away(history: History, name: str) -> None:
    """As above, but the router was scraped all the time."""
    history.router(pipeline=name)
    for times in (Times(-120, -60), Times(-5, 60)):
        both(history, name, times=times)


def test_after_an_outage_a_part_of_the_load_is_not_taken_for_all_of_it(world: World) -> None:
    assert "has no samples for all of 20 s" in world.refused(prometheus_was_away)


def test_what_a_stage_counted_in_an_outage_is_not_put_into_the_interval_after_it(world: World) -> None:
    seen = world.seen(stage_was_away)

    assert seen.stages[0].services == (), "a minute's batches would have been taken for ten seconds'"
    assert seen.stages[0].arrivals_rps is None
    assert seen.stages[0].ready == 1


@past
def scraped_too_seldom(history: History, name: str) -> None:
    """Every 30 s, where 5 s were promised."""
    history.router(pipeline=name, times=Times(every=30))
    both(history, name, times=Times(every=30))


def test_scrapes_further_apart_than_said_are_no_idle_pipeline(world: World) -> None:
    said = world.refused(scraped_too_seldom)

    assert "has no samples for all of 20 s" in said
    assert "--scrape-interval" in said
