"""How replicas come and go: cold starts, surges, draining. The figures can be worked out by hand.

See `tests.simulator.busy` for how.
"""

from __future__ import annotations

from simulator.faults import (
    CapacityLoss,
    ReplicaCrash,
)
from simulator.twin import Twin
from tests.simulator.busy import BACKLOG, FAST, busy, served
from tests.simulator.toys import EXACT, one_stage, profile, running, twin_of_one, variant


def test_a_new_replica_serves_only_once_it_has_loaded_and_costs_cores_from_the_start() -> None:
    twin = busy()
    twin.step(10.0)

    twin.apply(running(("only", "fast", 1, 3)), {"only": 0.0})

    scrape = twin.scrape()
    assert (scrape.cores, scrape.ready_replicas) == (3.0, {("only", "fast"): 1.0})
    assert served(twin, 10.0, 15.0) == 40
    assert served(twin, 15.0, 25.0) == 240
    assert twin.report().core_seconds == 10.0 * 1 + 15.0 * 3


def two_variants(loading_s: float = 6.0) -> Twin:
    large = variant("large", profile=profile(b1=0.25), loadTime=loading_s, cores=2.0)
    spec = one_stage(FAST, large)
    return Twin(
        spec, running(("only", "fast", 1, 2)), BACKLOG, seed=1, batch_wait_s={"only": 0.0}, options=EXACT
    )


def test_a_roll_out_keeps_the_old_replicas_until_the_new_ones_are_ready() -> None:
    twin = two_variants()
    twin.step(10.0)

    twin.apply(running(("only", "large", 1, 2)), {"only": 0.0})

    assert served(twin, 10.0, 16.0) == 6 * 16
    assert twin.scrape().replicas == {("only", "fast"): 2.0, ("only", "large"): 2.0}
    twin.step(16.125)
    assert twin.scrape().replicas == {("only", "large"): 2.0}
    assert served(twin, 17.0, 27.0) == 80
    assert (twin.report().switches, twin.report().replica_starts) == (1, 2)


def test_the_old_replicas_stay_until_the_last_new_one_is_ready() -> None:
    """One large is asked for at 10 s, another at 12 s; the first serves beside the old two from 16 s on."""
    twin = two_variants()
    twin.step(10.0)
    twin.apply(running(("only", "large", 1, 1)), {"only": 0.0})
    twin.step(12.0)
    twin.apply(running(("only", "large", 1, 2)), {"only": 0.0})

    assert served(twin, 12.0, 16.0) == 4 * 16
    assert served(twin, 16.0, 18.0) == 2 * (16 + 4)
    assert served(twin, 19.0, 29.0) == 80


def test_cores_of_a_roll_out_count_for_both_until_the_old_ones_have_finished() -> None:
    twin = two_variants()
    twin.step(10.0)
    twin.apply(running(("only", "large", 1, 2)), {"only": 0.0})

    twin.step(15.0)
    assert twin.scrape().cores == 2 * 1.0 + 2 * 2.0
    twin.step(20.0)

    assert twin.scrape().cores == 2 * 2.0
    draining = twin.report().core_seconds - (10 * 2 + 6 * 6 + 4 * 4)
    assert 0 < draining <= 2 * 0.125


def test_a_roll_out_taken_back_leaves_the_old_replicas_as_they_were() -> None:
    twin = two_variants()
    twin.step(10.0)
    twin.apply(running(("only", "large", 1, 2)), {"only": 0.0})
    twin.step(12.0)

    twin.apply(running(("only", "fast", 1, 2)), {"only": 0.0})

    assert twin.scrape().replicas == {("only", "fast"): 2.0}
    assert served(twin, 12.0, 22.0) == 160
    assert twin.report().core_seconds == 10 * 2 + 2 * 6 + 10 * 2


def test_a_crash_in_the_middle_of_a_roll_out_is_not_mended_with_old_replicas() -> None:
    """One of two old replicas dies at 12 s; until the new ones are ready at 16 s the other serves alone."""
    large = variant("large", profile=profile(b1=0.25), loadTime=6.0, cores=2.0)
    twin = Twin(
        one_stage(FAST, large),
        running(("only", "fast", 1, 2)),
        BACKLOG,
        seed=1,
        batch_wait_s={"only": 0.0},
        options=EXACT,
        faults=[ReplicaCrash(stage="only", start_s=12.0)],
    )
    twin.step(10.0)
    twin.apply(running(("only", "large", 1, 2)), {"only": 0.0})

    assert served(twin, 12.0, 16.0) == 32
    assert served(twin, 17.0, 27.0) == 80


def test_a_change_of_the_batch_size_starts_nothing() -> None:
    spec = variant("fast", profile=profile(b1=0.125, b4=0.25), loadTime=5.0)
    twin = busy(spec=spec)
    twin.step(10.0)

    twin.apply(running(("only", "fast", 4, 1)), {"only": 0.0})

    assert served(twin, 10.5, 20.5) == 4 * 40
    assert (twin.report().switches, twin.report().replica_starts) == (0, 0)


def test_a_removed_replica_finishes_what_it_has_and_takes_up_nothing_more() -> None:
    slow = variant("slow", profile=profile(b1=4.0))
    twin = twin_of_one(slow, [2.0], options=EXACT)
    twin.step(1.0)

    twin.apply(running(("only", "slow", 1, 0)), {"only": 0.0})

    assert (twin.scrape().cores, twin.scrape().ready_replicas) == (1.0, {})
    twin.step(30.0)
    assert twin.report().completed == 1
    assert twin.scrape().queue_length["only"] == 1
    assert twin.scrape().cores == 0.0


def test_where_capacity_leaves_no_room_to_surge_the_old_replicas_make_way() -> None:
    large = variant("large", profile=profile(b1=0.25), loadTime=5.0)
    twin = Twin(
        one_stage(FAST, large),
        running(("only", "fast", 1, 2)),
        BACKLOG,
        seed=1,
        batch_wait_s={"only": 0.0},
        options=EXACT,
        faults=[CapacityLoss(stage="only", start_s=0.0, replicas=3)],
    )
    twin.step(10.0)

    twin.apply(running(("only", "large", 1, 2)), {"only": 0.0})

    assert twin.scrape().ready_replicas == {("only", "fast"): 1.0}
    assert served(twin, 11.0, 15.0) == 32
    assert served(twin, 16.0, 26.0) == 80


def test_a_replica_taken_back_while_loading_lends_no_head_start_to_the_next() -> None:
    """Asked for at 10 s, taken back at 11, asked for again at 12: ready at 17 and not at 15."""
    twin = busy()
    for at_s, replicas in ((10.0, 2), (11.0, 1), (12.0, 2)):
        twin.step(at_s)
        twin.apply(running(("only", "fast", 1, replicas)), {"only": 0.0})

    assert served(twin, 12.0, 17.0) == 40
    assert served(twin, 17.0, 22.0) == 80
