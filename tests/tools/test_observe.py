"""What two scrapes show of the interval between them, by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.observation import LabelledObservation
from simulator.scrape import Histogram, Scrape
from tests.core.toys import pipeline, stage
from tools.observe import arrived, observed

SPEC = pipeline(stage("first"), slo_s=1.0)
BOUNDS = (0.5, 1.0, 2.0)
KEY = ("first", "small")


def latencies(quick: int, in_time: int, late: int, hopeless: int = 0) -> Histogram:
    """So many up to 0.5 s, up to the SLO of 1 s, up to 2 s, and above."""
    return Histogram.of(BOUNDS, [quick, in_time, late, hopeless], 0.5 * quick + in_time + 2.0 * late)


def services(batches: int, mean_s: float) -> Histogram:
    return Histogram.of((1.0,), [batches, 0], batches * mean_s)


def sizes(ones: int, fours: int) -> Histogram:
    return Histogram.of((1.0, 2.0, 3.0, 4.0), [ones, 0, 0, fours, 0], ones + 4.0 * fours)


START = Scrape(
    time_s=10.0,
    requests_total=100.0,
    completed_total=80.0,
    dropped_total={"expired": 4.0, "queue_full": 6.0},
    items_arrived_total={"first": 100.0},
    items_served_total={"first": 80.0},
    queue_length={"first": 5.0},
    replicas={KEY: 3.0},
    ready_replicas={KEY: 2.0},
    cores=3.0,
    latency_s=latencies(40, 30, 10),
    queue_wait_s={"first": latencies(80, 0, 0)},
    service_s={KEY: services(50, 0.1)},
    batch_size={KEY: sizes(40, 10)},
    labelled_total={("small",): 20.0},
    labelled_correct_total={("small",): 15.0},
)
LATER = replace(
    START,
    time_s=20.0,
    requests_total=160.0,
    completed_total=120.0,
    dropped_total={"expired": 12.0, "queue_full": 8.0},
    items_arrived_total={"first": 170.0},
    queue_length={"first": 0.0},
    ready_replicas={KEY: 3.0},
    latency_s=latencies(60, 40, 20),
    service_s={KEY: Histogram.of((1.0,), [60, 0], 50 * 0.1 + 10 * 0.3)},
    batch_size={KEY: sizes(40, 20)},
    labelled_total={("small",): 25.0, ("large",): 5.0},
    labelled_correct_total={("small",): 18.0, ("large",): 5.0},
)
"""Ten seconds on: 60 requests, 40 completed (30 in time), 10 dropped, ten batches of four at 0.3 s."""


def test_rates_are_increases_over_the_interval() -> None:
    found = observed(SPEC, START, LATER, [6.0] * 10)

    assert (found.time_s, found.interval_s, found.loads_rps) == (20.0, 10.0, (6.0,) * 10)
    assert found.dropped_rps == 1.0
    assert found.stages[0].arrivals_rps == 7.0
    assert found.stages[0].queue == 0.0
    assert found.stages[0].ready == 3


def test_the_latency_is_that_of_the_interval_alone() -> None:
    """Of its 40 the 99th percentile is number 39.6: 0.96 of the way through the last ten, from 1 to 2 s."""
    assert observed(SPEC, START, LATER, []).latency_s == pytest.approx(1.96)


def test_the_quantiles_on_record_are_those_of_the_interval_alone() -> None:
    """Of its 40 half are within 0.5 s; number 38 is 0.8 of the way through the last ten, from 1 to 2 s."""
    found = observed(SPEC, START, LATER, []).latencies

    assert [q.quantile for q in found] == [0.5, 0.95, 0.99]
    assert [q.latency_s for q in found] == pytest.approx([0.5, 1.8, 1.96])


def test_an_interval_in_which_nothing_was_answered_has_no_quantiles() -> None:
    assert observed(SPEC, START, START, []).latencies == ()


def test_in_time_are_those_within_the_slo_of_all_that_finished_or_were_dropped() -> None:
    assert observed(SPEC, START, LATER, []).in_time == pytest.approx(30 / (40 + 10))


def test_accuracy_is_the_share_of_the_new_labelled_samples_of_all_combinations() -> None:
    found = observed(SPEC, START, LATER, [])

    assert (found.accuracy, found.labelled) == (8 / 10, 10)


def test_labelled_samples_are_told_by_the_combination_that_served_them() -> None:
    found = observed(SPEC, START, LATER, []).labelled_by

    assert found == (
        LabelledObservation(variants=("large",), labelled=5, correct=5),
        LabelledObservation(variants=("small",), labelled=5, correct=3),
    )


def test_no_new_samples_and_no_counter_of_samples_are_not_the_same() -> None:
    none = replace(LATER, labelled_total={}, labelled_correct_total={})

    assert observed(SPEC, START, replace(START, time_s=20.0), []).labelled_by == ()
    assert observed(SPEC, START, none, []).labelled_by is None


def test_services_are_those_of_the_interval() -> None:
    (found,) = observed(SPEC, START, LATER, []).stages[0].services

    assert (found.variant, found.batch, found.batches) == ("small", 4, 10)
    assert found.mean_s == pytest.approx(0.3)
    assert found.sizes == ((4, 10),)


def test_a_variant_that_began_to_serve_in_the_interval_counts_from_zero() -> None:
    before = replace(START, service_s={}, batch_size={})

    found = observed(SPEC, before, LATER, []).stages[0].services

    assert [(s.variant, s.batches) for s in found] == [("small", 60)]


def test_a_variant_that_did_not_serve_in_the_interval_is_not_there() -> None:
    after = replace(LATER, service_s=START.service_s, batch_size=START.batch_size)

    assert observed(SPEC, START, after, []).stages[0].services == ()


def test_each_stage_shows_its_own_figures() -> None:
    spec = pipeline(stage("first"), stage("second"))
    both = {"first": 170.0, "second": 40.0}
    before = replace(START, items_arrived_total={"first": 100.0, "second": 20.0})
    ready = {KEY: 3.0, ("second", "small"): 1.0, ("second", "large"): 4.0}
    after = replace(
        LATER, items_arrived_total=both, queue_length={"first": 0.0, "second": 7.0}, ready_replicas=ready
    )

    first, second = observed(spec, before, after, []).stages

    assert (first.arrivals_rps, first.queue, first.ready, len(first.services)) == (7.0, 0.0, 3, 1)
    assert (second.arrivals_rps, second.queue, second.ready, len(second.services)) == (2.0, 7.0, 5, 0)


def test_an_interval_without_requests_shows_no_latency_rather_than_a_short_one() -> None:
    found = observed(SPEC, START, replace(START, time_s=20.0), [0.0] * 10)

    assert found.latency_s is None
    assert found.in_time is None
    assert found.accuracy is None
    assert found.labelled == 0
    assert (found.dropped_rps, found.stages[0].arrivals_rps) == (0.0, 0.0)


def test_an_interval_in_which_everything_was_dropped_had_nothing_in_time() -> None:
    after = replace(START, time_s=20.0, dropped_total={"expired": 14.0, "queue_full": 6.0})

    found = observed(SPEC, START, after, [])

    assert (found.in_time, found.latency_s, found.dropped_rps) == (0.0, None, 1.0)


def test_no_interval_has_no_rates() -> None:
    found = observed(SPEC, START, START, [])

    assert (found.dropped_rps, found.stages[0].arrivals_rps) == (None, None)


def test_a_series_that_is_missing_is_unknown_and_not_zero() -> None:
    after = replace(LATER, items_arrived_total={}, queue_length={})
    before = replace(START, items_arrived_total={})

    assert observed(SPEC, START, after, []).stages[0].arrivals_rps is None
    assert observed(SPEC, before, LATER, []).stages[0].arrivals_rps is None
    assert observed(SPEC, START, after, []).stages[0].queue is None


def test_a_counter_that_fell_counts_what_came_since_the_restart() -> None:
    """After a restart: 30 items, 20 completed in time, 2 dropped, 5 labelled of which 4 right."""
    restarted = replace(
        LATER,
        requests_total=30.0,
        completed_total=20.0,
        dropped_total={"expired": 2.0, "queue_full": 6.0},
        items_arrived_total={"first": 30.0},
        latency_s=latencies(20, 0, 0),
        service_s={KEY: services(5, 0.2)},
        batch_size={KEY: sizes(0, 5)},
        labelled_total={("small",): 5.0},
        labelled_correct_total={("small",): 4.0},
    )

    found = observed(SPEC, START, restarted, [])

    assert found.stages[0].arrivals_rps == 3.0
    assert found.dropped_rps == pytest.approx(0.2)
    assert found.in_time == pytest.approx(20 / 22)
    assert found.latency_s == pytest.approx(0.5 * 0.99)
    assert found.accuracy == pytest.approx(0.8)
    assert found.stages[0].services[0].batches == 5


def test_the_requests_between_two_scrapes_are_their_difference() -> None:
    assert arrived(START, LATER) == 60.0


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(None, LATER, id="the first is missing"),
        pytest.param(START, None, id="the second is missing"),
        pytest.param(LATER, START, id="a restart between them"),
    ],
)
def test_a_load_that_cannot_be_known_is_none(before: Scrape | None, after: Scrape | None) -> None:
    assert arrived(before, after) is None
