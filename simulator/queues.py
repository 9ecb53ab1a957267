"""The queue of each stage: a chain of entries, each some items of one request, first come first served.

Part of the compiled event loop (see `simulator.compiled`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.compiled import compiled, inlined
from simulator.records import EXPIRED, IN_FLIGHT, NONE, QUEUE_FULL, State


@compiled
def change_queue(state: State, s: int, items: int, now_s: float) -> None:
    """Account for the queue until now, then change its length by *items*."""
    stage = state.stages[s]
    stage.queue_area_s += stage.queued * (now_s - stage.queue_since_s)
    stage.queue_since_s = now_s
    stage.queued += items


@inlined
def enqueue(state: State, s: int, r: int, items: int, now_s: float) -> None:
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


@inlined
def take(state: State, s: int, most: int, now_s: float) -> int:
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
    state.wait_counts[s, bucket(state.bounds_s, waited_s)] += items
    return int(e)


@inlined
def discarded_head(state: State, s: int, now_s: float) -> bool:
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
    free_entry(state, e)
    return True


@inlined
def _drop(state: State, r: int, reason: int, now_s: float) -> None:
    request = state.requests[r]
    request.status = reason
    request.finish_s = now_s
    state.drops[reason] += 1


@inlined
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


@inlined
def free_entry(state: State, e: int) -> None:
    """Give an entry back to the pool."""
    clock = state.clock[0]
    state.entries[e].next = clock.entry_head
    clock.entry_head = e
    clock.free_entries += 1


@inlined
def bucket(bounds: NDArray[np.float64], value: float) -> int:
    """Return the index of the first bound that is not below *value*."""
    low, high = 0, bounds.size
    while low < high:
        middle = (low + high) // 2
        if bounds[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low
