"""Stages examined alone: what tells which of them a loss of accuracy comes from.

A labelled request may bring cases along: for a stage, items with the answers that would be right. One
combination of variants serves, so the answers of the whole pipeline cannot say which stage errs; a case can.
The parameter `cases` is JSON, {stage: [{"item": base64 or null, "truth": ...}, ...]}; null is the request's
own item, whose answer is there already. A stage is right if it is right on all its cases.

Replicas that only answer cases (`shadows`) say how a variant would do that does not serve: whether what drove
it out is over. Examining comes after the answer, never before it, and no faster than it can.
"""

from __future__ import annotations

import asyncio
import time
from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import aiohttp
from pydantic import Field, TypeAdapter, ValidationError

from core.values import Frozen
from pipelines.kit import BadItem, Kit, StageKit
from pipelines.serving.endpoints import Addresses
from pipelines.serving.fleet import StageFleet
from pipelines.serving.hop import Hop, StageAnswer
from pipelines.serving.log import logger
from pipelines.serving.meters import RouterMeters
from pipelines.serving.refusals import BadRequest, Refusal

CASE_LIMIT_S = 20.0
"""How long a case may wait: nobody waits for its answer."""
MOST_AT_ONCE = 8
"""Requests whose cases are under way; those of further ones are left out."""
MOST_CASES = 16
"""Of one stage in one request."""


class GivenCase(Frozen):
    """One case as a request brings it."""

    item: str | None = None
    """Base64; None is the request's own item."""
    truth: Any


GivenCases = Mapping[str, Annotated[list[GivenCase], Field(min_length=1, max_length=MOST_CASES)]]
_ADAPTER: TypeAdapter[GivenCases] = TypeAdapter(GivenCases)


def read_cases(text: str) -> GivenCases:
    """Return the cases of a request.

    Raises:
        BadRequest: the text is none of them.
    """
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        raise BadRequest(
            'parameter \'cases\' must be JSON {stage: [{"item": base64, "truth": ...}]}'
        ) from error


class Examiner:
    """Has cases answered, and counts who was right."""

    def __init__(
        self, kit: Kit, hops: Mapping[str, Hop], session: aiohttp.ClientSession, meters: RouterMeters
    ) -> None:
        self._kit = kit
        self._hops = hops
        self._session = session
        self._meters = meters
        self._places: Addresses = {}
        self._shadows: dict[str, list[Hop]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def set_shadows(self, found: Addresses) -> None:
        """Take these for the replicas that only answer cases."""
        if found != self._places:
            self._places = found
            self._shadows = {stage: [self._hop(stage, a) for a in places] for stage, places in found.items()}

    def examine(self, item: bytes, cases: GivenCases, answers: Mapping[str, StageAnswer]) -> None:
        """Have the cases answered in the background, and count."""
        if len(self._tasks) >= MOST_AT_ONCE:
            return
        task = asyncio.get_running_loop().create_task(self._all(item, cases, answers), name="cases")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Give up what is under way."""
        for task in self._tasks:
            task.cancel()

    async def _all(self, item: bytes, cases: GivenCases, answers: Mapping[str, StageAnswer]) -> None:
        for name, given in cases.items():
            if name not in self._hops:
                continue
            items = [item if case.item is None else b64decode(case.item) for case in given]
            if all(case.item is None for case in given):
                self._judge(name, given, answers[name])
            else:
                await self._pose(self._hops[name], given, items)
            for shadow in self._shadows.get(name, ()):
                await self._pose(shadow, given, items)

    async def _pose(self, hop: Hop, given: Sequence[GivenCase], items: list[bytes]) -> None:
        try:
            answer = await hop.send(items, time.monotonic() + CASE_LIMIT_S)
        except Refusal as refusal:
            logger.info("a case of stage %s was not answered: %s", hop.stage, refusal)
            return
        self._judge(hop.stage, given, answer)

    def _judge(self, name: str, given: Sequence[GivenCase], answer: StageAnswer) -> None:
        stage = self._kit.stage(name)
        if answer.variant is None or len(answer.outputs) != len(given):
            return
        right = all(_right(stage, of, case.truth) for of, case in zip(answer.outputs, given, strict=True))
        self._meters.examined(name, answer.variant, right=right)

    def _hop(self, stage: str, address: str) -> Hop:
        fleet = StageFleet()
        fleet.set([address])
        return Hop(stage, fleet, self._session, self._meters)


def _right(stage: StageKit, outputs: Sequence[bytes], truth: object) -> bool:
    try:
        return stage.right([stage.read_back(output) for output in outputs], truth)
    except (BadItem, ValueError, TypeError) as error:
        logger.info("a case of stage %s cannot be judged: %s", stage.name, error)
        return False
