"""Nothing is lost and nothing is made up: whatever goes wrong, every request is accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings

from core.errors import MetricsUnavailable
from simulator.arrivals import arrival_times
from simulator.faults import CapacityLoss, Fault, MetricOutage, ReplicaCrash
from simulator.report import Report
from simulator.scrape import Histogram, Scrape
from simulator.twin import Twin
from tests.simulator.episodes import FAULTS, Plan, plans

every_fault = settings(max_examples=100, deadline=None, derandomize=True)


def looked_at(plan: Plan) -> Iterator[Twin]:
    """Run the plan and hand over the twin at each of its looks, then drained."""
    twin, waiting = plan.start(), list(plan.changes)
    for look_s in plan.looks_s:
        while waiting and waiting[0].at_s <= look_s:
            change = waiting.pop(0)
            twin.step(change.at_s)
            twin.apply(change.configuration, change.waits_s)
            yield twin
        twin.step(look_s)
        yield twin
    for change in waiting:
        twin.step(max(change.at_s, twin.now_s))
        twin.apply(change.configuration, change.waits_s)
        yield twin
    twin.drain(limit_s=900.0)
    yield twin


def finished(plan: Plan) -> Twin:
    *_, twin = looked_at(plan)
    return twin


def is_stuck(twin: Twin) -> bool:
    """Whether some are inside for ever: none leaves in longer than the slowest needs for all its items."""
    before = twin.report()
    if not before.in_flight:
        return False
    twin.step(twin.now_s + 20_000.0)
    after = twin.report()
    return after.completed + after.dropped == before.completed + before.dropped


def scraped(twin: Twin) -> Scrape | None:
    try:
        return twin.scrape()
    except MetricsUnavailable:
        return None


def arrivals_of(plan: Plan) -> list[float]:
    stream = np.random.SeedSequence(plan.seed).spawn(2)[0]
    times = arrival_times(plan.trace_rps, generator=np.random.default_rng(stream), mode="poisson")
    return [float(t) for t in times]


def counters(scrape: Scrape) -> dict[object, float]:
    """Every counter by its name and labels; a series that is not there has not begun."""
    found: dict[object, float] = {"requests": scrape.requests_total, "completed": scrape.completed_total}
    for name in (
        "dropped_total",
        "items_arrived_total",
        "items_served_total",
        "labelled_total",
        "labelled_correct_total",
    ):
        found |= {(name, label): value for label, value in getattr(scrape, name).items()}
    for name in ("queue_wait_s", "service_s", "batch_size"):
        for label, histogram in getattr(scrape, name).items():
            found |= of_histogram((name, label), histogram)
    return found | of_histogram("latency", scrape.latency_s)


def of_histogram(name: object, histogram: Histogram) -> dict[object, float]:
    return {(name, k): n for k, n in enumerate(histogram.cumulative)} | {(name, "sum"): histogram.total}


def test_the_episodes_know_every_fault() -> None:
    union, _ = get_args(Fault)

    assert set(FAULTS) == set(get_args(union))


@every_fault
@given(plan=plans())
def test_every_request_is_completed_dropped_or_still_inside(plan: Plan) -> None:
    arrivals_s = arrivals_of(plan)

    for twin in looked_at(plan):
        report = twin.report()
        inside = report.requests - report.completed - report.dropped
        assert report.requests == sum(t <= twin.now_s for t in arrivals_s)
        assert report.in_flight == inside >= 0
        assert report.dropped == sum(report.dropped_by_reason.values())
        assert min(report.dropped_by_reason.values()) >= 0

    assert report.requests == len(arrivals_s)
    if plan.recovers:
        assert not is_stuck(twin)


@every_fault
@given(plan=plans(lossless=True))
def test_without_drops_every_item_is_served_exactly_once(plan: Plan) -> None:
    """With whole fan-outs the number of items is certain, unless a roll-out changes the fan-out midway."""
    twin = finished(plan)

    scrape, report = scraped(twin), twin.report()
    assert report.dropped == 0
    if scrape is None or not plan.recovers:
        return
    if report.in_flight:
        assert not is_stuck(twin)
        return
    assert set(scrape.queue_length.values()) == {0.0}
    assert scrape.items_served_total == scrape.items_arrived_total
    kills = any(isinstance(f, ReplicaCrash | CapacityLoss) for f in plan.faults)
    for name, served in scrape.items_served_total.items():
        taken = scrape.queue_wait_s[name].count  # what a dying replica gives back is taken up again
        assert taken >= served if kills else taken == served
    used = {(s.stage, s.variant) for c in (plan.first, *plan.changes) for s in c.configuration.stages}
    if len(used) == len(plan.pipeline.stages):
        assert scrape.items_served_total == items_expected(plan, report.requests)


def items_expected(plan: Plan, requests: int) -> dict[str, float]:
    """Items by stage: each edge brings source items times both fan-outs, a join takes the largest edge.

    A request has the same number of items as every other, so the largest is the same for all.
    """
    items: dict[str, float] = {}
    for stage in plan.pipeline.stages:
        brought = [
            items[e.stage]
            * e.fan_out
            * plan.pipeline.stage(e.stage).variant(plan.first.configuration[e.stage].variant).fan_out
            for e in stage.after
        ]
        items[stage.name] = max(brought) if brought else float(requests)
    return items


@every_fault
@given(plan=plans())
def test_counters_never_fall_and_gauges_are_never_negative(plan: Plan) -> None:
    before: dict[object, float] = {}

    for twin in looked_at(plan):
        scrape = scraped(twin)
        if scrape is None:
            continue
        after = counters(scrape)
        fallen = {
            name: (value, after.get(name)) for name, value in before.items() if after.get(name, -1.0) < value
        }
        assert not fallen
        assert min(after.values()) >= 0
        gauges = (*scrape.queue_length.values(), *scrape.replicas.values(), *scrape.ready_replicas.values())
        assert min(gauges, default=0.0) >= 0
        assert scrape.cores >= 0
        before = after


@every_fault
@given(plan=plans())
def test_what_is_exposed_equals_the_report(plan: Plan) -> None:
    for twin in looked_at(plan):
        scrape, report = scraped(twin), twin.report()
        if scrape is None:
            assert any(isinstance(f, MetricOutage) and f.covers(twin.now_s) for f in plan.faults)
            continue
        assert (scrape.requests_total, scrape.completed_total) == (report.requests, report.completed)
        assert scrape.dropped_total == report.dropped_by_reason
        assert scrape.latency_s.count == report.completed
        served: Counter[str] = Counter()
        for (stage, _), sizes in scrape.batch_size.items():
            served[stage] += int(sizes.total)
        assert {k: v for k, v in scrape.items_served_total.items() if v} == {
            k: v for k, v in served.items() if v
        }
        assert {k: h.count for k, h in scrape.batch_size.items()} == {
            k: h.count for k, h in scrape.service_s.items()
        }
        assert sum(scrape.labelled_total.values()) <= report.completed
        if plan.options.labelled_share == 1.0:
            assert sum(scrape.labelled_total.values()) == report.completed
        assert all(scrape.labelled_correct_total[names] <= n for names, n in scrape.labelled_total.items())


@every_fault
@given(plan=plans())
def test_cores_are_those_of_the_replicas_and_never_more_than_asked_for(plan: Plan) -> None:
    """At worst the replicas of every configuration so far exist together: old ones drain, new ones load."""
    for twin in looked_at(plan):
        applied = [c for c in plan.changes if c.at_s <= twin.now_s]
        granted = sum(c.configuration.cores(plan.pipeline) for c in (plan.first, *applied))
        scrape = scraped(twin)
        if scrape is None:
            continue
        of_replicas = sum(
            n * plan.pipeline.stage(s).variant(v).cores for (s, v), n in scrape.replicas.items()
        )
        assert scrape.cores == pytest.approx(of_replicas)
        assert scrape.cores <= granted + 1e-9
        assert twin.report().core_seconds <= granted * twin.now_s + 1e-9
        for key, ready in scrape.ready_replicas.items():
            assert ready <= scrape.replicas[key]
        for fault in plan.faults:
            if isinstance(fault, CapacityLoss) and fault.covers(twin.now_s):
                ready = sum(n for (s, _), n in scrape.ready_replicas.items() if s == fault.stage)
                assert ready <= fault.replicas


@every_fault
@given(plan=plans())
def test_the_end_has_exactly_the_replicas_that_were_asked_for_last(plan: Plan) -> None:
    twin = finished(plan)

    twin.step(twin.now_s + 100.0)

    scrape = scraped(twin)
    if scrape is None or not plan.recovers or any(isinstance(f, CapacityLoss) for f in plan.faults):
        return
    wanted = {(s.stage, s.variant): float(s.replicas) for s in plan.last.stages}
    assert scrape.replicas == scrape.ready_replicas == wanted
    assert scrape.cores == pytest.approx(plan.last.cores(plan.pipeline))


@every_fault
@given(plan=plans())
def test_the_same_seed_gives_the_same_result_and_looking_changes_nothing(plan: Plan) -> None:
    def without_looks() -> Report:
        twin = plan.start()
        for change in plan.changes:
            twin.step(change.at_s)
            twin.apply(change.configuration, change.waits_s)
        twin.step(max(twin.now_s, plan.looks_s[-1]))
        twin.drain(limit_s=900.0)
        return twin.report()

    assert finished(plan).report() == finished(plan).report() == without_looks()


@every_fault
@given(plan=plans())
def test_the_series_add_up_to_the_totals(plan: Plan) -> None:
    report = finished(plan).report()

    assert sum(report.series.arrivals) == report.requests
    assert sum(report.series.completed) == report.completed
    assert sum(report.series.dropped) == report.dropped
    assert sum(report.series.late) <= report.completed
    assert [q is None for q in report.series.latency_s] == [n == 0 for n in report.series.completed]
    whole_s = int(report.seconds)
    lengths_s = [1.0] * whole_s + [report.seconds - whole_s] * (report.seconds > whole_s)
    used = sum(c * s for c, s in zip(report.series.cores, lengths_s, strict=True))
    assert used == pytest.approx(report.core_seconds)
    assert report.mean_cores * report.seconds == pytest.approx(report.core_seconds)


@every_fault
@given(plan=plans())
def test_what_an_episode_borrowed_it_gives_back(plan: Plan) -> None:
    """The pools of queue entries and batches hold all they held when nothing is inside: no slow leak."""
    twin = finished(plan)

    if twin.report().in_flight or not plan.recovers:
        return
    twin.step(twin.now_s + 100.0)  # what was dropped is discarded as replicas come to it
    state = twin._engine.state
    if state.stages["queued"].sum() == 0:
        assert state.clock["free_entries"][0] == state.entries.size
        assert state.clock["free_batches"][0] == state.batches.size
        assert state.clock["events"][0] == 0
