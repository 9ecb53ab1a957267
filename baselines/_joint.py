"""Every combination of variants and batch sizes of a pipeline, as rows of arrays: for exact enumeration.

What does not depend on the load is laid out once. At a load, replicas, cores and latency of every row are a
few array operations, so the best row of some thousands is found in well under a millisecond. A pair of a
variant and a batch is left out where a smaller batch of the same variant is no slower and serves no less:
it is never better in anything that a policy here counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.configuration import Configuration, StageConfiguration
from core.errors import UsageError
from core.pipeline import Measurement, Pipeline, Stage
from core.problem import TOLERANCE

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_ROWS = 500_000
"""Combinations that are enumerated; more would neither fit the interval nor be the published sizes."""


@dataclass(frozen=True, slots=True, eq=False)
class Joint:
    """The combinations: a row each, a column for each stage where a figure is a stage's own."""

    pipeline: Pipeline
    variant: Ints
    """Index into the stage's variants."""
    batch: Ints
    latency_s: Floats
    rate_rps: Floats
    """Of one busy replica."""
    cores: Floats
    """Of one replica."""
    share: Floats
    """Items that reach the stage for each request."""
    accuracy: Floats
    """Of the pipeline, in its own mode; rows of combinations never measured are left out."""

    def fewest(self, load_rps: float) -> Floats:
        """Return the fewest replicas whose capacity carries the load, at least 0."""
        return np.ceil(load_rps * self.share / self.rate_rps * (1 - TOLERANCE))

    def filling_s(self, load_rps: float) -> Floats:
        """Return the longest time a stage's first item waits for its batch: (b - 1) / load_s."""
        with np.errstate(divide="ignore", invalid="ignore"):
            waits = (self.batch - 1) / (load_rps * self.share)
        return np.where(self.batch == 1, 0.0, waits)

    def longest_path_s(self, latency_s: Floats) -> Floats:
        """Return each row's end-to-end latency, given its stages'."""
        column = {stage.name: i for i, stage in enumerate(self.pipeline.stages)}
        finish = np.zeros_like(latency_s)
        for i, stage in enumerate(self.pipeline.stages):
            start = np.zeros(len(latency_s))
            for edge in stage.after:
                start = np.maximum(start, finish[:, column[edge.stage]])
            finish[:, i] = start + latency_s[:, i]
        longest: Floats = finish.max(axis=1)
        return longest

    def most(self, caps: Ints) -> Floats:
        """Return the most replicas of each row within *caps* by stage and the stages' own cores."""
        most = np.broadcast_to(caps.astype(float), self.cores.shape).copy()
        for i, stage in enumerate(self.pipeline.stages):
            if stage.max_cores is not None:
                fitting = np.floor(stage.max_cores * (1 + TOLERANCE) / self.cores[:, i])
                most[:, i] = np.minimum(most[:, i], fitting)
        return most

    def configuration(self, row: int, replicas: Floats) -> Configuration:
        """Return row *row* with *replicas*, by stage, as a configuration."""
        return Configuration(
            stages=tuple(
                StageConfiguration(
                    stage=stage.name,
                    variant=stage.variants[int(self.variant[row, i])].name,
                    batch=int(self.batch[row, i]),
                    replicas=int(replicas[i]),
                )
                for i, stage in enumerate(self.pipeline.stages)
            )
        )


def joint(pipeline: Pipeline, batch_cap: int | None = None) -> Joint:
    """Return every combination of variants and of batch sizes up to *batch_cap*.

    Raises:
        UsageError: there are more than `MOST_ROWS`, or a stage has no batch that small.
    """
    pairs = [_pairs(stage, batch_cap) for stage in pipeline.stages]
    if math.prod(map(len, pairs)) > MOST_ROWS:
        raise UsageError(
            f"pipeline {pipeline.name!r} has {math.prod(map(len, pairs))} combinations of variants and "
            f"batches, at most {MOST_ROWS} are enumerated; lower the batch cap or leave out variants"
        )
    index = np.indices([len(p) for p in pairs]).reshape(len(pairs), -1)
    table = np.stack([np.array(p, dtype=float)[i] for p, i in zip(pairs, index, strict=True)], axis=1)
    variant = table[:, :, 0].astype(np.int64)
    accuracy = _accuracy(pipeline, variant)
    known = ~np.isnan(accuracy)
    table, variant = table[known], variant[known]
    return Joint(
        pipeline=pipeline,
        variant=variant,
        batch=table[:, :, 1].astype(np.int64),
        latency_s=table[:, :, 2],
        rate_rps=table[:, :, 3],
        cores=table[:, :, 4],
        share=_shares(pipeline, table[:, :, 5]),
        accuracy=accuracy[known],
    )


def distinct_batches(pipeline: Pipeline, batch_cap: int | None) -> int:
    """Return how many batch sizes up to *batch_cap* are profiled anywhere in the pipeline."""
    sizes = {b for stage in pipeline.stages for v in stage.variants for b in stage.batches_of(v)}
    return len({b for b in sizes if batch_cap is None or b <= batch_cap})


def _pairs(stage: Stage, batch_cap: int | None) -> list[tuple[float, ...]]:
    found: list[tuple[float, ...]] = []
    for index, variant in enumerate(stage.variants):
        kept: list[Measurement] = []
        for batch in stage.batches_of(variant):
            point = variant.points[batch]
            if (batch_cap is not None and batch > batch_cap) or _is_beaten(point, kept):
                continue
            kept.append(point)
            row = (index, batch, point.latency_s, point.throughput_rps, variant.cores, variant.fan_out)
            found.append(row)
    if not found:
        raise UsageError(f"stage {stage.name!r} has no variant measured at a batch of {batch_cap} or less")
    return found


def _is_beaten(point: Measurement, smaller: list[Measurement]) -> bool:
    return any(p.latency_s <= point.latency_s and p.throughput_rps >= point.throughput_rps for p in smaller)


def _shares(pipeline: Pipeline, fan_out: Floats) -> Floats:
    column = {stage.name: i for i, stage in enumerate(pipeline.stages)}
    share = np.ones_like(fan_out)
    for i, stage in enumerate(pipeline.stages):
        if stage.after:
            sending = [column[edge.stage] for edge in stage.after]
            arriving = [
                share[:, j] * fan_out[:, j] * e.fan_out for j, e in zip(sending, stage.after, strict=True)
            ]
            share[:, i] = np.max(arriving, axis=0)
    return share


def _accuracy(pipeline: Pipeline, variant: Ints) -> Floats:
    if pipeline.accuracy == "measured":
        unknown: Floats = np.array([_measured(pipeline, row) for row in variant.tolist()])
        return unknown
    columns = [
        np.array([v.accuracy for v in s.variants])[variant[:, i]] for i, s in enumerate(pipeline.stages)
    ]
    values = np.stack(columns)
    total: Floats = values.sum(axis=0) if pipeline.accuracy == "sum" else values.prod(axis=0)
    return total


def _measured(pipeline: Pipeline, row: list[int]) -> float:
    names = tuple(s.variants[i].name for s, i in zip(pipeline.stages, row, strict=True))
    return pipeline.joint_accuracy.get(names, math.nan)
