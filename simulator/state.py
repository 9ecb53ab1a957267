"""How the records of the event loop are built from a pipeline, and how they grow."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from core.errors import UsageError
from core.pipeline import Pipeline
from simulator.options import TwinOptions
from simulator.records import (
    ACCURACY_MODES,
    BATCH,
    DROP_REASONS,
    EDGE,
    ENTRY,
    EVENT,
    POINT,
    REPLICA,
    REQUEST,
    SERVICE_LAWS,
    STAGE,
    VARIANT,
    VISIT,
    Records,
    State,
    clock_type,
)
from simulator.service import service_times

NO_LIMIT = 2**62
FIRST_POOL = 1024
"""Entries, batches and events there is room for at first; the pools double when they run out."""

MOST_COMBINATIONS = 1_000_000
"""Combinations of variants for which a dense table of joint accuracies is kept."""


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
    clock = np.zeros(1, clock_type())
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
    rows: list[tuple[float, ...]] = []
    points: list[tuple[float, ...]] = []
    largest = 1
    for s, (stage, stride) in enumerate(zip(pipeline.stages, strides(pipeline), strict=True)):
        for k, variant in enumerate(stage.variants):
            most = max(stage.batches_of(variant), default=1)
            largest = max(largest, most)
            rows.append((s, len(points), k * stride, variant.cores, variant.accuracy, variant.fan_out, 1, 1))
            times = service_times(variant, largest=most, quantile=pipeline.slo.quantile, options=options)
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
