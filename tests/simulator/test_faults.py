"""Each fault does what it says: crashes, stragglers, lost capacity. The figures can be worked out by hand.

See `tests.simulator.busy` for how.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from core.errors import UsageError
from simulator.arrivals import arrival_times
from simulator.faults import (
    CapacityLoss,
    Fault,
    LatencyDrift,
    ReplicaCrash,
    Straggler,
)
from simulator.twin import Twin
from tests.simulator.busy import BACKLOG, FAST, busy, served
from tests.simulator.toys import EXACT, one_stage, profile, running, twin_of_one, variant


def test_a_crash_takes_one_replica_away_for_the_time_a_new_one_needs_to_load() -> None:
    twin = busy(ReplicaCrash(stage="only", start_s=10.0), replicas=2)

    assert served(twin, 2.0, 7.0) == 80
    assert served(twin, 10.0, 15.0) == 40
    assert served(twin, 15.0, 20.0) == 80
    assert twin.report().replica_starts == 1


def test_what_a_dying_replica_served_is_served_again_and_first() -> None:
    """Both arrive in second 0, service takes 4 s, the crash is at 2 s, loading takes 1 s: 7 and 11."""
    slow = variant("slow", profile=profile(b1=4.0), loadTime=1.0)
    twin = twin_of_one(slow, [2.0], options=EXACT, faults=[ReplicaCrash(stage="only", start_s=2.0)])
    stream = np.random.SeedSequence(1).spawn(2)[0]
    first_s, second_s = arrival_times([2.0], generator=np.random.default_rng(stream), mode="exact")

    twin.step(6.999)
    assert twin.report().completed == 0
    twin.step(11.0)

    report = twin.report()
    assert report.completed == 2
    assert report.latency_s["p99"] == pytest.approx(np.quantile([7 - first_s, 11 - second_s], 0.99))


def test_what_is_given_back_to_an_empty_queue_is_followed_by_who_comes_later() -> None:
    """Two are served when one replica dies at 2 s; a third comes before 3 s, when the next has loaded.

    The survivor is done before 5 s and then serves the third until before 9 s, the new one is done at 7 s.
    """
    slow = variant("slow", profile=profile(b1=4.0), loadTime=1.0)
    crash = ReplicaCrash(stage="only", start_s=2.0)
    twin = twin_of_one(slow, [2.0, 0.0, 1.0], replicas=2, options=EXACT, faults=[crash])

    completed = []
    for look_s in (5.0, 6.999, 7.0, 9.0):
        twin.step(look_s)
        completed.append(twin.report().completed)

    assert completed == [1, 1, 2, 3]


def test_a_dying_replica_gives_back_all_the_batches_it_worked_on_at_once() -> None:
    """Throughput 4 a second at 1 s each: four in hand from 3 s on. They are served twice, counted once."""
    parallel = variant("parallel", profile=[{"batch": 1, "latency": 1.0, "throughput": 4.0}], loadTime=2.0)
    twin = twin_of_one(parallel, [20.0], options=EXACT, faults=[ReplicaCrash(stage="only", start_s=3.0)])

    twin.step(2.999)
    before = twin.scrape()
    in_hand = 20 - before.items_served_total["only"] - before.queue_length["only"]
    twin.step(3.001)
    assert in_hand == 4
    assert twin.scrape().queue_length["only"] == before.queue_length["only"] + 4
    twin.drain()

    assert twin.report().completed == 20
    assert twin.scrape().items_served_total["only"] == 20
    assert twin.scrape().queue_wait_s["only"].count == 24


def test_without_restarts_a_crash_lasts_until_its_end_and_then_the_loading_begins() -> None:
    twin = busy(ReplicaCrash(stage="only", start_s=10.0, end_s=20.0, restarts=False), replicas=2)

    assert served(twin, 10.0, 20.0) == 80
    assert served(twin, 20.0, 25.0) == 40
    assert served(twin, 25.0, 30.0) == 80


def test_a_crash_without_end_or_restarts_is_for_good_even_when_more_are_asked_for() -> None:
    twin = busy(ReplicaCrash(stage="only", start_s=10.0, restarts=False), replicas=2)
    twin.step(20.0)

    twin.apply(running(("only", "fast", 1, 3)), {"only": 0.0})

    assert served(twin, 30.0, 40.0) == 160


def test_only_those_that_died_come_back() -> None:
    fault = ReplicaCrash(stage="only", start_s=10.0, end_s=11.0, replicas=9, restarts=False)
    twin = busy(fault, replicas=2)

    twin.step(10.5)
    assert twin.scrape().replicas == {}
    twin.step(30.0)

    assert twin.scrape().ready_replicas == {("only", "fast"): 2.0}
    assert twin.scrape().cores == 2.0


def test_a_crash_of_one_variant_is_over_where_another_runs_and_comes_back_with_it() -> None:
    """Fast serves 8 a second, other 4; each loads in 5 s. The crash takes one of two fast ones."""
    crash = ReplicaCrash(stage="only", variant="fast", start_s=10.0, end_s=60.0, restarts=False)
    twin = _two_fast_of_two_variants(crash)

    assert served(twin, 10.0, 20.0) == 80
    twin.apply(running(("only", "other", 1, 2)), {"only": 0.0})
    assert served(twin, 30.0, 40.0) == 80
    assert twin.scrape().ready_replicas == {("only", "other"): 2.0}
    twin.apply(running(("only", "fast", 1, 2)), {"only": 0.0})
    assert served(twin, 50.0, 59.0) == 72
    assert served(twin, 70.0, 71.0) == 16
    twin.apply(running(("only", "other", 1, 2)), {"only": 0.0})
    twin.step(85.0)
    assert twin.scrape().ready_replicas == {("only", "other"): 2.0}


def test_a_crash_of_a_variant_that_does_not_run_takes_nothing() -> None:
    crash = ReplicaCrash(stage="only", variant="other", start_s=10.0, end_s=60.0, restarts=False)
    twin = _two_fast_of_two_variants(crash)

    assert served(twin, 10.0, 20.0) == 160


def test_the_longest_serving_replica_dies_first_and_takes_its_slowness_along() -> None:
    """The first replica becomes four times slower, a second joins, the crash hits the first."""
    faults: list[Fault] = [
        Straggler(stage="only", start_s=1.0, factor=4.0),
        ReplicaCrash(stage="only", start_s=30.0),
    ]
    twin = busy(*faults)
    twin.step(5.0)
    twin.apply(running(("only", "fast", 1, 2)), {"only": 0.0})

    assert served(twin, 15.0, 25.0) == 80 + 20
    assert served(twin, 40.0, 50.0) == 160


@pytest.mark.parametrize(
    ("replicas", "share", "slow"),
    [
        pytest.param(1, 1.0, 1, id="all"),
        pytest.param(2, 0.5, 1, id="half"),
        pytest.param(3, 0.34, 2, id="a part of a replica is a replica"),
        pytest.param(50, 0.14, 7, id="a whole number stays one in binary, too"),
    ],
)
def test_a_straggler_multiplies_the_service_time_of_its_share_while_it_lasts(
    replicas: int, share: float, slow: int
) -> None:
    fault = Straggler(stage="only", start_s=2.0, end_s=5.0, factor=4.0, share=share)
    twin = twin_of_one(FAST, [3000.0], replicas=replicas, options=EXACT, faults=[fault])

    assert served(twin, 3.0, 5.0) == 16 * (replicas - slow) + 4 * slow
    assert served(twin, 6.0, 7.0) == 8 * replicas


def test_a_straggler_does_not_slow_what_starts_after_it() -> None:
    twin = busy(Straggler(stage="only", start_s=2.0, factor=4.0))
    twin.step(3.0)

    twin.apply(running(("only", "fast", 1, 2)), {"only": 0.0})

    assert served(twin, 10.0, 20.0) == 80 + 20


def test_capacity_loss_evicts_at_once_and_what_returns_is_cold() -> None:
    twin = busy(CapacityLoss(stage="only", start_s=10.0, end_s=20.0, replicas=1), replicas=3)

    assert served(twin, 2.0, 10.0) == 24 * 8
    assert served(twin, 10.0, 20.0) == 80
    assert served(twin, 20.0, 25.0) == 40
    assert served(twin, 25.0, 30.0) == 120


def test_the_tightest_of_two_capacity_losses_holds() -> None:
    faults = [
        CapacityLoss(stage="only", start_s=5.0, end_s=30.0, replicas=1),
        CapacityLoss(stage="only", start_s=10.0, end_s=20.0, replicas=3),
    ]
    twin = busy(*faults, replicas=4)

    assert served(twin, 5.0, 29.0) == 24 * 8
    twin.step(40.0)
    assert twin.scrape().ready_replicas == {("only", "fast"): 4.0}


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        pytest.param(
            ReplicaCrash(stage="onyl", start_s=0.0),
            "pipeline 'toy' has no stage 'onyl', only only",
            id="stage",
        ),
        pytest.param(
            LatencyDrift(stage="only", variant="slow", start_s=0.0, factor=2.0),
            "stage 'only' has no variant 'slow', only fast",
            id="variant",
        ),
        pytest.param(
            ReplicaCrash(stage="only", variant="slow", start_s=0.0),
            "stage 'only' has no variant 'slow', only fast",
            id="variant that crashes",
        ),
        pytest.param(
            ReplicaCrash(stage="only", start_s=0.0, end_s=5.0),
            "drop end_s or set restarts to false",
            id="a crash that restarts at once has no end",
        ),
    ],
)
def test_a_fault_that_names_what_is_not_there_is_refused(fault: Fault, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        busy(fault)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"start_s": 5.0, "end_s": 5.0}, id="empty window"),
        pytest.param({"start_s": -1.0}, id="before the start"),
        pytest.param({"start_s": 0.0, "replicas": 0}, id="nobody dies"),
        pytest.param({"start_s": float("nan")}, id="at no time"),
    ],
)
def test_a_fault_that_cannot_be_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ReplicaCrash(stage="only", **fields)


def test_a_replica_slowed_and_gone_is_not_sped_up_when_the_straggling_ends() -> None:
    """Its slot is taken by a new one: dividing that one's factor would make it four times too fast."""
    faults: Sequence[Fault] = [
        Straggler(stage="only", start_s=1.0, end_s=20.0, factor=4.0),
        ReplicaCrash(stage="only", start_s=5.0),
    ]
    twin = busy(*faults)

    assert served(twin, 10.0, 20.0) == 80
    assert served(twin, 21.0, 31.0) == 80


def _two_fast_of_two_variants(fault: Fault) -> Twin:
    other = variant("other", profile=profile(b1=0.25), loadTime=5.0)
    return Twin(
        one_stage(FAST, other),
        running(("only", "fast", 1, 2)),
        BACKLOG,
        seed=1,
        batch_wait_s={"only": 0.0},
        options=EXACT,
        faults=[fault],
    )
