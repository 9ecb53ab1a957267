"""What a live run showed, from what its clients saw: numbers worked out by hand."""

from __future__ import annotations

import pytest

from pipelines.load.plan import Sent
from tests.core.toys import LARGE, SMALL, pipeline, stage
from tools.local.layout import ClusterState, ReplicaState
from tools.local.outcome import live_report
from tools.local.watch import Watch

PIPELINE = pipeline(stage("first", SMALL, LARGE), slo_s=1.0)
ZERO = 1000.0


def sent(at: float, latency_s: float, status: int = 200, right: bool | None = True) -> Sent:
    return Sent(
        at=ZERO + at, late_s=0, latency_s=latency_s, status=status, right=right, drift=0, variants="small"
    )


def state(*pids: int, variant: str = "small") -> ClusterState:
    return ClusterState(
        pid=1,
        began_at=0,
        seen_at=0,
        router="",
        router_ready=True,
        prometheus_url="",
        change="",
        restarts=0,
        replicas=tuple(
            ReplicaState(stage="first", variant=variant, address=f"h:{p}", pid=p, phase="ready") for p in pids
        ),
    )


def watch() -> Watch:
    """Two seconds of one small replica (1 core), two of a small and a large one (1 + 2)."""
    found = Watch(PIPELINE, began_s=50.0)
    found.look(state(1), 51.0)
    found.look(state(1), 52.0)
    both = state(1).model_copy(update={"replicas": (*state(1).replicas, *state(2, variant="large").replicas)})
    found.look(both, 53.0)
    found.look(both, 54.0)
    return found


def test_late_lost_and_wrong_answers_are_told_apart() -> None:
    requests = [
        sent(0.1, 0.2),
        sent(0.2, 0.4, right=False),
        sent(1.5, 1.5),
        sent(2.2, 0.5, status=504, right=None),
        sent(3.0, 0.1, status=429, right=None),
    ]

    report = live_report(PIPELINE, requests, watch(), zero=ZERO, switches=1)

    assert (report.requests, report.completed, report.dropped) == (5, 3, 2)
    assert report.dropped_by_reason == {"expired": 1, "queue_full": 1}
    assert report.slo_attainment == pytest.approx(2 / 5)
    assert report.effective_accuracy == pytest.approx(1 / 5), "late is as bad as wrong"
    assert report.accuracy == pytest.approx(2 / 3)
    assert report.latency_s["p50"] == pytest.approx(0.4)


def test_cores_are_those_of_all_processes_second_by_second() -> None:
    report = live_report(PIPELINE, [sent(0.1, 0.2)], watch(), zero=ZERO, switches=1)

    assert report.series.cores == (1, 1, 3, 3)
    assert report.core_seconds == 8
    assert report.mean_cores == 2
    assert report.replica_starts == 1


def test_every_series_has_the_second_it_belongs_to() -> None:
    requests = [sent(0.1, 0.2), sent(0.9, 1.5), sent(1.5, 0.1, status=503, right=None)]

    series = live_report(PIPELINE, requests, watch(), zero=ZERO, switches=0).series

    assert series.arrivals == (2, 1, 0, 0)
    assert series.completed == (1, 0, 1, 0)
    assert series.late == (0, 0, 1, 0)
    assert series.dropped == (0, 1, 0, 0)
    assert series.latency_s == pytest.approx((0.2, None, 1.5, None))


def test_seconds_nobody_looked_at_have_the_cores_of_the_next_look() -> None:
    found = Watch(PIPELINE, began_s=0.0)
    found.look(state(1), 1.0)
    found.look(state(1, 2), 4.0)

    assert found.cores == [1, 2, 2, 2]
