"""The event loop of the twin, compiled: arrivals, batches leaving, replicas freed, batch timers.

Order is total and exact: events are processed by (time, sequence of scheduling), an arrival before any
other event of the same instant. After every event each stage it touched starts all the batches it can.

All of the compiled code is here (see `simulator.compiled`), on the records of `simulator.state`. What
is rare, such as starting replicas and faults, is Python in `simulator.fleet`.
"""

from __future__ import annotations

import math

import numpy as np

from simulator.compiled import compiled
from simulator.state import State

LEAVES, FREES, TIMER = 0, 1, 2
"""Kinds of events: a batch leaves its replica, a replica can take the next one, a batch timer."""

GONE, STARTING, IDLE, BUSY, DRAINING = 0, 1, 2, 3, 4
"""States of a replica slot."""

IN_FLIGHT, COMPLETED, EXPIRED, QUEUE_FULL = 0, 1, 2, 3
"""States of a request; the last two are reasons for a drop."""

PRODUCT, SUM, MEASURED = 0, 1, 2
"""Accuracy modes."""

LOGNORMAL, DETERMINISTIC, EXPONENTIAL = 0, 1, 2
"""Laws of the service time."""

NONE = -1


@compiled
def run(state: State, limit_s: float) -> bool:
    """Process every event up to and including *limit_s*; return False where a pool must grow first."""
    clock = state.clock[0]
    arrivals, heap = state.arrivals, state.heap
    while True:
        arrival_s = math.inf
        if clock.next_request < arrivals.size:
            arrival_s = arrivals[clock.next_request]
        event_s = heap[0].time_s if clock.events > 0 else math.inf
        now_s = min(arrival_s, event_s)
        _sample_queues(state, min(now_s, limit_s))
        if now_s > limit_s:
            return True
        if not _has_room(state):
            return False
        if arrival_s <= event_s:
            _arrive(state, now_s)
        else:
            _handle_next(state, now_s)
        dispatch_touched(state, now_s)


@compiled
def dispatch_touched(state: State, now_s: float) -> None:
    """Start every batch that can start at the stages where something changed."""
    for s in range(state.stages.size):
        if state.stages[s].touched:
            state.stages[s].touched = 0
            _dispatch(state, s, now_s)


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
def push(state: State, time_s: float, kind: int, target: int) -> None:
    """Schedule an event."""
    clock, heap = state.clock[0], state.heap
    at = clock.events
    clock.events += 1
    clock.sequence += 1
    while at > 0:
        parent = (at - 1) // 2
        if heap[parent].time_s <= time_s:  # an earlier sequence goes first at the same time
            break
        heap[at] = heap[parent]
        at = parent
    heap[at].time_s = time_s
    heap[at].sequence = clock.sequence
    heap[at].kind = kind
    heap[at].target = target


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
def change_queue(state: State, s: int, items: int, now_s: float) -> None:
    """Account for the queue until now, then change its length by *items*."""
    stage = state.stages[s]
    stage.queue_area_s += stage.queued * (now_s - stage.queue_since_s)
    stage.queue_since_s = now_s
    stage.queued += items


@compiled
def _has_room(state: State) -> bool:
    clock = state.clock[0]
    return bool(
        clock.free_entries >= clock.reserve
        and clock.free_batches >= clock.reserve
        and clock.events + clock.reserve <= state.heap.size
    )


@compiled
def _sample_queues(state: State, until_s: float) -> None:
    """Note the queue lengths at every whole second that has passed."""
    clock = state.clock[0]
    while clock.next_sample_s <= until_s and clock.next_sample_s < state.queue_samples.shape[0]:
        for s in range(state.stages.size):
            state.queue_samples[int(clock.next_sample_s), s] = state.stages[s].queued
        clock.next_sample_s += 1


@compiled
def _arrive(state: State, now_s: float) -> None:
    clock = state.clock[0]
    r = clock.next_request
    clock.next_request += 1
    for s in range(state.stages.size):
        if state.stages[s].predecessors == 0:
            _enqueue(state, s, r, 1, now_s)


@compiled
def _handle_next(state: State, now_s: float) -> None:
    kind, target = state.heap[0].kind, state.heap[0].target
    _pop(state)
    if kind == LEAVES:
        _leave(state, target, now_s)
    elif kind == FREES:
        _release(state, target, now_s)
    elif now_s >= state.stages[target].timer_s:
        state.stages[target].timer_s = math.inf
        state.stages[target].touched = 1


@compiled
def _pop(state: State) -> None:
    clock, heap = state.clock[0], state.heap
    clock.events -= 1
    size = clock.events
    time_s, sequence = heap[size].time_s, heap[size].sequence
    kind, target = heap[size].kind, heap[size].target
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and _precedes(heap[child + 1], heap[child].time_s, heap[child].sequence):
            child += 1
        if not _precedes(heap[child], time_s, sequence):
            break
        heap[at] = heap[child]
        at = child
    heap[at].time_s = time_s
    heap[at].sequence = sequence
    heap[at].kind = kind
    heap[at].target = target


@compiled
def _precedes(event: np.void, time_s: float, sequence: int) -> bool:
    return bool(event.time_s < time_s or (event.time_s == time_s and event.sequence < sequence))


@compiled
def _enqueue(state: State, s: int, r: int, items: int, now_s: float) -> None:
    """Add items of request *r* to the queue of stage *s*, or drop the request where it is full."""
    stage = state.stages[s]
    if state.requests[r].status != IN_FLIGHT:
        return
    stage.arrived += items
    if stage.queued + items > stage.queue_limit:
        _drop(state, r, QUEUE_FULL, now_s)
        return
    e = _new_entry(state, r, items, now_s)
    if stage.queue_head == NONE:
        stage.queue_head = e
    else:
        state.entries[stage.queue_tail].next = e
    stage.queue_tail = e
    change_queue(state, s, items, now_s)
    state.visits[r, s].open += items
    stage.touched = 1


@compiled
def _new_entry(state: State, r: int, items: int, since_s: float) -> int:
    clock = state.clock[0]
    e = clock.entry_head
    entry = state.entries[e]
    clock.entry_head = entry.next
    clock.free_entries -= 1
    entry.request = r
    entry.items = items
    entry.since_s = since_s
    entry.next = NONE
    return int(e)


@compiled
def _free_entry(state: State, e: int) -> None:
    clock = state.clock[0]
    state.entries[e].next = clock.entry_head
    clock.entry_head = e
    clock.free_entries += 1


@compiled
def _drop(state: State, r: int, reason: int, now_s: float) -> None:
    request = state.requests[r]
    request.status = reason
    request.finish_s = now_s
    state.drops[reason] += 1


@compiled
def _dispatch(state: State, s: int, now_s: float) -> None:
    """Start batches while a replica is idle and a batch is full or has waited long enough."""
    stage = state.stages[s]
    while stage.idle_head != NONE and stage.queue_head != NONE:
        if _discarded_head(state, s, now_s):
            continue
        deadline_s = state.entries[stage.queue_head].since_s + stage.wait_s
        if stage.queued < state.replicas[stage.idle_head].batch and now_s < deadline_s:
            if deadline_s < stage.timer_s:
                stage.timer_s = deadline_s
                push(state, deadline_s, TIMER, s)
            return
        _start_batch(state, s, now_s)


@compiled
def _discarded_head(state: State, s: int, now_s: float) -> bool:
    """Take the first entry off the queue if its request was dropped or is now too old."""
    stage = state.stages[s]
    e = stage.queue_head
    r = state.entries[e].request
    if state.requests[r].status == IN_FLIGHT:
        if now_s - state.arrivals[r] <= state.clock[0].expires_s:
            return False
        _drop(state, r, EXPIRED, now_s)
    change_queue(state, s, -state.entries[e].items, now_s)
    stage.queue_head = state.entries[e].next
    _free_entry(state, e)
    return True


@compiled
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
        if _discarded_head(state, s, now_s):
            continue
        e = _take(state, s, replica.batch - size, now_s)
        size += state.entries[e].items
        if tail == NONE:
            batch.entry = e
        else:
            state.entries[tail].next = e
        tail = e
    _serve(state, batch_id, replica_id, size, now_s)


@compiled
def _take(state: State, s: int, most: int, now_s: float) -> int:
    """Take at most *most* items of the first entry off the queue."""
    stage = state.stages[s]
    e = stage.queue_head
    entry = state.entries[e]
    waited_s = now_s - entry.since_s
    if entry.items > most:
        entry.items -= most
        e = _new_entry(state, entry.request, most, entry.since_s)
    else:
        stage.queue_head = entry.next
        entry.next = NONE
    items = state.entries[e].items
    change_queue(state, s, -items, now_s)
    state.wait_sum_s[s] += items * waited_s
    state.wait_counts[s, _bucket(state.bounds_s, waited_s)] += items
    return int(e)


@compiled
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


@compiled
def _service_s(state: State, s: int, p: int) -> float:
    point, law = state.points[p], state.clock[0].law
    if law == DETERMINISTIC:
        return float(point.latency_s)
    if law == EXPONENTIAL:
        return float(-point.latency_s * math.log1p(-uniform(state.streams, s)))
    return float(point.median_s * math.exp(point.sigma * _normal(state.streams, s)))


@compiled
def _leave(state: State, b: int, now_s: float) -> None:
    """A batch leaves: its items go on, and its replica may be free."""
    batch = state.batches[b]
    r, v = batch.replica, batch.variant
    replica, variant = state.replicas[r], state.variants[v]
    s = replica.stage
    took_s = now_s - batch.start_s
    state.service_sum_s[v] += took_s
    state.service_counts[v, _bucket(state.bounds_s, took_s)] += 1
    state.batch_counts[v, batch.size] += 1
    state.stages[s].served += batch.size
    e = batch.entry
    while e != NONE:
        following = state.entries[e].next
        _item_served(state, s, v, state.entries[e].request, state.entries[e].items, now_s)
        _free_entry(state, e)
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


@compiled
def _release(state: State, r: int, now_s: float) -> None:
    replica = state.replicas[r]
    replica.occupied = 0
    if replica.state == BUSY:
        set_idle(state, r)
    _retire_if_drained(state, r, state.variants[replica.variant].cores, now_s)


@compiled
def _retire_if_drained(state: State, r: int, cores: float, now_s: float) -> None:
    replica = state.replicas[r]
    if replica.state == DRAINING and replica.in_flight == 0 and not replica.occupied:
        replica.state = GONE
        add_cores(state, now_s, -cores)


@compiled
def _item_served(state: State, s: int, v: int, r: int, items: int, now_s: float) -> None:
    """Note who served the items of a request, send theirs on, and see whether the stage is done."""
    if state.requests[r].status != IN_FLIGHT:
        return
    visit, variant, stage = state.visits[r, s], state.variants[v], state.stages[s]
    visit.served += items
    visit.variant = v + 1
    visit.quality += items * variant.accuracy * variant.accuracy_factor
    visit.open -= items
    for k in range(stage.first_edge, stage.last_edge):
        edge = state.edges[k]
        sent = _sent(state, variant.fan_out * edge.fan_out, items)
        if edge.join_slot != NONE:
            state.brought[r, edge.join_slot] += sent
        elif sent > 0:
            _enqueue(state, edge.target, r, sent, now_s)
    if visit.open == 0 and visit.predecessors_done == stage.predecessors:
        _finish_stage(state, s, r, now_s)


@compiled
def _sent(state: State, mean: float, items: int) -> int:
    """Return how many items go along an edge: the whole part of the mean each, and one more by chance."""
    whole = int(mean)
    chance = mean - whole
    sent = whole * items
    if chance > 0:
        for _ in range(items):
            if uniform(state.streams, state.stages.size) < chance:
                sent += 1
    return sent


@compiled
def _finish_stage(state: State, first: int, r: int, now_s: float) -> None:
    """Request *r* is done at stage *first*: tell what follows, release joins, perhaps complete."""
    pending, depth = state.scratch, 1
    pending[0] = first
    while depth > 0 and state.requests[r].status == IN_FLIGHT:
        depth -= 1
        stage = state.stages[pending[depth]]
        if stage.first_edge == stage.last_edge:
            state.requests[r].sinks_done += 1
            if state.requests[r].sinks_done == state.clock[0].sinks:
                _complete(state, r, now_s)
        for k in range(stage.first_edge, stage.last_edge):
            t = state.edges[k].target
            visit = state.visits[r, t]
            visit.predecessors_done += 1
            if visit.predecessors_done < state.stages[t].predecessors:
                continue
            if state.edges[k].join_slot != NONE:
                _release_join(state, t, r, now_s)
            if visit.open == 0:
                pending[depth] = t
                depth += 1


@compiled
def _release_join(state: State, t: int, r: int, now_s: float) -> None:
    """All predecessors of join *t* are done: queue as many items as the largest edge brought."""
    items = 0
    for k in range(state.edges.size):
        if state.edges[k].target == t:
            items = max(items, state.brought[r, state.edges[k].join_slot])
    if items > 0:
        _enqueue(state, t, r, items, now_s)


@compiled
def _complete(state: State, r: int, now_s: float) -> None:
    clock, request = state.clock[0], state.requests[r]
    request.status = COMPLETED
    request.finish_s = now_s
    request.value = _value(state, r)
    chance = request.value / state.stages.size if clock.accuracy_mode == SUM else request.value
    outcomes = state.stages.size + 1
    request.labelled = uniform(state.streams, outcomes) < clock.labelled_share
    request.correct = uniform(state.streams, outcomes) < chance
    state.completed[clock.completed] = r
    clock.completed += 1


@compiled
def _value(state: State, r: int) -> float:
    """Return the accuracy of request *r* from who served it (see `simulator.twin`)."""
    mode = state.clock[0].accuracy_mode
    total = 0.0 if mode == SUM else 1.0
    code = 0
    for s in range(state.stages.size):
        visit = state.visits[r, s]
        v = visit.variant - 1 if visit.served else state.stages[s].variant
        code += state.variants[v].code
        if mode == SUM:
            total += visit.quality / visit.served if visit.served else state.variants[v].accuracy
        elif visit.served:
            total *= visit.quality / visit.served
    state.requests[r].code = code
    return total * state.joint[code] if mode == MEASURED else total


@compiled
def _bucket(bounds: np.ndarray, value: float) -> int:  # type: ignore[type-arg]
    """Return the index of the first bound that is not below *value*."""
    low, high = 0, bounds.size
    while low < high:
        middle = (low + high) // 2
        if bounds[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def uniform(streams: np.ndarray, k: int) -> float:  # type: ignore[type-arg]
    """Draw from [0, 1) of stream *k*: xoshiro256++ (Blackman and Vigna, 2019)."""
    s0, s1, s2, s3 = streams[k, 0], streams[k, 1], streams[k, 2], streams[k, 3]
    total = s0 + s3
    result = ((total << np.uint64(23)) | (total >> np.uint64(41))) + s0
    shifted = s1 << np.uint64(17)
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= shifted
    s3 = (s3 << np.uint64(45)) | (s3 >> np.uint64(19))
    streams[k, 0], streams[k, 1], streams[k, 2], streams[k, 3] = s0, s1, s2, s3
    return float(np.float64(result >> np.uint64(11)) * 2.0**-53)


@compiled
def _normal(streams: np.ndarray, k: int) -> float:  # type: ignore[type-arg]
    """Draw from the standard normal distribution (Box and Muller)."""
    radius = math.sqrt(-2.0 * math.log1p(-uniform(streams, k)))
    return radius * math.cos(2.0 * math.pi * uniform(streams, k))
