"""The same pipeline in SimPy, written from the words of `simulator.twin` and sharing none of its code.

It knows what the comparison needs: batches, waits for a batch to fill, replicas, whole or fractional
fan-out, joins. No faults, drops or changes.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import simpy

Events = Generator[Any, Any, None]


@dataclass(slots=True)
class Request:
    """One request on its way."""

    arrived_s: float
    open_items: dict[str, int] = field(default_factory=dict)
    done_at: set[str] = field(default_factory=set)
    brought: dict[tuple[str, str], int] = field(default_factory=dict)


@dataclass(slots=True)
class StageModel:
    """One stage: its settings, its queue and its idle replicas."""

    name: str
    batch: int
    idle: int
    wait_s: float
    service_s: Callable[[int], float]
    """Draws how long a batch of that many items takes."""
    following: Sequence[tuple[str, float]] = ()
    preceding: Sequence[str] = ()
    queue: deque[tuple[Request, float]] = field(default_factory=deque)


class SimpyModel:
    """A pipeline of `StageModel`s; `latencies_s` fills in the order of completion."""

    def __init__(self, stages: Sequence[StageModel], *, seed: int) -> None:
        self.env = simpy.Environment()
        self.stages = {stage.name: stage for stage in stages}
        self.latencies_s: list[float] = []
        self._random = random.Random(seed)
        self._sinks = {stage.name for stage in stages if not stage.following}

    def run(self, arrivals_s: Sequence[float]) -> list[float]:
        """Serve all requests to the end and return their latencies."""
        self.env.process(self._arrive(arrivals_s))
        self.env.run()
        return self.latencies_s

    def _arrive(self, arrivals_s: Sequence[float]) -> Events:
        for time_s in arrivals_s:
            yield self.env.timeout(time_s - self.env.now)
            request = Request(self.env.now)
            for stage in self.stages.values():
                if not stage.preceding:
                    self._put(stage, request, 1)

    def _put(self, stage: StageModel, request: Request, items: int) -> None:
        request.open_items[stage.name] = request.open_items.get(stage.name, 0) + items
        for _ in range(items):
            stage.queue.append((request, self.env.now))
        self._start(stage)
        if stage.queue and stage.wait_s > 0:
            self.env.process(self._look_again(stage))

    def _look_again(self, stage: StageModel) -> Events:
        yield self.env.timeout(stage.wait_s)
        self._start(stage)

    def _start(self, stage: StageModel) -> None:
        while stage.idle and stage.queue:
            waited_s = self.env.now - stage.queue[0][1]
            if len(stage.queue) < stage.batch and waited_s < stage.wait_s - 1e-12:
                return
            taken = [stage.queue.popleft()[0] for _ in range(min(stage.batch, len(stage.queue)))]
            stage.idle -= 1
            self.env.process(self._serve(stage, taken))

    def _serve(self, stage: StageModel, taken: list[Request]) -> Events:
        yield self.env.timeout(stage.service_s(len(taken)))
        for request in taken:
            self._served(stage, request)
        stage.idle += 1
        self._start(stage)

    def _served(self, stage: StageModel, request: Request) -> None:
        request.open_items[stage.name] -= 1
        for name, mean in stage.following:
            sent = int(mean) + (self._random.random() < mean - int(mean))
            target = self.stages[name]
            if len(target.preceding) == 1:
                if sent:
                    self._put(target, request, sent)
            else:
                edge = (stage.name, name)
                request.brought[edge] = request.brought.get(edge, 0) + sent
        self._settle(stage, request)

    def _settle(self, stage: StageModel, request: Request) -> None:
        """Pass on that a request is done with a stage, once it is."""
        name = stage.name
        if request.open_items.get(name, 0) or name in request.done_at:
            return
        if not all(before in request.done_at for before in stage.preceding):
            return
        request.done_at.add(name)
        if self._sinks <= request.done_at:
            self.latencies_s.append(self.env.now - request.arrived_s)
        for following, _ in stage.following:
            target = self.stages[following]
            done = all(before in request.done_at for before in target.preceding)
            if len(target.preceding) > 1 and done:
                items = max(request.brought[before, following] for before in target.preceding)
                if items:
                    self._put(target, request, items)
            self._settle(target, request)
