"""The event loop of the twin: arrivals, batches started and leaving, replicas freed, batch timers.

Order is total and exact: events are processed by (time, sequence of scheduling), an arrival before any
other event of the same instant. After every event each stage it touched starts all the batches it can.

It is compiled (see `simulator.compiled`). What is rare, such as starting replicas and faults, is Python
in `simulator.fleet`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from simulator.compiled import compiled, inlined
from simulator.draws import normal, uniform
from simulator.events import FREES, LEAVES, TIMER, pop, push
from simulator.flow import item_served
from simulator.queues import bucket, discarded_head, enqueue, free_entry, take
from simulator.records import (
    BUSY,
    DETERMINISTIC,
    DRAINING,
    EXPONENTIAL,
    GONE,
    IDLE,
    NONE,
    State,
)


@compiled
def run(state: State, limit_s: float) -> bool:
    """Process every event up to and including *limit_s*; return False where a pool must grow first."""
    clock = state.clock[0]
    arrivals, heap = state.arrivals, state.heap
    while _has_room(state):
        _dispatch_touched(state, clock.now_s)
        arrival_s = math.inf
        if clock.next_request < arrivals.size:
            arrival_s = arrivals[clock.next_request]
        event_s = heap[0].time_s if clock.events > 0 else math.inf
        next_s = min(arrival_s, event_s)
        _sample_queues(state, min(next_s, limit_s))
        if next_s > limit_s:
            return True
        clock.now_s = next_s
        if arrival_s <= event_s:
            _arrive(state, next_s)
        else:
            _handle_next(state, next_s)
    return False


@compiled
def add_cores(state: State, now_s: float, cores: float) -> None:
    """Account for the cores used until now, then change them by *cores*."""
    clock = state.clock[0]
    while clock.cores_since_s < now_s:
        second = int(clock.cores_since_s)
        end_s = min(now_s, second + 1.0)
        state.core_seconds[second] += clock.cores * (end_s - clock.cores_since_s)
        clock.cores_since_s = end_s
    clock.cores += cores


@compiled
def set_idle(state: State, r: int) -> None:
    """Put a replica at the end of its stage's line of idle ones."""
    replica = state.replicas[r]
    stage = state.stages[replica.stage]
    replica.state = IDLE
    replica.next_idle = NONE
    if stage.idle_head == NONE:
        stage.idle_head = r
    else:
        state.replicas[stage.idle_tail].next_idle = r
    stage.idle_tail = r
    stage.touched = 1


@compiled
def set_all_idle(state: State, slots: NDArray[np.int64]) -> None:
    """Put replicas at the end of their stage's line of idle ones."""
    for k in range(slots.size):
        set_idle(state, slots[k])


@inlined
def _dispatch_touched(state: State, now_s: float) -> None:
    """Start every batch that can start at the stages where something changed."""
    for s in range(state.stages.size):
        if state.stages[s].touched:
            state.stages[s].touched = 0
            _dispatch(state, s, now_s)


@inlined
def _has_room(state: State) -> bool:
    clock = state.clock[0]
    return bool(
        clock.free_entries >= clock.reserve
        and clock.free_batches >= clock.reserve
        and clock.events + clock.reserve <= state.heap.size
    )


@inlined
def _sample_queues(state: State, until_s: float) -> None:
    """Note the queue lengths at every whole second that has passed."""
    clock = state.clock[0]
    while clock.next_sample_s <= until_s and clock.next_sample_s < state.queue_samples.shape[0]:
        for s in range(state.stages.size):
            state.queue_samples[int(clock.next_sample_s), s] = state.stages[s].queued
        clock.next_sample_s += 1


@inlined
def _arrive(state: State, now_s: float) -> None:
    clock = state.clock[0]
    r = clock.next_request
    clock.next_request += 1
    for s in range(state.stages.size):
        if state.stages[s].predecessors == 0:
            enqueue(state, s, r, 1, now_s)


@inlined
def _handle_next(state: State, now_s: float) -> None:
    kind, target = state.heap[0].kind, state.heap[0].target
    pop(state)
    if kind == LEAVES:
        _leave(state, target, now_s)
    elif kind == FREES:
        _release(state, target, now_s)
    elif now_s >= state.stages[target].timer_s:
        state.stages[target].timer_s = math.inf
        state.stages[target].touched = 1


@inlined
def _dispatch(state: State, s: int, now_s: float) -> None:
    """Start batches while a replica is idle and a batch is full or has waited long enough."""
    stage = state.stages[s]
    while stage.idle_head != NONE and stage.queue_head != NONE:  # noqa: PLR1714 - as compiled
        if discarded_head(state, s, now_s):
            continue
        deadline_s = state.entries[stage.queue_head].since_s + stage.wait_s
        if stage.queued < state.replicas[stage.idle_head].batch and now_s < deadline_s:
            if deadline_s < stage.timer_s:
                stage.timer_s = deadline_s
                push(state, deadline_s, TIMER, s)
            return
        _start_batch(state, s, now_s)


@inlined
def _start_batch(state: State, s: int, now_s: float) -> None:
    stage, clock = state.stages[s], state.clock[0]
    replica_id = stage.idle_head
    replica = state.replicas[replica_id]
    stage.idle_head = replica.next_idle
    batch_id = clock.batch_head
    batch = state.batches[batch_id]
    clock.batch_head = batch.next
    clock.free_batches -= 1
    batch.entry = NONE
    size = 0
    tail = NONE
    while size < replica.batch and stage.queue_head != NONE:
        if discarded_head(state, s, now_s):
            continue
        e = take(state, s, replica.batch - size, now_s)
        size += state.entries[e].items
        if tail == NONE:
            batch.entry = e
        else:
            state.entries[tail].next = e
        tail = e
    _serve(state, batch_id, replica_id, size, now_s)


@inlined
def _serve(state: State, b: int, r: int, size: int, now_s: float) -> None:
    replica, batch = state.replicas[r], state.batches[b]
    variant = state.variants[replica.variant]
    service_s = _service_s(state, replica.stage, variant.first_point + size - 1)
    service_s *= variant.slowdown * replica.slowdown
    scale = state.points[variant.first_point + size - 1].occupancy
    replica.state = BUSY
    replica.occupied = 1
    replica.in_flight += 1
    batch.replica = r
    batch.variant = replica.variant
    batch.size = size
    batch.start_s = now_s
    batch.frees = scale == 1.0
    batch.active = 1
    push(state, now_s + service_s, LEAVES, b)
    if not batch.frees:
        push(state, now_s + service_s * scale, FREES, r)


@inlined
def _service_s(state: State, s: int, p: int) -> float:
    point, law = state.points[p], state.clock[0].law
    if law == DETERMINISTIC:
        return float(point.latency_s)
    if law == EXPONENTIAL:
        return float(-point.latency_s * math.log1p(-uniform(state.streams, s)))
    return float(point.median_s * math.exp(point.sigma * normal(state.streams, s)))


@inlined
def _leave(state: State, b: int, now_s: float) -> None:
    """A batch leaves: its items go on, and its replica may be free."""
    batch = state.batches[b]
    r, v = batch.replica, batch.variant
    replica, variant = state.replicas[r], state.variants[v]
    s = replica.stage
    took_s = now_s - batch.start_s
    state.service_sum_s[v] += took_s
    state.service_counts[v, bucket(state.bounds_s, took_s)] += 1
    state.batch_counts[v, batch.size] += 1
    state.stages[s].served += batch.size
    e = batch.entry
    while e != NONE:
        following = state.entries[e].next
        item_served(state, s, v, state.entries[e].request, state.entries[e].items, now_s)
        free_entry(state, e)
        e = following
    batch.active = 0
    batch.next = state.clock[0].batch_head
    state.clock[0].batch_head = b
    state.clock[0].free_batches += 1
    replica.in_flight -= 1
    if batch.frees:
        _release(state, r, now_s)
    else:
        _retire_if_drained(state, r, variant.cores, now_s)


@inlined
def _release(state: State, r: int, now_s: float) -> None:
    replica = state.replicas[r]
    replica.occupied = 0
    if replica.state == BUSY:
        set_idle(state, r)
    _retire_if_drained(state, r, state.variants[replica.variant].cores, now_s)


@inlined
def _retire_if_drained(state: State, r: int, cores: float, now_s: float) -> None:
    replica = state.replicas[r]
    if replica.state == DRAINING and replica.in_flight == 0 and not replica.occupied:
        replica.state = GONE
        add_cores(state, now_s, -cores)
