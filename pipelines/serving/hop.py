"""One hop: items to the replicas of a stage, and again to others where a replica refuses or dies.

Answering an item twice does no harm, so it may be sent again. It is sent again only once after a replica died
with it inside, as it may be what killed it.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass

import aiohttp

from pipelines.serving import tensors
from pipelines.serving.contract import TIMEOUT_HEADER
from pipelines.serving.door import error_text
from pipelines.serving.fleet import StageFleet
from pipelines.serving.meters import RouterMeters
from pipelines.serving.refusals import (
    BadRequest,
    Draining,
    Expired,
    NoReplica,
    QueueFull,
    Refusal,
    ServingFailed,
)

LOST, UNREACHABLE, BUSY = "lost", "unreachable", "busy"
"""Reasons to send again."""
MOST_LOSSES = 1
"""Times an item is sent again after a replica died with it."""
AGAIN_S = 0.05
"""Pause before the same replicas are tried again."""
SERVING_LIMIT_S = 60.0
"""Beyond the deadline, for a batch that is being served when it passes."""
OK = 200
REFUSALS: dict[int, type[Refusal]] = {400: BadRequest, 429: QueueFull, 503: Draining, 504: Expired}


class _Again(Exception):
    """An item has to be sent to another replica."""

    def __init__(self, reason: str, *, busy: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.busy = busy


@dataclass(frozen=True, slots=True)
class StageAnswer:
    """What a stage answered."""

    outputs: list[list[bytes]]
    """By item."""
    variant: str | None
    """That served the last of them; where there was no item, the one that served before."""


@dataclass(frozen=True, slots=True)
class Hop:
    """The way to one stage."""

    stage: str
    fleet: StageFleet
    session: aiohttp.ClientSession
    meters: RouterMeters

    async def send(self, items: list[bytes], deadline_s: float) -> StageAnswer:
        """Have all items served.

        Raises:
            Refusal: one of them was not.
        """
        if not items:
            return StageAnswer([], self.fleet.variant)
        parts = self.fleet.assign(len(items)) or {"": list(range(len(items)))}
        found = await asyncio.gather(
            *(
                self._part(address, [items[n] for n in numbers], deadline_s)
                for address, numbers in parts.items()
            ),
            return_exceptions=True,
        )
        outputs: list[list[bytes]] = [[] for _ in items]
        variant = None
        for numbers, answer in zip(parts.values(), found, strict=True):
            if isinstance(answer, BaseException):
                raise answer
            variant = answer.variant
            for number, of_item in zip(numbers, answer.outputs, strict=True):
                outputs[number] = of_item
        return StageAnswer(outputs, variant)

    async def _part(self, address: str, items: list[bytes], deadline_s: float) -> StageAnswer:
        """Have the items of one replica served, by others if need be."""
        avoid: set[str] = set()
        losses = 0
        while True:
            if address:
                try:
                    return await self._post(address, items, deadline_s)
                except _Again as again:
                    avoid.add(address)
                    losses += again.reason == LOST
                    self.meters.resent(self.stage, again.reason, len(items))
                    if losses > MOST_LOSSES:
                        raise ServingFailed(f"two replicas of {self.stage!r} died with the item") from again
                    if again.busy and avoid >= self.fleet.addresses:
                        raise QueueFull(f"every replica of {self.stage!r} is full") from again
            address = await self._another(len(items), avoid, deadline_s)

    async def _another(self, count: int, avoid: set[str], deadline_s: float) -> str:
        """Return another replica, waiting for one until the deadline."""
        while True:
            found = self.fleet.assign(1, avoid=avoid)
            if found:
                (address,) = found
                self.fleet.answered(address, 1 - count)
                return address
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                raise NoReplica(f"no replica of stage {self.stage!r} took the item in time")
            await self.fleet.changed(min(left_s, AGAIN_S))
            avoid.clear()

    async def _post(self, address: str, items: list[bytes], deadline_s: float) -> StageAnswer:
        left_s = deadline_s - time.monotonic()
        said: _Said | None = None
        try:
            async with self.session.post(
                f"http://{address}/v2/models/{self.stage}/infer",
                data=tensors.request_body(items),
                headers={"content-type": "application/json", TIMEOUT_HEADER: f"{max(left_s, 0.0):.4f}"},
                timeout=aiohttp.ClientTimeout(total=max(left_s, 0.0) + SERVING_LIMIT_S),
            ) as response:
                body = await response.read()
                status = response.status
            if status == OK:
                said = _understood(body, len(items))
                return StageAnswer(said.outputs, said.variant)
        except aiohttp.ClientConnectorError as error:
            raise _Again(UNREACHABLE) from error
        except (aiohttp.ClientError, ConnectionError) as error:
            raise _Again(LOST) from error
        except TimeoutError as error:
            raise ServingFailed(
                f"a replica of {self.stage!r} did not answer in {SERVING_LIMIT_S:g} s"
            ) from error
        finally:
            self.fleet.answered(
                address,
                len(items),
                batch=None if said is None else said.batch,
                variant=None if said is None else said.variant,
            )
        raise self._refused(status, body)

    def _refused(self, status: int, body: bytes) -> Exception:
        """Return what a refusal of a replica means for the item."""
        if status == Draining.status:
            return _Again(Draining.reason)
        if status == QueueFull.status:
            return _Again(BUSY, busy=True)
        return REFUSALS.get(status, ServingFailed)(f"stage {self.stage!r}: {error_text(body)}")


@dataclass(frozen=True, slots=True)
class _Said:
    """A replica's answer, and what it said it runs."""

    outputs: list[list[bytes]]
    variant: str
    batch: int


def _understood(body: bytes, count: int) -> _Said:
    try:
        answer = json.loads(body)
        parameters = answer["parameters"]
        outputs = tensors.outputs_in(answer, count)
        return _Said(outputs, str(parameters["variant"]), int(parameters["batch"]))
    except (ValueError, KeyError, TypeError) as error:
        raise ServingFailed("a replica gave an answer that cannot be read") from error
