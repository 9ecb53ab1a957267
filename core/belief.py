"""What observations say against the profile: slower variants, lower accuracy, lost capacity.

A belief only ever holds what an assessment measured; each correction carries its evidence.
Factors multiply the profiled figure: a latency factor of 1.31 is "31 % slower than profiled".
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from core.values import Count, Frozen, Name, NonNegative, Number, Positive


class Evidence(Frozen):
    """Why a correction is believed."""

    statement: str
    """One line a person can check."""
    low: Number
    high: Number
    """Interval in which the measurement puts the corrected figure, in the figure's own unit."""
    since_s: NonNegative
    """Time of the first observation that supports it, in seconds of the loop's clock."""


class LatencyFactor(Frozen):
    """A variant's service time against its profile."""

    stage: Name
    variant: Name
    factor: Positive
    evidence: Evidence


class AccuracyFactor(Frozen):
    """A variant's accuracy against its profile."""

    stage: Name
    variant: Name
    factor: Annotated[Number, Field(ge=0, le=1)]
    """Share of the profiled accuracy that is left."""
    evidence: Evidence


class ReplicaCap(Frozen):
    """Replicas a stage can get at present, where that is fewer than its bound."""

    stage: Name
    replicas: Count
    evidence: Evidence


class Belief(Frozen):
    """The corrections to the profile; empty means the profile is believed as it is."""

    latency: tuple[LatencyFactor, ...] = ()
    accuracy: tuple[AccuracyFactor, ...] = ()
    capacity: tuple[ReplicaCap, ...] = ()

    def latency_factor(self, stage: str, variant: str) -> float:
        """Return how many times the profiled service time *variant* takes."""
        for correction in self.latency:
            if (correction.stage, correction.variant) == (stage, variant):
                return correction.factor
        return 1.0

    def accuracy_factor(self, stage: str, variant: str) -> float:
        """Return the share of the profiled accuracy that is left."""
        for correction in self.accuracy:
            if (correction.stage, correction.variant) == (stage, variant):
                return correction.factor
        return 1.0

    def replica_cap(self, stage: str) -> int | None:
        """Return the replicas the stage can get; None where nothing was lost."""
        caps = [cap.replicas for cap in self.capacity if cap.stage == stage]
        return min(caps) if caps else None
