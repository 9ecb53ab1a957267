"""The router: one request through the DAG, stage by stage, within its deadline.

It speaks the Open Inference Protocol at the door, one item a request (Trimtab batches by itself), and counts
what the loop needs to know: arrivals, answers, drops by reason, latency, and labelled answers where a request
brought its truth along and the router was told to look at it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, ClassVar

import aiohttp
from mlserver import MLModel
from mlserver.types import InferenceRequest, InferenceResponse

from core.errors import UsageError
from pipelines import kits
from pipelines.kit import BadItem, StageKit, bundle
from pipelines.serving.contract import CASES, TRUTH, RouterSettings
from pipelines.serving.endpoints import endpoints_from
from pipelines.serving.examiner import Examiner, GivenCases, read_cases
from pipelines.serving.fleet import StageFleet
from pipelines.serving.hop import Hop, StageAnswer
from pipelines.serving.log import logger
from pipelines.serving.meters import RouterMeters
from pipelines.serving.refusals import BadRequest, QueueFull, Refusal, ServingFailed
from pipelines.serving.replica import timeout_s
from pipelines.serving.tensors import items_of, parameter, router_response

KEEP_ALIVE_S = 60.0
"""Of idle connections to replicas: shorter than theirs, so that none is closed under a request."""


@dataclass(frozen=True, slots=True)
class Labels:
    """What a request says of its own right answer."""

    truth: Any = None
    """None where it says nothing."""
    cases: GivenCases = field(default_factory=dict)


class Router(MLModel):  # type: ignore[misc] # MLServer is not installed where types are checked
    """Walks a pipeline's DAG."""

    given: ClassVar[RouterSettings]
    """MLServer makes the object itself; `server` sets this before."""
    taking = False
    """Whether requests are wanted: every stage has a replica, and nobody told us to stop."""

    async def load(self) -> bool:
        """Load the kit and find the replicas.

        Raises:
            UsageError: there is no such pipeline, or the endpoints are not described well.
        """
        self._kit = kits.load(self.given.kit)
        names = [stage.name for stage in self._kit.stages]
        self._meters = RouterMeters(self.given)
        self._endpoints = endpoints_from(self.given.endpoints, names)
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_S)
        self._session = aiohttp.ClientSession(connector=connector)
        self._hops = {name: Hop(name, StageFleet(), self._session, self._meters) for name in names}
        self._examiner = Examiner(self._kit, self._hops, self._session, self._meters)
        given = self.given.shadows
        self._shadows = None if given is None else endpoints_from(given, names)
        self._inside = 0
        self._stopping = False
        await self._look()
        self._watching = asyncio.get_running_loop().create_task(self._watch(), name="endpoints")
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Answer one request.

        Raises:
            Refusal: it is not answered; its reason is counted.
        """
        arrived_s = time.monotonic()
        try:
            item, labels = self._read(payload)
            time_s = timeout_s(payload, default_s=self.given.slo_s * self.given.expires_after)
        except BadRequest:
            self._meters.bad.inc()
            raise
        self._meters.requests.inc()
        if self._inside >= self.given.in_flight_limit:
            self._meters.dropped(QueueFull.reason)
            raise QueueFull(f"{self._inside} requests are inside already; try again in a moment")
        self._inside += 1
        try:
            answers = await self._walk(item, arrived_s + time_s)
        except BadRequest:
            self._meters.bad.inc()
            raise
        except Refusal as refusal:
            self._meters.dropped(refusal.reason)
            raise
        except asyncio.CancelledError:
            self._meters.dropped("abandoned")
            raise
        finally:
            self._inside -= 1
        response = self._answered(answers, labels, time.monotonic() - arrived_s)
        if labels.cases:
            self._examiner.examine(item, labels.cases, answers)
        return response

    def stop_taking(self) -> None:
        """Say that no more requests are wanted; what comes nevertheless is still answered."""
        self._stopping = True
        self.taking = False

    async def finish(self) -> None:
        """Close the connections, once nothing is inside."""
        self._watching.cancel()
        await self._examiner.close()
        await self._session.close()

    def _read(self, payload: InferenceRequest) -> tuple[bytes, Labels]:
        items = items_of(payload)
        if len(items) != 1:
            raise BadRequest(f"the request has {len(items)} items; send one a request")
        if not self.given.labels:
            return items[0], Labels()
        truth, cases = parameter(payload, TRUTH), parameter(payload, CASES)
        try:
            known = None if truth is None else json.loads(str(truth))
        except ValueError as error:
            raise BadRequest(f"parameter {TRUTH!r} is not JSON text") from error
        return items[0], Labels(known, {} if cases is None else read_cases(str(cases)))

    async def _walk(self, item: bytes, deadline_s: float) -> Mapping[str, StageAnswer]:
        """Return what every stage answered. Branches go side by side, a join waits for all before it."""
        tasks: dict[str, asyncio.Task[StageAnswer]] = {}

        async def through(stage: StageKit) -> StageAnswer:
            before = [await tasks[name] for name in stage.after]
            hop = self._hops[stage.name]
            try:
                return await hop.send(_inputs(item, before), deadline_s)
            except BadRequest as error:
                if stage.after:  # what a stage sent on is no mistake of the client's
                    raise ServingFailed(str(error)) from error
                raise

        try:
            async with asyncio.TaskGroup() as group:
                for stage in self._kit.stages:
                    tasks[stage.name] = group.create_task(through(stage))
        except* Refusal as refusals:
            refused = refusals.exceptions[0]
        else:
            return {name: task.result() for name, task in tasks.items()}
        raise refused

    def _answered(
        self, answers: Mapping[str, StageAnswer], labels: Labels, seconds: float
    ) -> InferenceResponse:
        outputs = [o for name in self._kit.sinks for of_item in answers[name].outputs for o in of_item]
        try:
            answer = self._kit.answer(outputs)
        except BadItem as error:
            self._meters.dropped(ServingFailed.reason)
            raise ServingFailed(f"the last stage's outputs are no answer: {error}") from error
        variants = {name: given.variant for name, given in answers.items() if given.variant is not None}
        self._meters.completed.inc()
        self._meters.latency.observe(seconds)
        if labels.truth is not None and len(variants) == len(answers):
            self._meters.labelled(tuple(variants.values()), right=self._right(answer, labels.truth))
        return router_response(self.name, answer, variants)

    def _right(self, answer: object, truth: object) -> bool:
        try:
            return self._kit.right(answer, truth)
        except (ValueError, TypeError, KeyError) as error:  # a truth of another kind: the client's mistake
            logger.info("a truth cannot be compared with an answer: %s", error)
            return False

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._endpoints.poll_s)
            await self._look()

    async def _look(self) -> None:
        """Keep the fleets as the endpoints say; ready once every stage has a replica."""
        try:
            found = await self._endpoints.addresses()
            if self._shadows is not None:
                self._examiner.set_shadows(await self._shadows.addresses())
        except UsageError as error:
            logger.warning("%s; the replicas stay as they are", error)
            return
        for name, hop in self._hops.items():
            addresses = found.get(name, ())
            if set(addresses) != hop.fleet.addresses:
                logger.info("stage %s: %s", name, ", ".join(addresses) or "no replica")
                hop.fleet.set(addresses)
        self.taking = not self._stopping and all(hop.fleet.addresses for hop in self._hops.values())


def _inputs(item: bytes, before: list[StageAnswer]) -> list[bytes]:
    """Return a stage's items: the request, what the one stage before sent on, or a join's bundles."""
    if not before:
        return [item]
    sent = [[output for of_item in answer.outputs for output in of_item] for answer in before]
    return sent[0] if len(sent) == 1 else [bundle(parts) for parts in zip_longest(*sent)]
