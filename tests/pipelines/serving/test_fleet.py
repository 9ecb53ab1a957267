"""Which replica gets an item: batches are filled before others are begun, and work is spread."""

from __future__ import annotations

import asyncio
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from pipelines.serving.fleet import StageFleet


def fleet(*addresses: str, batch: int = 1) -> StageFleet:
    found = StageFleet()
    found.set(addresses)
    for address in addresses:
        found.answered(address, 0, batch=batch)
    return found


def test_at_batch_one_the_shortest_queue_is_joined() -> None:
    found = fleet("a", "b", "c")

    assert found.assign(3) == {"a": [0], "b": [1], "c": [2]}
    found.answered("b", 1)
    assert found.assign(1) == {"b": [0]}


def test_a_batch_is_filled_before_another_is_begun() -> None:
    found = fleet("a", "b", batch=4)

    first = [next(iter(found.assign(1))) for _ in range(8)]

    assert first == ["a"] * 4 + ["b"] * 4


@given(
    batch=st.integers(1, 8),
    replicas=st.integers(1, 5),
    items=st.integers(0, 60),
)
def test_no_replica_is_a_whole_batch_behind_another(batch: int, replicas: int, items: int) -> None:
    found = fleet(*(f"r{k}" for k in range(replicas)), batch=batch)

    given_out = Counter({address: len(numbers) for address, numbers in found.assign(items).items()})

    assert sum(given_out.values()) == items
    whole = [given_out[f"r{k}"] // batch for k in range(replicas)]
    assert max(whole) - min(whole) <= 1


def test_every_item_goes_to_one_replica() -> None:
    parts = fleet("a", "b", "c").assign(7)

    assert sorted(number for numbers in parts.values() for number in numbers) == list(range(7))


def test_what_is_to_be_avoided_gets_nothing() -> None:
    found = fleet("a", "b")

    assert found.assign(2, avoid=["a"]) == {"b": [0, 1]}
    assert found.assign(2, avoid=["a", "b"]) == {}


def test_work_outstanding_is_remembered_while_replicas_come_and_go() -> None:
    found = fleet("a")
    found.assign(3)

    found.set(["a", "b"])

    assert found.assign(3) == {"b": [0, 1, 2]}


def test_who_waits_for_replicas_is_told_of_them() -> None:
    async def run() -> bool:
        found = StageFleet()
        waiting = asyncio.create_task(found.changed(30))
        await asyncio.sleep(0)
        found.set(["a"])
        await asyncio.wait_for(waiting, 5)
        return found.addresses == {"a"}

    assert asyncio.run(run())
