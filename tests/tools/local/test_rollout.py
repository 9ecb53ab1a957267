"""What to start and what to retire: on the way the stage never serves less than it could."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from tools.local.layout import ReplicaPhase
from tools.local.rollout import Replica, Steps, steps


def replicas(*of: tuple[str, ReplicaPhase]) -> list[Replica]:
    return [Replica(k, variant, phase) for k, (variant, phase) in enumerate(of)]


def test_a_stage_that_runs_what_is_wanted_is_let_be() -> None:
    assert steps("a", 2, replicas(("a", "ready"), ("a", "starting"))) == Steps()


def test_all_new_ones_start_while_the_old_ones_serve() -> None:
    assert steps("b", 2, replicas(("a", "ready"), ("a", "ready"))) == Steps(start=2)


def test_the_old_ones_go_once_all_the_new_ones_are_ready() -> None:
    half = replicas(("a", "ready"), ("b", "ready"), ("b", "starting"))
    whole = replicas(("a", "ready"), ("b", "ready"), ("b", "ready"))

    assert steps("b", 2, half) == Steps()
    assert steps("b", 2, whole) == Steps(retire=(0,))


def test_old_ones_that_never_got_ready_go_at_once() -> None:
    assert steps("b", 1, replicas(("a", "starting"))) == Steps(start=1, retire=(0,))


def test_too_many_go_youngest_first_and_those_still_loading_before_those_that_serve() -> None:
    found = replicas(("a", "ready"), ("a", "ready"), ("a", "starting"), ("a", "ready"))

    assert steps("a", 2, found) == Steps(retire=(2, 3))


def test_what_drains_counts_for_nothing() -> None:
    assert steps("a", 1, replicas(("a", "draining"))) == Steps(start=1)


def test_a_stage_of_no_replicas_empties() -> None:
    assert steps("a", 0, replicas(("a", "ready"), ("b", "ready"))) == Steps(retire=(0, 1))


@given(
    wishes=st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 4)), min_size=1, max_size=6),
    seed=st.integers(0, 10_000),
)
def test_a_roll_out_comes_to_its_end_without_a_gap(wishes: list[tuple[str, int]], seed: int) -> None:
    """Replicas get ready and drained ones go in any order; some crash while they start."""
    chance = random.Random(seed)
    alive: dict[int, Replica] = {}
    started = 0
    for variant, wanted in wishes:
        ready_before = sum(r.phase == "ready" for r in alive.values())
        for _ in range(200):
            due = steps(variant, wanted, list(alive.values()))
            for _ in range(due.start):
                alive[started] = Replica(started, variant, "starting")
                started += 1
            for gone in due.retire:
                alive[gone] = Replica(gone, alive[gone].variant, "draining")
            ready = sum(r.phase == "ready" for r in alive.values())
            assert ready >= min(ready_before, wanted), "capacity fell below both the old and the new wish"
            moved = chance.choice(sorted(alive))
            match alive[moved].phase:
                case "starting" if chance.random() < 0.2:
                    del alive[moved]
                case "starting":
                    alive[moved] = Replica(moved, alive[moved].variant, "ready")
                case "draining":
                    del alive[moved]
                case _:
                    pass
            if {(r.variant, r.phase) for r in alive.values()} == {(variant, "ready")} and len(
                alive
            ) == wanted:
                break
        assert [(r.variant, r.phase) for r in alive.values()] == [(variant, "ready")] * wanted
