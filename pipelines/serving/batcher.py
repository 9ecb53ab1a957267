"""Dynamic batching for one worker: wait for a full batch, but not for long, and never beyond a deadline.

The worker takes a batch when it is idle and as many items wait as the batch size says, or the first of them
has waited `batch_wait_s`: what the twin simulates and the solver assumes. (MLServer's own batcher starts a
batch beside one that is being served, bounds no queue and knows no deadline.) An item that is past its
deadline when the worker would take it is dropped: nobody gains from serving it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from pipelines.kit import BadItem
from pipelines.serving.contract import LiveSettings
from pipelines.serving.refusals import BadRequest, Draining, Expired, QueueFull, ServingFailed

Outputs = list[bytes]
"""What is sent on for one item."""
Serve = Callable[[Sequence[bytes]], Sequence[Outputs | BadItem]]
"""Serves a batch, in the worker's thread; an item that is no item gets its complaint."""


class Watcher(Protocol):
    """What is told of every step, for the metrics."""

    def arrived(self) -> None:
        """Count an item that came."""

    def dropped(self, reason: str) -> None:
        """Count an item that is not served."""

    def queued(self, length: int) -> None:
        """Note how many items wait."""

    def taken(self, waited_s: Sequence[float]) -> None:
        """Note how long the items of a batch waited."""

    def served(self, size: int, seconds: float) -> None:
        """Note a batch and its service time."""


@dataclass(slots=True)
class _Waiting:
    item: bytes
    arrived_s: float
    deadline_s: float
    answer: asyncio.Future[Outputs] = field(repr=False)


class Batcher:
    """Queue and worker of one replica. Lives in one event loop."""

    def __init__(self, serve: Serve, live: LiveSettings, *, queue_limit: int, watcher: Watcher) -> None:
        self._serve = serve
        self._live = live
        self._limit = queue_limit
        self._watcher = watcher
        self._queue: deque[_Waiting] = deque()
        self._changed = asyncio.Event()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")
        self._closed = False
        self._task = asyncio.get_running_loop().create_task(self._work(), name="batcher")

    @property
    def live(self) -> LiveSettings:
        """Batch size and wait as they are."""
        return self._live

    def change(self, live: LiveSettings) -> None:
        """Go on with another batch size and wait; what waits is not lost."""
        self._live = live
        self._changed.set()

    async def submit(self, item: bytes, *, deadline_s: float) -> Outputs:
        """Queue an item and return what is sent on for it; *deadline_s* is on the monotonic clock.

        Raises:
            QueueFull: there is no room.
            Draining: the batcher is closed.
            Expired: the deadline passed before the worker took the item.
            BadRequest: it is no item of this stage.
            ServingFailed: the model raised an error.
        """
        self._watcher.arrived()
        if self._closed:
            self._watcher.dropped(Draining.reason)
            raise Draining("this replica is stopping; send the item to another one")
        if len(self._queue) >= self._limit:
            self._watcher.dropped(QueueFull.reason)
            raise QueueFull(f"{self._limit} items wait already; try again in a moment")
        answer: asyncio.Future[Outputs] = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(item, time.monotonic(), deadline_s, answer))
        self._noted()
        return await answer

    async def close(self) -> None:
        """Serve what waits, take nothing new, and end the worker."""
        self._closed = True
        self._changed.set()
        await self._task
        self._pool.shutdown(wait=False)

    def _noted(self) -> None:
        self._watcher.queued(len(self._queue))
        self._changed.set()

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while await self._due():
            batch = self._taken()
            if not batch:
                continue
            started_s = time.monotonic()
            self._watcher.taken([started_s - w.arrived_s for w in batch])
            try:
                found = await loop.run_in_executor(self._pool, self._serve, [w.item for w in batch])
            except Exception as error:  # noqa: BLE001 - whatever a model raises is answered, and the worker lives
                _fail(batch, ServingFailed(f"the model failed: {type(error).__name__}"), error)
                for _ in batch:
                    self._watcher.dropped(ServingFailed.reason)
                continue
            self._watcher.served(len(batch), time.monotonic() - started_s)
            _answer(batch, found)

    async def _due(self) -> bool:
        """Wait until a batch is to be taken; False once the batcher is closed and empty."""
        while True:
            self._changed.clear()
            if not self._queue:
                if self._closed:
                    return False
                await self._changed.wait()
                continue
            left_s = self._queue[0].arrived_s + self._live.batch_wait_s - time.monotonic()
            if len(self._queue) >= self._live.batch or left_s <= 0 or self._closed:
                return True
            try:
                await asyncio.wait_for(self._changed.wait(), left_s)
            except TimeoutError:
                return True

    def _taken(self) -> list[_Waiting]:
        """Take up to a batch off the queue; what is expired or no longer wanted is passed over."""
        now_s, batch = time.monotonic(), list[_Waiting]()
        while self._queue and len(batch) < self._live.batch:
            waiting = self._queue.popleft()
            if waiting.answer.cancelled():
                self._watcher.dropped("abandoned")
            elif waiting.deadline_s <= now_s:
                self._watcher.dropped(Expired.reason)
                waiting.answer.set_exception(Expired("the request's time was over before its turn came"))
            else:
                batch.append(waiting)
        self._watcher.queued(len(self._queue))
        return batch


def _answer(batch: Sequence[_Waiting], found: Sequence[Outputs | BadItem]) -> None:
    for waiting, outputs in zip(batch, found, strict=True):
        if waiting.answer.done():
            continue
        if isinstance(outputs, BadItem):
            waiting.answer.set_exception(BadRequest(str(outputs)))
        else:
            waiting.answer.set_result(outputs)


def _fail(batch: Sequence[_Waiting], refusal: ServingFailed, cause: Exception) -> None:
    refusal.__cause__ = cause
    for waiting in batch:
        if not waiting.answer.done():
            waiting.answer.set_exception(refusal)
