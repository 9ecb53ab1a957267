"""From raw samples to an observation: restarts, new and gone series, gaps, and what is stale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from core.errors import MetricsUnavailable
from pipelines.serving import names
from tests.core.toys import LARGE, SMALL, pipeline, stage
from tools.prometheus import Series
from tools.scraped import PrometheusMetrics

CHAIN = pipeline(stage("first", SMALL, LARGE), stage("second", SMALL, LARGE))
BEGAN = 1_000_000.0
FIRST, SECOND = CHAIN.stages[0].name, CHAIN.stages[1].name


@dataclass
class Recorded:
    """Stands where a Prometheus does: gives the samples of a window."""

    series: list[Series] = field(default_factory=list)

    def add(
        self, metric: str, values: Sequence[tuple[float, float]], *, instance: str = "a", **labels: str
    ) -> None:
        tags: Mapping[str, str] = {"__name__": metric, "instance": instance, "pipeline": CHAIN.name, **labels}
        self.series.append(Series(metric, tags, tuple((BEGAN + t, v) for t, v in values)))

    def samples(self, selector: str, *, range_s: float, at: float) -> list[Series]:
        assert CHAIN.name in selector
        cut = [
            Series(s.metric, s.labels, tuple(p for p in s.samples if at - range_s < p[0] <= at))
            for s in self.series
        ]
        return [s for s in cut if s.samples]


def metrics(recorded: Recorded, now: list[float]) -> PrometheusMetrics:
    return PrometheusMetrics(CHAIN, recorded, 10.0, BEGAN, lambda: BEGAN + now[0])  # type: ignore[arg-type]


def every_second(start: int, end: int, rate: float, level: float = 0.0) -> list[tuple[float, float]]:
    return [(float(t), level + rate * (t - start)) for t in range(start, end + 1)]


def test_an_interval_has_the_requests_that_came_in_it() -> None:
    recorded, now = Recorded(), [20.0]
    recorded.add(names.REQUESTS, every_second(0, 40, 3.0))
    found = metrics(recorded, now)

    first = found.observe()
    now[0] = 30.0
    second = found.observe()

    assert first.interval_s == second.interval_s == 10
    assert second.time_s == 30
    assert second.loads_rps == pytest.approx((3.0,) * 10)


def test_a_restart_loses_nothing_that_was_counted_before_or_after() -> None:
    recorded, now = Recorded(), [10.0]
    falls = [(t, v if t <= 14 else v - 45.0) for t, v in every_second(0, 20, 3.0)]
    recorded.add(names.REQUESTS, falls)
    recorded.add(names.DROPPED, [(t, max(v, 0.0)) for t, v in falls], reason="expired")
    found = metrics(recorded, now)
    found.observe()
    now[0] = 20.0

    seen = found.observe()

    # 10 to 14: 12 dropped; the restart at 15 shows 0, and 15 more until 20.
    assert seen.dropped_rps == pytest.approx((12 + 15) / 10)


def test_a_replica_that_came_in_between_began_at_zero_and_one_that_went_keeps_its_counts() -> None:
    recorded, now = Recorded(), [10.0]
    recorded.add(names.REQUESTS, every_second(0, 20, 1.0))
    recorded.add(names.ITEMS_ARRIVED, every_second(0, 13, 2.0, 500), instance="old", stage=FIRST, variant="x")
    recorded.add(names.ITEMS_ARRIVED, every_second(12, 20, 2.0, 4), instance="new", stage=FIRST, variant="x")
    found = metrics(recorded, now)
    found.observe()
    now[0] = 20.0

    seen = found.observe()

    assert seen.stages[0].arrivals_rps == pytest.approx((3 * 2 + 4 + 8 * 2) / 10)
    assert seen.stages[1].arrivals_rps is None, "nobody counts there: unknown, not zero"


def test_seconds_without_a_sample_have_an_unknown_load() -> None:
    recorded, now = Recorded(), [10.0]
    recorded.add(names.REQUESTS, [p for p in every_second(0, 20, 1.0) if not 12 <= p[0] <= 16])
    found = metrics(recorded, now)
    found.observe()
    now[0] = 20.0

    loads = found.observe().loads_rps

    assert loads[:1] == pytest.approx((1.0,))
    assert loads[1:6] == (None,) * 5
    assert loads[7:] == pytest.approx((1.0,) * 3)


def test_an_interval_that_could_not_be_read_is_in_the_next_one() -> None:
    recorded, now = Recorded(), [10.0]
    recorded.add(names.REQUESTS, [p for p in every_second(0, 30, 2.0) if not 11 <= p[0] <= 21])
    recorded.add(names.COMPLETED, every_second(0, 30, 2.0))
    found = metrics(recorded, now)
    found.observe()
    now[0] = 20.0
    with pytest.raises(MetricsUnavailable, match="no request count"):
        found.observe()
    now[0] = 30.0

    seen = found.observe()

    assert seen.interval_s == 20
    assert seen.judged == 40


def test_latencies_are_the_quantiles_of_the_interval_over_all_processes() -> None:
    """Two routers answer 1 and 3 a second within 0.5 s, and as many more between 0.5 and 1 s."""
    recorded, now = Recorded(), [10.0]
    for instance, rate in (("a", 1.0), ("b", 3.0)):
        recorded.add(names.REQUESTS, every_second(0, 20, 2 * rate), instance=instance)
        for le, share in (("0.5", 1.0), ("1.0", 2.0), ("+Inf", 2.0)):
            samples = every_second(0, 20, share * rate)
            recorded.add(f"{names.LATENCY}_bucket", samples, instance=instance, le=le)
    found = metrics(recorded, now)
    found.observe()
    now[0] = 20.0

    seen = found.observe().latencies

    assert [q.quantile for q in seen] == [0.5, 0.95, 0.99]
    assert [q.latency_s for q in seen] == pytest.approx([0.5, 0.95, 0.99])


def test_only_replicas_with_a_fresh_sample_count_as_ready() -> None:
    recorded, now = Recorded(), [10.0]
    recorded.add(names.REQUESTS, every_second(0, 10, 1.0))
    recorded.add(names.READY, every_second(0, 3, 0.0, 1), instance="gone", stage=FIRST, variant="x")
    recorded.add(names.READY, every_second(0, 10, 0.0, 1), instance="here", stage=FIRST, variant="x")
    recorded.add(names.READY, every_second(0, 10, 0.0, 0), instance="loading", stage=FIRST, variant="x")

    seen = metrics(recorded, now).observe()

    assert seen.stages[0].ready == 1
    assert seen.stages[1].ready == 0


def test_labels_that_are_not_of_our_stages_are_passed_over() -> None:
    recorded, now = Recorded(), [10.0]
    recorded.add(names.REQUESTS, every_second(0, 10, 1.0))
    recorded.add(names.LABELLED, every_second(1, 10, 1.0), variants="x y")
    recorded.add(names.LABELLED_CORRECT, every_second(1, 10, 0.5), variants="x y")
    recorded.add(names.LABELLED, every_second(1, 10, 1.0), variants="one two three")
    found = metrics(recorded, now)
    found.observe()
    recorded.add(names.REQUESTS, every_second(0, 20, 1.0), instance="b")
    now[0] = 15.0
    recorded.series[0] = Series(
        names.REQUESTS, recorded.series[0].labels, tuple((BEGAN + t, float(t)) for t in range(16))
    )
    recorded.series[1] = Series(
        names.LABELLED, recorded.series[1].labels, tuple((BEGAN + t, float(t)) for t in range(16))
    )

    seen = found.observe()

    assert seen.labelled == 6
    assert seen.labelled_by is not None
    assert [by.variants for by in seen.labelled_by] == [("x", "y")]
