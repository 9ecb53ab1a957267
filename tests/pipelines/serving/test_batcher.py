"""The batcher: full batches at once, partial ones when they have waited, nobody lost, nobody too late."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

pytest.importorskip("mlserver", reason="runs in the serving environment: make serving")

from pipelines.kit import BadItem
from pipelines.serving.batcher import Batcher, Outputs
from pipelines.serving.contract import LiveSettings
from pipelines.serving.refusals import BadRequest, Draining, Expired, QueueFull, ServingFailed

FOREVER = float("inf")


@dataclass(slots=True)
class Model:
    """Serves what it gets, as slowly as it is told, and remembers the batches."""

    seconds: float = 0.0
    batches: list[list[bytes]] = field(default_factory=list)
    gate: threading.Event | None = None
    """Held until it is set."""

    def __call__(self, items: Sequence[bytes]) -> list[Outputs | BadItem]:
        self.batches.append(list(items))
        if self.gate is not None:
            assert self.gate.wait(10)
        time.sleep(self.seconds)
        if b"boom" in items:
            raise RuntimeError("secret")
        return [BadItem("not an item") if item == b"bad" else [item, item] for item in items]


@dataclass(slots=True)
class Counts:
    """A watcher that counts."""

    came: int = 0
    lost: list[str] = field(default_factory=list)
    waits_s: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    length: int = 0

    def arrived(self) -> None:
        self.came += 1

    def dropped(self, reason: str) -> None:
        self.lost.append(reason)

    def queued(self, length: int) -> None:
        self.length = length

    def taken(self, waited_s: Sequence[float]) -> None:
        self.waits_s += waited_s

    def served(self, size: int, seconds: float) -> None:
        self.sizes.append(size)


def batcher(model: Model, counts: Counts, *, batch: int, wait_s: float = 0.0, limit: int = 100) -> Batcher:
    return Batcher(model, LiveSettings(batch=batch, batch_wait_s=wait_s), queue_limit=limit, watcher=counts)


async def all_of(found: Batcher, items: Sequence[bytes]) -> list[Outputs | BaseException]:
    submitted = (found.submit(item, deadline_s=FOREVER) for item in items)
    return await asyncio.gather(*submitted, return_exceptions=True)


def test_a_full_batch_goes_at_once() -> None:
    model, counts = Model(), Counts()

    async def run() -> None:
        found = batcher(model, counts, batch=3, wait_s=60)
        started = time.monotonic()
        answers = await all_of(found, [b"1", b"2", b"3"])
        assert answers == [[b"1", b"1"], [b"2", b"2"], [b"3", b"3"]]
        assert time.monotonic() - started < 5
        await found.close()

    asyncio.run(run())

    assert model.batches == [[b"1", b"2", b"3"]]
    assert counts.sizes == [3]


def test_a_partial_batch_goes_when_its_first_item_has_waited() -> None:
    model, counts = Model(), Counts()

    async def run() -> None:
        found = batcher(model, counts, batch=3, wait_s=0.2)
        await all_of(found, [b"1", b"2"])
        await found.close()

    asyncio.run(run())

    assert model.batches == [[b"1", b"2"]]
    assert 0.19 <= counts.waits_s[0] < 1


def test_one_batch_is_served_at_a_time() -> None:
    """MLServer's own batcher would start the second beside the first."""
    model, counts = Model(seconds=0.1), Counts()

    async def run() -> None:
        found = batcher(model, counts, batch=1)
        await all_of(found, [b"1", b"2", b"3"])
        await found.close()

    asyncio.run(run())

    assert counts.waits_s == sorted(counts.waits_s)
    assert counts.waits_s[2] >= 0.19


def test_what_finds_no_room_is_refused_and_the_rest_is_served() -> None:
    model, counts = Model(gate=threading.Event()), Counts()

    async def run() -> list[Outputs | BaseException]:
        found = batcher(model, counts, batch=1, limit=2)
        first = asyncio.create_task(found.submit(b"0", deadline_s=FOREVER))
        while not model.batches:
            await asyncio.sleep(0.01)
        rest = asyncio.create_task(all_of(found, [b"1", b"2", b"3"]))
        await asyncio.sleep(0.05)
        assert model.gate is not None
        model.gate.set()
        await first
        answers = await rest
        await found.close()
        return answers

    answers = asyncio.run(run())

    assert answers[:2] == [[b"1", b"1"], [b"2", b"2"]]
    assert isinstance(answers[2], QueueFull)
    assert counts.lost == ["queue_full"]


def test_what_is_past_its_deadline_is_dropped_and_does_not_take_a_place_in_the_batch() -> None:
    model, counts = Model(gate=threading.Event()), Counts()

    async def run() -> list[Outputs | BaseException]:
        found = batcher(model, counts, batch=2, wait_s=0.01)
        first = asyncio.create_task(found.submit(b"0", deadline_s=FOREVER))
        while not model.batches:
            await asyncio.sleep(0.01)
        soon = time.monotonic() + 0.05
        late = asyncio.create_task(found.submit(b"late", deadline_s=soon))
        rest = asyncio.create_task(all_of(found, [b"1", b"2"]))
        await asyncio.sleep(0.1)
        assert model.gate is not None
        model.gate.set()
        answers = list(await asyncio.gather(first, late, return_exceptions=True))
        await rest
        await found.close()
        return answers

    answers = asyncio.run(run())

    assert isinstance(answers[1], Expired)
    assert model.batches == [[b"0"], [b"1", b"2"]]
    assert counts.lost == ["expired"]


def test_a_bad_item_is_answered_and_its_neighbours_are_served() -> None:
    model, counts = Model(), Counts()

    async def run() -> list[Outputs | BaseException]:
        found = batcher(model, counts, batch=3, wait_s=1)
        answers = await all_of(found, [b"1", b"bad", b"2"])
        await found.close()
        return answers

    answers = asyncio.run(run())

    assert answers[0] == [b"1", b"1"]
    assert isinstance(answers[1], BadRequest)
    assert answers[2] == [b"2", b"2"]


def test_a_model_that_fails_says_so_without_its_secrets_and_serves_the_next_batch() -> None:
    model, counts = Model(), Counts()

    async def run() -> list[Outputs | BaseException]:
        found = batcher(model, counts, batch=1)
        answers = await all_of(found, [b"boom", b"1"])
        await found.close()
        return answers

    answers = asyncio.run(run())

    assert isinstance(answers[0], ServingFailed)
    assert "secret" not in str(answers[0])
    assert answers[1] == [b"1", b"1"]
    assert counts.lost == ["failed"]


def test_closing_serves_what_waits_and_takes_nothing_new() -> None:
    model, counts = Model(seconds=0.02), Counts()

    async def run() -> tuple[list[Outputs | BaseException], BaseException | Outputs]:
        found = batcher(model, counts, batch=4, wait_s=60)
        waiting = asyncio.create_task(all_of(found, [b"1", b"2", b"3"]))
        await asyncio.sleep(0.05)
        await found.close()
        (late,) = await all_of(found, [b"4"])
        return await waiting, late

    served, late = asyncio.run(run())

    assert served == [[b"1", b"1"], [b"2", b"2"], [b"3", b"3"]]
    assert isinstance(late, Draining)


def test_another_batch_size_holds_from_now_on_and_what_waits_is_not_lost() -> None:
    model, counts = Model(), Counts()

    async def run() -> list[Outputs | BaseException]:
        found = batcher(model, counts, batch=8, wait_s=60)
        waiting = asyncio.create_task(all_of(found, [b"1", b"2"]))
        await asyncio.sleep(0.05)
        found.change(LiveSettings(batch=2, batch_wait_s=60))
        answers = await asyncio.wait_for(waiting, 5)
        await found.close()
        return answers

    assert asyncio.run(run()) == [[b"1", b"1"], [b"2", b"2"]]
    assert model.batches == [[b"1", b"2"]]


def test_an_item_nobody_waits_for_any_more_is_not_served() -> None:
    model, counts = Model(), Counts()

    async def run() -> None:
        found = batcher(model, counts, batch=2, wait_s=0.3)
        gone = asyncio.create_task(found.submit(b"gone", deadline_s=FOREVER))
        await asyncio.sleep(0.05)
        gone.cancel()
        await all_of(found, [b"1"])
        await found.close()

    asyncio.run(run())

    assert b"gone" not in [item for items in model.batches for item in items]
    assert counts.lost == ["abandoned"]


def test_every_item_is_counted_once_as_served_or_lost() -> None:
    model, counts = Model(seconds=0.002), Counts()

    async def run() -> list[Outputs | BaseException]:
        found = batcher(model, counts, batch=3, wait_s=0.005, limit=20)
        answers = await all_of(found, [str(k).encode() for k in range(40)])
        await found.close()
        return answers

    answers = asyncio.run(run())

    served = [a for a in answers if isinstance(a, list)]
    assert counts.came == 40 == sum(counts.sizes) + len(counts.lost)
    assert len(served) == sum(counts.sizes) == 20
    assert counts.length == 0
