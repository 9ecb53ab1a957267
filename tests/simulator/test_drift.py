"""What changes without a replica dying: latency and accuracy drift, and metrics that are missing."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import MetricsUnavailable
from simulator.faults import (
    AccuracyDrift,
    LatencyDrift,
    MetricOutage,
)
from simulator.scrape import Scrape
from simulator.twin import Twin
from tests.simulator.busy import BACKLOG, FAST, busy, served
from tests.simulator.toys import EXACT, one_stage, profile, running, stage, twin_of_one, variant
from tests.simulator.toys import pipeline as pipeline_of


def mean_service_s(twin: Twin, from_s: float, to_s: float) -> float | None:
    twin.step(from_s)
    before = twin.scrape().service_s["only", "fast"]
    twin.step(to_s)
    return twin.scrape().service_s["only", "fast"].since(before).mean


def test_latency_drift_grows_along_its_ramp_then_stays_then_ends() -> None:
    fault = LatencyDrift(stage="only", variant="fast", start_s=10.0, end_s=30.0, ramp_s=10.0, factor=3.0)
    twin = busy(fault)

    for second in range(5, 35):
        drift = min(2.0, max(0, second - 10) / 5) if second < 30 else 0.0
        found = mean_service_s(twin, second + 0.5, second + 1)  # begun in the same second
        assert found == pytest.approx(0.125 * (1 + drift)), f"in second {second}"


def test_drifts_of_one_variant_multiply_and_leave_the_other_alone() -> None:
    place = {"stage": "only", "variant": "fast"}
    faults = [
        LatencyDrift(**place, start_s=5.0, factor=2.0),
        LatencyDrift(**place, start_s=10.0, end_s=15.0, factor=1.5),
    ]
    other = variant("other", profile=profile(b1=0.125))
    twin = Twin(
        one_stage(FAST, other),
        running(("only", "fast", 1, 1)),
        BACKLOG,
        seed=1,
        batch_wait_s={"only": 0.0},
        options=EXACT,
        faults=faults,
    )

    assert mean_service_s(twin, 7.0, 10.0) == pytest.approx(0.25)
    assert mean_service_s(twin, 12.0, 15.0) == pytest.approx(0.375)
    assert mean_service_s(twin, 17.0, 20.0) == pytest.approx(0.25)
    twin.apply(running(("only", "other", 1, 1)), {"only": 0.0})
    assert served(twin, 21.0, 31.0) == 80


def scrape_or_none(twin: Twin) -> Scrape | None:
    try:
        return twin.scrape()
    except MetricsUnavailable:
        return None


def test_an_outage_leaves_a_gap_in_the_scrapes_while_serving_goes_on() -> None:
    twin = busy(MetricOutage(start_s=5.0, end_s=8.0))
    totals = []

    for second in range(3, 10):
        twin.step(second)
        found = scrape_or_none(twin)
        totals.append(None if found is None else found.items_served_total["only"])

    first = totals[0]
    assert first is not None
    assert totals == [first, first + 8, None, None, None, first + 40, first + 48]


def test_an_outage_without_end_lasts_to_the_end() -> None:
    twin = busy(MetricOutage(start_s=5.0))

    twin.step(1000.0)

    with pytest.raises(MetricsUnavailable, match="cannot be scraped at 1000 s"):
        twin.scrape()
    assert twin.report().completed == 1000


NINETY_EACH = [10.0] * 9 + [0.0] + [10.0] * 9 + [0.0]
"""Ninety requests before second 10 and ninety after, with a second between them."""


def accuracy_drift(factor: float, at: str = "only") -> AccuracyDrift:
    return AccuracyDrift(stage=at, variant="right", start_s=10.0, factor=factor)


def of_accuracy(accuracy: float) -> dict[str, Any]:
    return variant("right", accuracy=accuracy, profile=profile(b1=0.01))


def test_accuracy_drift_shows_in_the_effective_accuracy() -> None:
    fault = accuracy_drift(0.5)
    twin = twin_of_one(of_accuracy(0.8), NINETY_EACH, replicas=3, options=EXACT, faults=[fault])

    twin.drain()

    assert twin.report().effective_accuracy == pytest.approx((0.8 + 0.4) / 2)
    assert twin.report().accuracy == pytest.approx(0.6)
    assert twin.report().slo_attainment == 1.0


def test_accuracy_drift_shows_in_the_labelled_samples() -> None:
    options = EXACT.model_copy(update={"labelled_share": 1.0})
    fault = accuracy_drift(0.0)
    twin = twin_of_one(of_accuracy(1.0), NINETY_EACH, replicas=3, options=options, faults=[fault])

    twin.drain()

    assert twin.scrape().labelled_total == {("right",): 180.0}
    assert twin.scrape().labelled_correct_total == {("right",): 90.0}


@pytest.mark.parametrize(
    ("fields", "before", "after"),
    [
        pytest.param({"accuracy": "product"}, 0.8 * 0.9, 0.4 * 0.9, id="product"),
        pytest.param({"accuracy": "sum"}, 0.8 + 0.9, 0.4 + 0.9, id="sum"),
        pytest.param(
            {
                "accuracy": "measured",
                "accuracyTable": [{"variants": ["right", "right"], "accuracy": 0.75}],
            },
            0.75,
            0.75 * 0.5,
            id="measured",
        ),
    ],
)
def test_accuracy_drift_at_one_stage_in_every_mode(
    fields: dict[str, Any], before: float, after: float
) -> None:
    spec = pipeline_of(stage("a", of_accuracy(0.8)), stage("b", of_accuracy(0.9), after=["a"]), **fields)
    twin = Twin(
        spec,
        running(("a", "right", 1, 3), ("b", "right", 1, 3)),
        NINETY_EACH,
        seed=1,
        batch_wait_s={"a": 0.0, "b": 0.0},
        options=EXACT,
        faults=[accuracy_drift(0.5, at="a")],
    )

    twin.drain()

    assert twin.report().effective_accuracy == pytest.approx((before + after) / 2)
