"""The records the event loop works on, and how they are built from a pipeline.

Every record is a numpy structured array, so that compiled code and Python share them. Stages,
variants and edges are numbered in the pipeline's order; the variants of all stages in one list.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.errors import UsageError
from core.pipeline import Pipeline
from simulator.options import TwinOptions
from simulator.service import service_times

Records = Any
"""A structured array. numpy's type stubs do not know fields, so the type checker must look away."""

CLOCK = np.dtype(
    [
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
        ("next_sample_s", "f8"),
        ("cores", "f8"),
        ("cores_since_s", "f8"),
    ]
)
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

NO_LIMIT = 2**62
FIRST_POOL = 1024
"""Entries, batches and events there is room for at first; the pools double when they run out."""

MOST_COMBINATIONS = 1_000_000
"""Combinations of variants for which a dense table of joint accuracies is kept."""

ACCURACY_MODES = ("product", "sum", "measured")
SERVICE_LAWS = ("lognormal", "deterministic", "exponential")
DROP_REASONS = {2: "expired", 3: "queue_full"}
"""By status of the request."""


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


def initial_state(
    pipeline: Pipeline,
    arrivals: NDArray[np.float64],
    *,
    bounds_s: NDArray[np.float64],
    streams: NDArray[np.uint64],
    options: TwinOptions,
) -> State:
    """Return the state before the first event, with no replica yet.

    Raises:
        UsageError: a queue limit names no stage, or the joint table would be too large.
    """
    variants, points, largest = _variants(pipeline, options)
    edges, joins = _edges(pipeline)
    n_stages, n_requests, n_buckets = len(pipeline.stages), arrivals.size, bounds_s.size + 1
    return State(
        clock=_clock(pipeline, options),
        stages=_stages(pipeline, options),
        variants=variants,
        points=points,
        edges=edges,
        replicas=np.zeros(0, REPLICA),
        entries=_chained(np.zeros(FIRST_POOL, ENTRY), 0, -1),
        batches=_chained(np.zeros(FIRST_POOL, BATCH), 0, -1),
        heap=np.zeros(FIRST_POOL, EVENT),
        arrivals=arrivals,
        requests=np.zeros(n_requests, REQUEST),
        visits=np.zeros((n_requests, n_stages), VISIT),
        brought=np.zeros((n_requests if joins else 0, max(joins, 1)), np.int32),
        completed=np.zeros(n_requests, np.int32),
        joint=_joint_table(pipeline),
        drops=np.zeros(max(DROP_REASONS) + 1, np.int64),
        bounds_s=bounds_s,
        wait_counts=np.zeros((n_stages, n_buckets), np.int64),
        wait_sum_s=np.zeros(n_stages),
        service_counts=np.zeros((variants.size, n_buckets), np.int64),
        service_sum_s=np.zeros(variants.size),
        batch_counts=np.zeros((variants.size, largest + 1), np.int64),
        core_seconds=np.zeros(1),
        queue_samples=np.zeros((1, n_stages), np.int32),
        streams=streams,
        scratch=np.zeros(n_stages + 1, np.int64),
    )


def first_variants(pipeline: Pipeline) -> list[int]:
    """Return the number of each stage's first variant in the list of all."""
    firsts, total = [], 0
    for stage in pipeline.stages:
        firsts.append(total)
        total += len(stage.variants)
    return firsts


def strides(pipeline: Pipeline) -> list[int]:
    """Return what one step of each stage's variant adds to the code of a combination."""
    values, product = [], 1
    for stage in reversed(pipeline.stages):
        values.append(product)
        product *= len(stage.variants)
    if product > NO_LIMIT:
        raise UsageError(f"pipeline {pipeline.name!r} has {product:.2g} combinations of variants")
    return values[::-1]


def variants_of(pipeline: Pipeline, code: int) -> tuple[str, ...]:
    """Return the variants, in stage order, of a combination."""
    names = []
    for stage, stride in zip(pipeline.stages, strides(pipeline), strict=True):
        names.append(stage.variants[code // stride % len(stage.variants)].name)
    return tuple(names)


def code_of(pipeline: Pipeline, names: tuple[str, ...]) -> int:
    """Return the code of a combination of variants, given in stage order."""
    return sum(
        stage.variants.index(stage.variant(name)) * stride
        for stage, name, stride in zip(pipeline.stages, names, strides(pipeline), strict=True)
    )


def grown(state: State, *, seconds: int) -> State:
    """Return *state* with room for the reserve in every pool and for *seconds* of series."""
    clock = state.clock[0]
    while clock["free_entries"] < clock["reserve"]:
        entries = _doubled(state.entries)
        _chained(entries, state.entries.size, int(clock["entry_head"]))
        clock["entry_head"] = state.entries.size
        clock["free_entries"] += state.entries.size
        state = state._replace(entries=entries)
    while clock["free_batches"] < clock["reserve"]:
        batches = _doubled(state.batches)
        _chained(batches, state.batches.size, int(clock["batch_head"]))
        clock["batch_head"] = state.batches.size
        clock["free_batches"] += state.batches.size
        state = state._replace(batches=batches)
    while clock["events"] + clock["reserve"] > state.heap.size:
        state = state._replace(heap=_doubled(state.heap))
    while state.core_seconds.size < seconds:
        state = state._replace(
            core_seconds=_doubled(state.core_seconds), queue_samples=_doubled(state.queue_samples)
        )
    return state


def _doubled(records: Records) -> Records:
    more = np.zeros((2 * records.shape[0], *records.shape[1:]), records.dtype)
    more[: records.shape[0]] = records
    return more


def _chained(records: Records, first: int, after: int) -> Records:
    """Chain the records from *first* on into a free list that ends in *after*."""
    records["next"][first:] = np.arange(first + 1, records.size + 1)
    records["next"][-1] = after
    return records


def _clock(pipeline: Pipeline, options: TwinOptions) -> Records:
    clock = np.zeros(1, CLOCK)
    clock["free_entries"] = FIRST_POOL
    clock["free_batches"] = FIRST_POOL
    clock["sinks"] = sum(not following for following in pipeline.successors.values())
    clock["law"] = SERVICE_LAWS.index(options.service)
    clock["accuracy_mode"] = ACCURACY_MODES.index(pipeline.accuracy)
    clock["expires_s"] = (
        options.expires_after * pipeline.slo.latency_s if options.drop == "expired" else math.inf
    )
    clock["labelled_share"] = options.labelled_share
    return clock


def _stages(pipeline: Pipeline, options: TwinOptions) -> Records:
    for name in options.queue_limits:
        pipeline.stage(name)
    stages = np.zeros(len(pipeline.stages), STAGE)
    for field in ("queue_head", "queue_tail", "idle_head", "idle_tail"):
        stages[field] = -1
    stages["timer_s"] = math.inf
    edge = 0
    for s, stage in enumerate(pipeline.stages):
        stages[s]["queue_limit"] = options.queue_limits.get(stage.name, NO_LIMIT)
        stages[s]["predecessors"] = len(stage.after)
        stages[s]["first_edge"] = edge
        edge += sum(e.stage == stage.name for other in pipeline.stages for e in other.after)
        stages[s]["last_edge"] = edge
    return stages


def _edges(pipeline: Pipeline) -> tuple[Records, int]:
    """Return the edges by source, and how many lead into joins."""
    found: list[tuple[int, int, float]] = []
    joins = 0
    for source in pipeline.stages:
        for t, target in enumerate(pipeline.stages):
            for edge in target.after:
                if edge.stage == source.name:
                    is_join = len(target.after) > 1
                    found.append((t, joins if is_join else -1, edge.fan_out))
                    joins += is_join
    return np.array(found, EDGE), joins


def _variants(pipeline: Pipeline, options: TwinOptions) -> tuple[Records, Records, int]:
    """Return variants, their points, and the largest batch of any."""
    rows, points, largest = [], [], 1
    for s, (stage, stride) in enumerate(zip(pipeline.stages, strides(pipeline), strict=True)):
        for k, variant in enumerate(stage.variants):
            most = max(stage.batches_of(variant), default=1)
            largest = max(largest, most)
            rows.append(
                (s, len(points), k * stride, variant.cores, variant.accuracy, variant.fan_out, 1, 1)
            )
            times = service_times(
                variant, largest=most, quantile=pipeline.slo.quantile, options=options
            )
            points += [(t.latency_s, t.median_s, t.sigma, t.occupancy) for t in times]
    variants = np.array(rows, VARIANT)
    if pipeline.accuracy == "measured":
        variants["accuracy"] = 1.0  # the joint table holds it all; only drift multiplies it
    return variants, np.array(points, POINT), largest


def _joint_table(pipeline: Pipeline) -> NDArray[np.float64]:
    """Return joint accuracies by code; where none was measured, the product of the stages'."""
    if pipeline.accuracy != "measured":
        return np.zeros(1)
    size = math.prod(len(stage.variants) for stage in pipeline.stages)
    if size > MOST_COMBINATIONS:
        raise UsageError(f"{size:.3g} combinations are too many for a table of joint accuracies")
    table = np.ones(1)
    for stage in pipeline.stages:
        table = np.multiply.outer(table, [v.accuracy for v in stage.variants]).reshape(-1)
    for names, accuracy in pipeline.joint_accuracy.items():
        table[code_of(pipeline, names)] = accuracy
    return table
