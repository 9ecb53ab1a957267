"""Which replica gets an item: one whose batch is being filled, else one with the least work ahead.

Items go to the replica with the fewest whole batches outstanding, and among those to the one whose next batch
is fullest. So a batch fills at the stage's arrival rate and not at a replica's share of it, as the solver
assumes, and at batch size 1 the shortest queue is joined.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass


@dataclass(slots=True)
class Place:
    """A replica as the router knows it."""

    address: str
    outstanding: int = 0
    """Items sent and not answered."""
    batch: int = 1
    """As its last answer said."""

    @property
    def order(self) -> tuple[int, int, str]:
        """Smallest first."""
        return (self.outstanding // self.batch, -(self.outstanding % self.batch), self.address)


class StageFleet:
    """The replicas of one stage."""

    def __init__(self) -> None:
        self._places: dict[str, Place] = {}
        self._changed = asyncio.Event()
        self.variant: str | None = None
        """That served last; None before any did."""

    @property
    def addresses(self) -> frozenset[str]:
        """Where replicas are."""
        return frozenset(self._places)

    def set(self, addresses: Iterable[str]) -> None:
        """Take these for the replicas from now on; what is known of them is kept."""
        self._places = {a: self._places.get(a) or Place(a) for a in addresses}
        self._changed.set()

    def assign(self, count: int, *, avoid: Collection[str] = ()) -> dict[str, list[int]]:
        """Choose a replica for each of *count* items, and note the items as outstanding there.

        Returns:
            The items' numbers by address; empty where there is no replica that is not to be avoided.
        """
        places = [place for address, place in self._places.items() if address not in avoid]
        found: dict[str, list[int]] = {}
        for number in range(count if places else 0):
            place = min(places, key=lambda p: p.order)
            place.outstanding += 1
            found.setdefault(place.address, []).append(number)
        return found

    def answered(
        self, address: str, count: int, *, batch: int | None = None, variant: str | None = None
    ) -> None:
        """Note that *count* items are no longer outstanding, and what the replica said it runs."""
        self.variant = variant or self.variant
        place = self._places.get(address)
        if place is not None:
            place.outstanding = max(0, place.outstanding - count)
            place.batch = batch or place.batch

    async def changed(self, within_s: float) -> None:
        """Wait until the replicas change, at most so long."""
        self._changed.clear()
        try:
            await asyncio.wait_for(self._changed.wait(), within_s)
        except TimeoutError:
            return
