"""The events to come: a binary heap with a total order by (time, sequence of scheduling).

Part of the compiled event loop (see `simulator.compiled`).
"""

from __future__ import annotations

from simulator.compiled import inlined
from simulator.records import Records, State

LEAVES, FREES, TIMER = 0, 1, 2
"""A batch leaves its replica; a replica can take the next one; a batch timer ends."""


@inlined
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


@inlined
def pop(state: State) -> None:
    """Take the first event off."""
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


@inlined
def _precedes(event: Records, time_s: float, sequence: int) -> bool:
    return bool(event.time_s < time_s or (event.time_s == time_s and event.sequence < sequence))
