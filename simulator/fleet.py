"""The replicas: starting cold, draining, crashing, and the roll-out from one variant to another.

A roll-out surges: the new variant's replicas start while the old ones go on serving; once all the new
ones are ready the old ones finish what they have and go. Old replicas keep their own batch size.
Scaling down takes replicas that are still loading first, then idle ones, then busy ones, the youngest
first. A change of the batch size is live. Cores count from the start of loading to the end of draining.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.configuration import Configuration
from core.pipeline import Pipeline
from simulator.engine import Engine
from simulator.events import FREES, LEAVES
from simulator.kernel import add_cores, set_all_idle, set_idle
from simulator.queues import change_queue
from simulator.records import BUSY, DRAINING, GONE, IDLE, NONE, STARTING
from simulator.state import first_variants

Later = Callable[[float, Callable[[float], None]], None]
"""Calls back at a time, with that time."""

REMOVAL_ORDER = {STARTING: 0, IDLE: 1, BUSY: 2}
WHOLE = 1e-9
"""A share of the replicas this close to a whole number is that number: 0.14 of 50 is 7."""


@dataclass(slots=True)
class Wanted:
    """What a stage should have."""

    variant: int = NONE
    batch: int = 1
    replicas: int = 0
    lost: Counter[int] = field(default_factory=Counter)
    """Replicas that cannot be replaced at present, by variant; `NONE` stands for any."""
    cap: int | None = None
    """Most replicas the cluster grants; None where it grants any number."""

    @property
    def target(self) -> int:
        """How many replicas of the wanted variant there can be."""
        left = max(0, self.replicas - self.lost[NONE] - self.lost[self.variant])
        return left if self.cap is None else min(left, self.cap)


class Fleet:
    """All replicas of a pipeline."""

    def __init__(self, pipeline: Pipeline, engine: Engine, later: Later) -> None:
        self._pipeline = pipeline
        self._engine = engine
        self._later = later
        self._first = first_variants(pipeline)
        self._wanted = [Wanted() for _ in pipeline.stages]
        self._born = 0
        self.starts = 0
        self.switches = 0

    def install(self, configuration: Configuration) -> None:
        """Have *configuration* ready and warm at time 0."""
        self._want(configuration)
        self._make_room(sum(wanted.replicas for wanted in self._wanted))
        for s, wanted in enumerate(self._wanted):
            slots = [self._new(s) for _ in range(wanted.replicas)]
            add_cores(self._engine.state, 0.0, float(sum(self._cores(r) for r in slots)))
            set_all_idle(self._engine.state, np.array(slots, np.int64))

    def apply(self, configuration: Configuration, now_s: float) -> None:
        """Begin to move to *configuration*."""
        before = [wanted.variant for wanted in self._wanted]
        self._want(configuration)
        for s, wanted in enumerate(self._wanted):
            self.switches += wanted.variant != before[s]
            self._set_batch(s)
            self.reconcile(s, now_s)

    def crash(self, s: int, replicas: int, now_s: float, *, replaced: bool, variant: int = NONE) -> int:
        """Kill replicas of stage *s*, the longest serving first; return how many there were to kill.

        Only of *variant*, if one is given. Not *replaced*, they are missing until `give_back`.
        """
        alive = [r for r in self._alive(s) if variant in (NONE, self._variant(r))]
        victims = sorted(alive, key=lambda r: self._state(r) == STARTING)[:replicas]
        for r in victims:
            self._kill(r, now_s)
        self._wanted[s].lost[variant] += 0 if replaced else len(victims)
        self.reconcile(s, now_s)
        return len(victims)

    def give_back(self, s: int, replicas: int, now_s: float, *, variant: int = NONE) -> None:
        """Let replacements start for so many that crashed without."""
        self._wanted[s].lost[variant] -= replicas
        self.reconcile(s, now_s)

    def cap(self, s: int, replicas: int | None, now_s: float) -> None:
        """Grant stage *s* at most *replicas* and evict those above; None lifts the limit."""
        self._wanted[s].cap = replicas
        excess = 0 if replicas is None else len(self._alive(s)) - replicas
        self.crash(s, max(0, excess), now_s, replaced=True)

    def slow_down(self, s: int, *, factor: float, share: float) -> list[tuple[int, int]]:
        """Make the longest serving share of the ready replicas slower; return them with their birth."""
        ready = [r for r in self._alive(s) if self._state(r) != STARTING]
        hit = ready[: int(np.ceil(share * len(ready) - WHOLE))]
        for r in hit:
            self._engine.state.replicas["slowdown"][r] *= factor
        return [(r, int(self._engine.state.replicas["born"][r])) for r in hit]

    def recover(self, hit: list[tuple[int, int]], *, factor: float) -> None:
        """Undo `slow_down` on those that still live."""
        replicas = self._engine.state.replicas
        for r, born in hit:
            if replicas["born"][r] == born:
                replicas["slowdown"][r] /= factor

    def reconcile(self, s: int, now_s: float) -> None:
        """Start and remove replicas of stage *s* until it is on its way to what is wanted."""
        wanted = self._wanted[s]
        self._remove_useless(s, now_s)
        for _ in range(self._missing(s, now_s)):
            self._start(s, now_s)
        ready = [r for r in self._current(s) if self._state(r) != STARTING]
        settled = len(ready) >= wanted.target and (wanted.target > 0 or wanted.replicas == 0)
        if settled:
            for r in self._outdated(s):
                self._remove(r, now_s)

    def _want(self, configuration: Configuration) -> None:
        for s, (stage, setting) in enumerate(zip(self._pipeline.stages, configuration.stages, strict=True)):
            wanted = self._wanted[s]
            chosen = stage.variants.index(stage.variant(setting.variant))
            wanted.variant = self._first[s] + chosen
            wanted.batch, wanted.replicas = setting.batch, setting.replicas
            self._engine.state.stages["variant"][s] = wanted.variant

    def _set_batch(self, s: int) -> None:
        for r in self._current(s):
            self._engine.state.replicas["batch"][r] = self._wanted[s].batch
        self._engine.state.stages["touched"][s] = 1

    def _remove_useless(self, s: int, now_s: float) -> None:
        """Remove what is still loading an old variant, and what is above the target."""
        for r in self._outdated(s):
            if self._state(r) == STARTING:
                self._remove(r, now_s)
        current = self._current(s)
        excess = max(0, len(current) - self._wanted[s].target)
        current.sort(key=lambda r: (REMOVAL_ORDER[self._state(r)], -self._birth(r)))
        for r in current[:excess]:
            self._remove(r, now_s)

    def _missing(self, s: int, now_s: float) -> int:
        """Return how many to start; where the cap leaves no room to surge, old ones make way."""
        wanted, outdated = self._wanted[s], self._outdated(s)
        missing = max(0, wanted.target - len(self._current(s)))
        if wanted.cap is not None:
            room = wanted.cap - len(self._current(s)) - len(outdated)
            for r in outdated[: max(0, missing - room)]:
                self._remove(r, now_s)
        return missing

    def _start(self, s: int, now_s: float) -> None:
        r = self._new(s)
        add_cores(self._engine.state, now_s, self._cores(r))
        self.starts += 1
        born = self._birth(r)
        self._later(now_s + self._load_time_s(r), lambda at_s: self._ready(r, born, at_s))

    def _ready(self, r: int, born: int, now_s: float) -> None:
        if self._birth(r) != born or self._state(r) != STARTING:
            return  # it was removed or died while it was loading
        set_idle(self._engine.state, r)
        self.reconcile(self._stage(r), now_s)

    def _new(self, s: int) -> int:
        """Return a slot with a new replica of what stage *s* wants, loading, its cores not yet counted."""
        wanted, r = self._wanted[s], self._free_slot()
        self._born += 1
        record = (s, wanted.variant, wanted.batch, STARTING, 0, 0, NONE, self._born, 1.0)
        self._engine.state.replicas[r] = record
        return r

    def _free_slot(self) -> int:
        free = self._engine.state.replicas["state"] == GONE
        if not free.any():
            self._make_room(free.size + 8)
            return int(free.size)
        return int(free.argmax())

    def _make_room(self, more: int) -> None:
        replicas = self._engine.state.replicas
        larger = np.zeros(replicas.size + more, replicas.dtype)
        larger[: replicas.size] = replicas
        self._engine.state = self._engine.state._replace(replicas=larger)
        self._engine.reserve_room()

    def _remove(self, r: int, now_s: float) -> None:
        """Let a replica go: at once where it has nothing in hand, else when it has finished."""
        record = self._engine.state.replicas[r]
        if self._state(r) == IDLE:
            self._unlink(r)
        if record["in_flight"] or record["occupied"]:
            record["state"] = DRAINING
            return
        record["state"] = GONE
        add_cores(self._engine.state, now_s, -self._cores(r))

    def _unlink(self, r: int) -> None:
        """Take a replica out of its stage's line of idle ones."""
        state, s = self._engine.state, self._stage(r)
        line, at = [], int(state.stages["idle_head"][s])
        while at != NONE:
            line.append(at)
            at = int(state.replicas["next_idle"][at])
        state.stages["idle_head"][s] = NONE
        for other in line:
            if other != r:
                set_idle(state, other)

    def _kill(self, r: int, now_s: float) -> None:
        """End a replica at once; what it was serving goes back to the head of the queue."""
        state, s = self._engine.state, self._stage(r)
        if self._state(r) == IDLE:
            self._unlink(r)
        batches = np.flatnonzero((state.batches["active"] == 1) & (state.batches["replica"] == r))
        youngest_first = sorted(batches, key=lambda b: -state.batches["start_s"][b])
        for b in youngest_first:
            self._requeue(s, int(b), now_s)
        self._cancel(batches, r)
        record = state.replicas[r]
        record["state"], record["occupied"], record["in_flight"] = GONE, 0, 0
        state.stages["touched"][s] = 1
        add_cores(state, now_s, -self._cores(r))

    def _requeue(self, s: int, b: int, now_s: float) -> None:
        state = self._engine.state
        stage, batch, clock = state.stages[s], state.batches[b], state.clock[0]
        last = int(batch["entry"])
        while state.entries["next"][last] != NONE:
            last = int(state.entries["next"][last])
        if stage["queue_head"] == NONE:
            stage["queue_tail"] = last
        state.entries["next"][last] = stage["queue_head"]
        stage["queue_head"] = batch["entry"]
        change_queue(state, s, int(batch["size"]), now_s)
        batch["active"] = 0
        batch["next"] = clock["batch_head"]
        clock["batch_head"] = b
        clock["free_batches"] += 1

    def _cancel(self, batches: NDArray[np.intp], r: int) -> None:
        """Take the events of a dead replica out of the heap."""
        state = self._engine.state
        events = state.heap[: state.clock["events"][0]]
        dead = (events["kind"] == LEAVES) & np.isin(events["target"], batches)
        dead |= (events["kind"] == FREES) & (events["target"] == r)
        kept = np.sort(events[~dead], order=["time_s", "sequence"])  # a sorted list is a heap
        state.heap[: kept.size] = kept
        state.clock["events"] = kept.size

    def _alive(self, s: int) -> list[int]:
        """Return the replicas of stage *s* that are not on their way out, oldest first."""
        replicas = self._engine.state.replicas
        slots = np.flatnonzero((replicas["stage"] == s) & np.isin(replicas["state"], (STARTING, IDLE, BUSY)))
        return sorted((int(r) for r in slots), key=self._birth)

    def _current(self, s: int) -> list[int]:
        return [r for r in self._alive(s) if self._variant(r) == self._wanted[s].variant]

    def _outdated(self, s: int) -> list[int]:
        return [r for r in self._alive(s) if self._variant(r) != self._wanted[s].variant]

    def _state(self, r: int) -> int:
        return int(self._engine.state.replicas["state"][r])

    def _birth(self, r: int) -> int:
        return int(self._engine.state.replicas["born"][r])

    def _stage(self, r: int) -> int:
        return int(self._engine.state.replicas["stage"][r])

    def _variant(self, r: int) -> int:
        return int(self._engine.state.replicas["variant"][r])

    def _cores(self, r: int) -> float:
        return float(self._engine.state.variants["cores"][self._variant(r)])

    def _load_time_s(self, r: int) -> float:
        s = self._stage(r)
        return self._pipeline.stages[s].variants[self._variant(r) - self._first[s]].load_time_s
