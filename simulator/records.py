"""The records the event loop works on: numpy structured arrays that compiled code and Python share.

Stages, variants and edges are numbered in the pipeline's order, the variants of all stages in one list.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.compiled import source_digest

Records = Any
"""A structured array. numpy's type stubs do not know fields, so the type checker must look away."""

NONE = -1
"""No record: the end of a chain."""

GONE, STARTING, IDLE, BUSY, DRAINING = 0, 1, 2, 3, 4
"""States of a replica slot."""

IN_FLIGHT, COMPLETED, EXPIRED, QUEUE_FULL = 0, 1, 2, 3
"""States of a request; the last two are reasons for a drop."""

DROP_REASONS = {EXPIRED: "expired", QUEUE_FULL: "queue_full"}

ACCURACY_MODES = ("product", "sum", "measured")
PRODUCT, SUM, MEASURED = 0, 1, 2

SERVICE_LAWS = ("lognormal", "deterministic", "exponential")
LOGNORMAL, DETERMINISTIC, EXPONENTIAL = 0, 1, 2

CLOCK = [
    ("next_request", "i8"),
    ("events", "i8"),
    ("sequence", "i8"),
    ("entry_head", "i8"),
    ("free_entries", "i8"),
    ("batch_head", "i8"),
    ("free_batches", "i8"),
    ("reserve", "i8"),
    ("completed", "i8"),
    ("sinks", "i8"),
    ("law", "i8"),
    ("accuracy_mode", "i8"),
    ("expires_s", "f8"),
    ("labelled_share", "f8"),
    ("now_s", "f8"),
    ("next_sample_s", "f8"),
    ("cores", "f8"),
    ("cores_since_s", "f8"),
]
STAGE = np.dtype(
    [
        ("queue_head", "i4"),
        ("queue_tail", "i4"),
        ("idle_head", "i4"),
        ("idle_tail", "i4"),
        ("queued", "i8"),
        ("queue_limit", "i8"),
        ("queue_area_s", "f8"),
        ("queue_since_s", "f8"),
        ("wait_s", "f8"),
        ("timer_s", "f8"),
        ("arrived", "i8"),
        ("served", "i8"),
        ("first_edge", "i4"),
        ("last_edge", "i4"),
        ("predecessors", "i4"),
        ("variant", "i4"),
        ("touched", "i4"),
    ]
)
REPLICA = np.dtype(
    [
        ("stage", "i4"),
        ("variant", "i4"),
        ("batch", "i4"),
        ("state", "i4"),
        ("occupied", "i4"),
        ("in_flight", "i4"),
        ("next_idle", "i4"),
        ("born", "i8"),
        ("slowdown", "f8"),
    ]
)
VARIANT = np.dtype(
    [
        ("stage", "i4"),
        ("first_point", "i4"),
        ("code", "i8"),
        ("cores", "f8"),
        ("accuracy", "f8"),
        ("fan_out", "f8"),
        ("slowdown", "f8"),
        ("accuracy_factor", "f8"),
    ]
)
POINT = np.dtype([("latency_s", "f8"), ("median_s", "f8"), ("sigma", "f8"), ("occupancy", "f8")])
EDGE = np.dtype([("target", "i4"), ("join_slot", "i4"), ("fan_out", "f8")])
ENTRY = np.dtype([("request", "i4"), ("items", "i4"), ("next", "i4"), ("since_s", "f8")])
BATCH = np.dtype(
    [
        ("replica", "i4"),
        ("variant", "i4"),
        ("size", "i4"),
        ("entry", "i4"),
        ("next", "i4"),
        ("frees", "i4"),
        ("active", "i4"),
        ("start_s", "f8"),
    ]
)
EVENT = np.dtype([("time_s", "f8"), ("sequence", "i8"), ("kind", "i4"), ("target", "i4")])
REQUEST = np.dtype(
    [
        ("status", "i1"),
        ("labelled", "i1"),
        ("correct", "i1"),
        ("sinks_done", "i4"),
        ("code", "i8"),
        ("finish_s", "f8"),
        ("value", "f8"),
    ]
)
VISIT = np.dtype(
    [
        ("open", "i4"),
        ("predecessors_done", "i4"),
        ("served", "i4"),
        ("variant", "i4"),
        ("quality", "f8"),
    ]
)


def clock_type() -> np.dtype[np.void]:
    """Return the type of the one clock record.

    Compiled code is looked up by the types of its arguments. The last field's name holds a digest of
    the sources it was compiled from, so a change of any of them leads to code compiled anew.
    """
    return np.dtype([*CLOCK, (f"compiled_from_{source_digest()}", "i1")])


class State(NamedTuple):
    """Everything the event loop reads and writes."""

    clock: Records
    stages: Records
    variants: Records
    points: Records
    edges: Records
    replicas: Records
    entries: Records
    batches: Records
    heap: Records
    arrivals: NDArray[np.float64]
    requests: Records
    visits: Records
    """By request and stage."""
    brought: NDArray[np.int32]
    """Items by request and edge into a join."""
    completed: NDArray[np.int32]
    """Requests in the order of completion."""
    joint: NDArray[np.float64]
    """Measured joint accuracy by code of the combination."""
    drops: NDArray[np.int64]
    bounds_s: NDArray[np.float64]
    """Upper bounds of the buckets of waits and service times."""
    wait_counts: NDArray[np.int64]
    wait_sum_s: NDArray[np.float64]
    service_counts: NDArray[np.int64]
    service_sum_s: NDArray[np.float64]
    batch_counts: NDArray[np.int64]
    """By variant and batch size."""
    core_seconds: NDArray[np.float64]
    """By second."""
    queue_samples: NDArray[np.int32]
    """Queue length by whole second and stage."""
    streams: NDArray[np.uint64]
    """Random streams: one for the service of each stage, one for fan-out, one for outcomes."""
    scratch: NDArray[np.int64]
