"""Whatever is lost, late or slow, and whatever the clocks say: never two holders.

The API server is a few lines here: one object, versions, conflicts. Requests take time on the way there and
back, in which other candidates act; an answer may be lost, and a write may be carried out long after its
sender gave up.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

import pytest

from tools.kubernetes.api import Api
from tools.kubernetes.errors import Conflict, NotFound, Unreachable
from tools.kubernetes.lease import Lease

Json = dict[str, Any]
Action = Literal["try", "release", "crash"]
Fault = Literal["none", "lost before", "lost after", "late"]
CANDIDATES = 3
LINGER_S = 3.0
"""What its sender gave up is carried out with the first pause that is longer."""


@pytest.fixture(scope="module", autouse=True)
def quiet() -> Iterator[None]:
    """Thousands of lost requests are logged otherwise."""
    logger = logging.getLogger("tools.kubernetes.lease")
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(logging.NOTSET)


@dataclass
class Server:
    """One lease."""

    found: Json | None = None
    version: int = 0

    def does(self, method: str, body: Json | None) -> Json:
        if method == "POST":
            if self.found is not None:
                raise Conflict("it is there")
            self.found = {"metadata": {}, "spec": {}}
        elif self.found is None:
            raise NotFound("it is not there")
        if body is not None:
            wanted = body["metadata"].get("resourceVersion")
            if method == "PATCH" and wanted != self.found["metadata"]["resourceVersion"]:
                raise Conflict("the object has been modified")
            before = deepcopy(self.found["spec"])
            self.found["spec"] |= body["spec"]
            if self.found["spec"] != before:
                self.version += 1
                self.found["metadata"]["resourceVersion"] = str(self.version)
        return deepcopy(self.found)


@dataclass(frozen=True)
class Step:
    """What one candidate does, and how its requests fare."""

    who: int
    action: Action
    fault: Fault
    before_s: float
    """There."""
    after_s: float
    """Back."""
    meanwhile: int
    """How many of the next steps happen while a request is under way."""
    pause_s: float
    """After it."""


@dataclass
class World:
    script: list[Step]
    skews_s: list[float]
    server: Server = field(default_factory=Server)
    now_s: float = 0.0
    candidates: list[Lease] = field(default_factory=list)
    late: list[tuple[str, Json | None]] = field(default_factory=list)
    busy: set[int] = field(default_factory=set)
    holders: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.candidates = [self.candidate(n) for n in range(CANDIDATES)]

    def candidate(self, number: int) -> Lease:
        skew_s = self.skews_s[number]
        return Lease(
            ScriptedApi(None, world=self, who=number),
            "ns",
            "trimtab",
            f"c{number}",
            clock=lambda: 1000.0 * number + self.now_s,
            unix=lambda: 2e9 + skew_s + self.now_s,
        )

    def plays(self) -> None:
        while self.script:
            self.step()

    def step(self) -> None:
        step = self.script.pop(0)
        if step.who not in self.busy:
            self.busy.add(step.who)
            self.acts(step)
            self.busy.remove(step.who)
        self.passes(step.pause_s)

    def acts(self, step: Step) -> None:
        lease = self.candidates[step.who]
        lease._api.step = step  # type: ignore[attr-defined]
        if step.action == "try":
            lease.try_acquire()
        elif step.action == "release":
            lease.release()
        if step.action != "try":
            self.candidates[step.who] = self.candidate(step.who)

    def passes(self, seconds: float) -> None:
        self.check()
        self.now_s += seconds
        while self.late and seconds > LINGER_S:
            self.carried_out(*self.late.pop())
        self.check()

    def carried_out(self, method: str, body: Json | None) -> None:
        try:
            self.server.does(method, body)
        except (Conflict, NotFound):
            return

    def check(self) -> None:
        holders = [lease.holder for lease in self.candidates if lease.held]
        self.holders.update(holders)
        assert len(holders) <= 1, f"{holders} at {self.now_s} s"


@dataclass
class ScriptedApi(Api):
    """An API server's client whose requests fare as the step says."""

    world: World = field(kw_only=True)
    who: int = field(kw_only=True)
    step: Step | None = None

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: object = None,
        content_type: str | None = None,
    ) -> Json:
        step, world = self.step, self.world
        assert step is not None
        assert body is None or isinstance(body, dict)
        self.meanwhile(step.meanwhile)
        world.passes(step.before_s)
        if step.fault == "late" and method != "GET":
            world.late.append((method, body))
        if step.fault in ("lost before", "late"):
            raise Unreachable("no answer")
        answer = world.server.does(method, body)
        world.check()
        self.meanwhile(step.meanwhile)
        world.passes(step.after_s)
        if step.fault == "lost after":
            raise Unreachable("no answer")
        return answer

    def meanwhile(self, steps: int) -> None:
        for _ in range(steps):
            if self.world.script:
                self.world.step()


LATENCIES_S = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.5, 2.0, 8.0)
HANGS = 0.05
"""Chance a step that another one begins to hang, or none."""
PAUSES_S = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)
ACTIONS: tuple[Action, ...] = ("try",) * 60 + ("release", "crash")
FAULTS: tuple[Fault, ...] = ("none", "none", "none", "none", "lost before", "lost after", "late")


def scripted(seed: int, count: int) -> Iterator[Step]:
    """Yield steps; now and then one candidate is not scheduled for a while, as holders that hang are not."""
    random = Random(seed)
    hangs = None
    for _ in range(count):
        if random.random() < HANGS:
            hangs = random.choice([None, *range(CANDIDATES)])
        yield Step(
            who=random.choice([n for n in range(CANDIDATES) if n != hangs]),
            action=random.choice(ACTIONS),
            fault=random.choice(FAULTS),
            before_s=random.choice(LATENCIES_S),
            after_s=random.choice(LATENCIES_S),
            meanwhile=random.choice([0, 0, 0, 1, 2]),
            pause_s=random.choice(PAUSES_S),
        )


def skewed(seed: int) -> list[float]:
    random = Random(seed)
    return [random.choice([0.0, 3600.0, -3600.0, 1e6]) for _ in range(CANDIDATES)]


@pytest.mark.parametrize("seed", range(20))
def test_there_are_never_two_holders(seed: int) -> None:
    world = World(list(scripted(seed, 5000)), skewed(seed))

    world.plays()

    assert len(world.holders) > 20, "it changed hands too seldom to show anything"


@pytest.mark.parametrize("seed", range(10))
def test_once_the_trouble_is_over_there_is_one(seed: int) -> None:
    calm = [Step(n % CANDIDATES, "try", "none", 0.0, 0.0, meanwhile=0, pause_s=0.5) for n in range(60)]
    world = World([*scripted(seed, 100), *calm], skewed(seed))

    world.plays()

    assert sum(lease.held for lease in world.candidates) == 1
