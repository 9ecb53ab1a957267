"""What a pipeline is: a DAG of stages, each served by interchangeable variants with measured profiles.

A stage without predecessors receives every request. A completed item at a stage sends
`variant.fan_out * edge.fan_out` items along each outgoing edge, on average. A stage with several
predecessors is a join: it waits for all of them, and works on as many items as the largest of its
incoming edges brings. Accuracies are in [0, 1], times in seconds, rates in requests per second.
"""

from __future__ import annotations

import hashlib
import math
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from core.errors import UsageError
from core.objective import Limits, Objective
from core.values import Count, Fraction, Frozen, Name, Number, Size, Stated, StatedPositive

Column = NDArray[np.float64]

AccuracyMode = Literal["product", "sum", "measured"]


class Measurement(Frozen):
    """One profiled point: how one replica behaves at one batch size."""

    batch: Size
    latency_s: Annotated[StatedPositive, Field(alias="latency")]
    """Service-time quantile (the one the SLO names) of one full batch, in seconds."""
    throughput: StatedPositive | None = None
    """Requests per second of one busy replica; None where only batch / latency is known."""
    median_s: Annotated[StatedPositive | None, Field(alias="median")] = None
    """Median service time of one full batch, in seconds; None where it was not measured."""

    @property
    def throughput_rps(self) -> float:
        """Requests per second of one busy replica: as measured, else batch / latency."""
        return self.batch / self.latency_s if self.throughput is None else self.throughput


class Variant(Frozen):
    """One model that can serve a stage."""

    name: Name
    accuracy: Fraction
    cores: StatedPositive
    """CPU cores of one replica."""
    load_time_s: Annotated[Stated, Field(alias="loadTime")] = 0.0
    """From start to ready, in seconds."""
    fan_out: Annotated[Stated, Field(alias="fanOut")] = 1.0
    """Items sent on per item served."""
    profile: Annotated[tuple[Measurement, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _batches_are_distinct(self) -> Variant:
        batches = [point.batch for point in self.profile]
        if len(set(batches)) != len(batches):
            raise ValueError("each batch size may be profiled once; remove the repeated one")
        return self

    @cached_property
    def points(self) -> Mapping[int, Measurement]:
        """The measured points by batch size, ascending."""
        return {point.batch: point for point in sorted(self.profile, key=lambda p: p.batch)}

    def at(self, batch: int) -> Measurement:
        """Return the point measured at *batch*.

        Raises:
            UsageError: the batch was not measured.
        """
        if batch not in self.points:
            known = ", ".join(map(str, self.points))
            raise UsageError(f"variant {self.name!r} was not measured at batch {batch}, only {known}")
        return self.points[batch]

    def interpolated(self, batch: int) -> Measurement:
        """Estimate the point at *batch* by a line between the measured neighbours.

        For the simulator, displays and policies that react; the solver never uses it.

        Raises:
            UsageError: *batch* lies outside the measured range.
        """
        if batch in self.points:
            return self.points[batch]
        sizes = list(self.points)
        if not sizes[0] <= batch <= sizes[-1]:
            raise UsageError(
                f"batch {batch} lies outside the measured range {sizes[0]}..{sizes[-1]} "
                f"of variant {self.name!r}"
            )
        above = bisect_left(sizes, batch)
        low, high = self.points[sizes[above - 1]], self.points[sizes[above]]
        share = (batch - low.batch) / (high.batch - low.batch)
        return Measurement(
            batch=batch,
            latency_s=low.latency_s + share * (high.latency_s - low.latency_s),
            throughput=low.throughput_rps + share * (high.throughput_rps - low.throughput_rps),
        )


@dataclass(frozen=True, slots=True, eq=False)
class ProfileColumns:
    """A stage's profile as columns, a row for each variant, by name, and batch that may run there.

    Compared by identity: a stage that keeps one must still compare equal to one that does not.
    """

    variant: Column
    """Its index among the variants."""
    batch: Column
    latency_s: Column
    throughput_rps: Column
    median_s: Column
    """NaN where it was not measured."""
    cores: Column
    accuracy: Column
    load_time_s: Column
    fan_out: Column


class Edge(Frozen):
    """Where a stage's items come from."""

    stage: Name
    fan_out: Annotated[Stated, Field(alias="fanOut")] = 1.0
    """Multiplies the fan-out of the sending variant."""


class ReplicaBounds(Frozen):
    """How many replicas a stage may have."""

    min: Count = 1
    max: Size = 100

    @model_validator(mode="after")
    def _ordered(self) -> ReplicaBounds:
        if self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}; swap or widen them")
        return self


class Stage(Frozen):
    """One step of the pipeline."""

    name: Name
    after: tuple[Edge, ...] = ()
    """Incoming edges; empty for a stage that receives the requests themselves."""
    replicas: ReplicaBounds = ReplicaBounds()
    max_cores: Annotated[StatedPositive | None, Field(alias="maxCores")] = None
    """Cores this stage may use in all; None for no limit of its own."""
    batches: tuple[Size, ...] | None = None
    """Batch sizes that may be chosen; None for every profiled one."""
    variants: Annotated[tuple[Variant, ...], Field(min_length=1)]

    @cached_property
    def by_name(self) -> Mapping[str, Variant]:
        """The variants by name."""
        return {variant.name: variant for variant in self.variants}

    def variant(self, name: str) -> Variant:
        """Return the variant called *name*.

        Raises:
            UsageError: there is none.
        """
        if name not in self.by_name:
            known = ", ".join(self.by_name)
            raise UsageError(f"stage {self.name!r} has no variant {name!r}, only {known}")
        return self.by_name[name]

    @cached_property
    def profile_columns(self) -> ProfileColumns:
        """The profile as columns."""
        by_name = sorted(range(len(self.variants)), key=lambda i: self.variants[i].name)
        rows = [
            (
                i,
                batch,
                (point := variant.points[batch]).latency_s,
                point.throughput_rps,
                math.nan if point.median_s is None else point.median_s,
                variant.cores,
                variant.accuracy,
                variant.load_time_s,
                variant.fan_out,
            )
            for i in by_name
            for variant in [self.variants[i]]
            for batch in self.batches_of(variant)
        ]
        table = np.array(rows, dtype=float).reshape(-1, len(fields(ProfileColumns)))
        return ProfileColumns(*table.T)

    def batches_of(self, variant: Variant) -> list[int]:
        """Return the batch sizes at which *variant* may run here, ascending."""
        return [b for b in variant.points if self.batches is None or b in self.batches]


class Slo(Frozen):
    """The promise on end-to-end latency."""

    latency_s: Annotated[StatedPositive, Field(alias="latency")]
    quantile: Annotated[Number, Field(gt=0, lt=1)] = 0.99


class MeasuredAccuracy(Frozen):
    """One row of the joint accuracy table: variants in the order of the stages."""

    variants: tuple[Name, ...]
    accuracy: Fraction


class Pipeline(Frozen):
    """A DAG of stages with one end-to-end latency SLO. Stages are in topological order."""

    name: Name
    slo: Slo
    accuracy: AccuracyMode = "product"
    objective: Objective = Objective()
    limits: Limits = Limits()
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]
    accuracy_table: Annotated[tuple[MeasuredAccuracy, ...] | None, Field(alias="accuracyTable")] = None

    @cached_property
    def by_name(self) -> Mapping[str, Stage]:
        """The stages by name."""
        return {stage.name: stage for stage in self.stages}

    def stage(self, name: str) -> Stage:
        """Return the stage called *name*.

        Raises:
            UsageError: there is none.
        """
        if name not in self.by_name:
            raise UsageError(f"pipeline {self.name!r} has no stage {name!r}, only {', '.join(self.by_name)}")
        return self.by_name[name]

    def with_slo(self, latency_s: float) -> Pipeline:
        """Return the pipeline with another promise on latency, in seconds, at the same quantile."""
        return self.model_copy(update={"slo": self.slo.model_copy(update={"latency_s": latency_s})})

    @cached_property
    def joint_accuracy(self) -> Mapping[tuple[str, ...], float]:
        """The joint accuracy by variant names in stage order; empty where none was measured."""
        return {row.variants: row.accuracy for row in self.accuracy_table or ()}

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the pipeline's one JSON text, in hexadecimal."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    @cached_property
    def successors(self) -> Mapping[str, tuple[str, ...]]:
        """The stages fed by each stage."""
        return {
            stage.name: tuple(
                other.name for other in self.stages if any(e.stage == stage.name for e in other.after)
            )
            for stage in self.stages
        }
