"""What a sweep of a real Prometheus gives, by hand; and what is unknown where something is not told."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from tests.tools.promql.history import History, Times, growing, steady
from tests.tools.promql.pasts import INTERVAL_S, LOOP_S, Pasts, World, both, counters, signals

past = Pasts()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with past.world(tmp_path_factory.mktemp("prometheus")) as found:
        yield found


@past
def busy(history: History, name: str) -> None:
    """6 come in a second, 5 are answered; two replicas of the first stage serve pairs in 0.3 s."""
    history.router(pipeline=name)
    for k in range(2):
        history.replica("first", "small", size=2, service_s=0.3, pipeline=name, instance=f"{name}-{k}")
    history.replica("second", "large", queue=7.0, pipeline=name, instance=f"{name}-s")


def test_an_interval_reads_as_two_scrapes_would(world: World) -> None:
    seen = world.seen(busy)

    assert seen.interval_s == INTERVAL_S
    assert seen.time_s == pytest.approx(LOOP_S, abs=5)
    assert seen.loads_rps == pytest.approx((6.0,) * 10)
    assert (seen.judged, seen.dropped_rps) == (60, 1.0)
    assert seen.in_time == pytest.approx(50 / 60)
    assert seen.latency_s == pytest.approx(0.5 + 0.99 * 0.5), "all between 0.5 and 1 s"
    assert [q.quantile for q in seen.latencies] == [0.5, 0.95, 0.99]
    assert [q.latency_s for q in seen.latencies] == pytest.approx([0.75, 0.975, 0.995])
    assert seen.accuracy is None
    assert seen.labelled_by is None


def test_a_stage_reads_as_its_replicas_together(world: World) -> None:
    one, other = world.seen(busy).stages

    assert one.arrivals_rps == pytest.approx(12.0)
    assert (one.queue, one.ready) == (4.0, 2)
    [served] = one.services
    assert (served.variant, served.batch, served.batches, served.sizes) == ("small", 2, 60, ((2, 60),))
    assert served.mean_s == pytest.approx(0.3)
    assert (other.queue, other.ready, other.services[0].variant) == (7.0, 1, "large")


@past
def idle(history: History, name: str) -> None:
    """Everything is counted and nothing comes."""
    history.router(rate=0.0, done=0.0, pipeline=name)
    both(history, name, rate=0.0, queue=0.0)


def test_idle_is_counters_that_are_there_and_do_not_move(world: World) -> None:
    seen = world.seen(idle)

    assert seen.loads_rps == (0.0,) * 10
    assert (seen.judged, seen.in_time, seen.dropped_rps) == (0, None, 0.0)
    assert seen.latencies == ()
    assert [s.arrivals_rps for s in seen.stages] == [0.0, 0.0]
    states = signals(seen)
    assert {states[name] for name in ("load", "latency", "arrivals[first]", "queue[first]")} == {"idle"}


@past
def first_labels(history: History, name: str) -> None:
    """A combination's first labels came in this interval: its series are new, the router is not."""
    history.router(pipeline=name)
    both(history, name)
    new = counters(history, name, times=Times(since=0))
    add = counters(history, name)
    for label, level in (("labelled", 4.0), ("labelled_correct", 3.0)):
        new(f"trimtab_{label}_total", steady(level), variants="small small")
        add(f"trimtab_{label}_total", growing(0.1), variants="large small")
        add(f"trimtab_{label}_total", growing(1.0), variants="of another pipeline's")
        alone = label.replace("labelled", "examined")
        new(f"trimtab_{alone}_total", steady(level), stage="first", variant="small")


def test_labels_are_counted_from_the_first(world: World) -> None:
    seen = world.seen(first_labels)

    assert seen.labelled_by is not None
    assert {by.variants: (by.labelled, by.correct) for by in seen.labelled_by} == {
        ("small", "small"): (4, 3),
        ("large", "small"): (1, 1),
    }
    assert [(e.variant, e.labelled, e.correct) for e in seen.stages[0].examined] == [("small", 4, 3)]


@past
def only_the_last_bucket(history: History, name: str) -> None:
    """Somebody keeps of the latency no more than how many there were."""
    add = counters(history, name)
    add("trimtab_requests_total", growing(6.0))
    add("trimtab_completed_total", growing(6.0))
    add("trimtab_dropped_total", growing(0.0), reason="expired")
    add("trimtab_latency_seconds_bucket", growing(6.0), le="+Inf")
    both(history, name)


def test_a_histogram_of_one_bucket_says_nothing_of_the_latency(world: World) -> None:
    seen = world.seen(only_the_last_bucket)

    assert (seen.latency_s, seen.latencies, seen.in_time) == (None, (), None)


@past
def half_is_missing(history: History, name: str) -> None:
    """Somebody dropped the series with le="+Inf", the labels' truths and the seconds of services."""
    add = counters(history, name)
    add("trimtab_requests_total", growing(6.0))
    add("trimtab_completed_total", growing(5.0))
    add("trimtab_dropped_total", growing(1.0), reason="expired")
    add("trimtab_latency_seconds_bucket", growing(5.0), le="1.0")
    add("trimtab_labelled_total", growing(2.0), variants="small small")
    add = counters(history, name, f"{name}-first")
    of_replica = {"stage": "first", "variant": "small"}
    for metric in ("items_arrived_total", "items_served_total", "service_seconds_count"):
        add(f"trimtab_{metric}", growing(6.0), **of_replica)
    for le in ("1", "+Inf"):
        add("trimtab_batch_size_bucket", growing(6.0), le=le, **of_replica)


def test_half_of_what_belongs_together_is_unknown_and_not_zero(world: World) -> None:
    seen = world.seen(half_is_missing)

    assert (seen.latency_s, seen.in_time, seen.judged) == (None, None, 0), "zero in time would be a breach"
    assert seen.latencies == ()
    assert seen.dropped_rps == 1.0
    assert (seen.accuracy, seen.labelled) == (None, 0), "none right would be a drift"
    assert seen.stages[0].services == (), "no seconds for sixty batches would be very fast"


@past
def no_drops_are_counted(history: History, name: str) -> None:
    add = counters(history, name)
    add("trimtab_requests_total", growing(6.0))
    add("trimtab_completed_total", growing(5.0))
    for le in ("0.5", "1.0", "+Inf"):
        add("trimtab_latency_seconds_bucket", growing(5.0), le=le)


def test_where_nobody_counts_drops_it_is_not_known_who_was_in_time(world: World) -> None:
    seen = world.seen(no_drops_are_counted)

    assert (seen.dropped_rps, seen.in_time, seen.judged) == (None, None, 0)
    assert seen.latency_s is not None


@past
def buckets_fall(history: History, name: str) -> None:
    """A histogram whose buckets contradict each other, as when a restart went unseen."""
    history.router(pipeline=name)
    counters(history, name)("trimtab_latency_seconds_bucket", growing(50.0), le="1.5")


def test_a_histogram_that_contradicts_itself_is_unknown(world: World) -> None:
    seen = world.seen(buckets_fall)

    assert (seen.latency_s, seen.in_time) == (None, None)


@past
def bounds_are_no_numbers(history: History, name: str) -> None:
    history.router(pipeline=name)
    both(history, name)
    for instance, metric, labels in (
        ("router", "trimtab_latency_seconds_bucket", {}),
        (f"{name}-first", "trimtab_batch_size_bucket", {"stage": "first", "variant": "small"}),
    ):
        add = counters(history, name, instance)
        add(metric, growing(1.0), le="soon", **labels)
        add(metric, growing(1.0), le="NaN", **labels)


def test_a_bound_that_is_no_number_makes_its_histogram_unknown(world: World) -> None:
    seen = world.seen(bounds_are_no_numbers)

    assert (seen.latency_s, seen.in_time) == (None, None)
    assert [len(s.services) for s in seen.stages] == [0, 1]


@past
def names_are_none(history: History, name: str) -> None:
    """Somebody's exporter writes whatever it likes."""
    history.router(pipeline=name)
    history.replica("first", "no name", pipeline=name, instance=f"{name}-first")


def test_labels_that_are_no_names_are_refused_for_their_pipeline_alone(world: World) -> None:
    assert "what is counted of p/names_are_none makes no sense: variant: must be" in world.refused(
        names_are_none
    )


@past
def ready_without_a_stage(history: History, name: str) -> None:
    """Two metrics of one process that have the same labels."""
    history.router(pipeline=name)
    counters(history, name)("trimtab_ready", steady(1.0))


def test_an_exporter_that_leaves_a_label_out_does_not_fail_the_query_for_all(world: World) -> None:
    assert [s.ready for s in world.seen(ready_without_a_stage).stages] == [None, None]


@past
def counts_no_number(history: History, name: str) -> None:
    history.router(pipeline=name)
    add = counters(history, name, f"{name}-other")
    add("trimtab_requests_total", growing(1.0))
    add("trimtab_completed_total", steady(math.nan))


@past
def levels_no_number(history: History, name: str) -> None:
    history.router(pipeline=name)
    both(history, name, queue=math.nan, ready=math.inf)


def test_a_count_that_is_no_number_is_refused(world: World) -> None:
    assert "query 'completed' gives nan, which is no count" in world.refused(counts_no_number)


def test_a_level_that_is_no_number_is_unknown(world: World) -> None:
    one = world.seen(levels_no_number).stages[0]

    assert (one.queue, one.ready) == (None, None)


@past
def only_completions(history: History, name: str) -> None:
    counters(history, name)("trimtab_completed_total", growing(5.0))
    both(history, name)


@past
def nothing_at_all(history: History, name: str) -> None:
    """Nobody has heard of it."""


def test_completions_are_never_taken_for_arrivals(world: World) -> None:
    said = world.refused(only_completions)

    assert "p/only_completions counts completions (trimtab_completed_total) but no arrivals" in said
    assert "spec.operation.metrics.load" in said


def test_a_pipeline_that_nobody_scrapes_is_missing(world: World) -> None:
    said = world.refused(nothing_at_all)

    assert "Prometheus has no trimtab_requests_total of p/nothing_at_all" in said
    assert set(signals(None).values()) == {"missing"}


def test_nothing_is_odd_of_what_was_read(world: World) -> None:
    assert world.source.notes == {}
