"""What was measured over the last interval. None is unknown and never means zero."""

from __future__ import annotations

from core.values import Count, Fraction, Frozen, Name, NonNegative, PositiveCount

QUANTILES = (0.5, 0.95, 0.99)
"""The shares of requests whose latency is kept on record beside that of the SLO."""


class ServiceObservation(Frozen):
    """Service times of one variant at one batch size, as measured."""

    variant: Name
    batch: PositiveCount
    batches: Count
    """How many were served in the interval."""
    mean_s: NonNegative
    """Mean service time of one batch, in seconds."""
    sizes: tuple[tuple[PositiveCount, PositiveCount], ...] = ()
    """How many batches had which size, as (size, batches); empty where only the mean size is known."""


class LabelledObservation(Frozen):
    """Labelled samples that one combination of variants answered."""

    variants: tuple[Name, ...]
    """In stage order."""
    labelled: PositiveCount
    correct: Count


class ExaminedObservation(Frozen):
    """Labelled cases that one variant of a stage answered alone, on ideal inputs."""

    variant: Name
    labelled: PositiveCount
    correct: Count


class LatencyQuantile(Frozen):
    """How quick a share of the requests was."""

    quantile: Fraction
    latency_s: NonNegative
    """End to end; that share took no longer."""


class StageObservation(Frozen):
    """One stage over the interval."""

    stage: Name
    arrivals_rps: NonNegative | None
    queue: NonNegative | None
    """Items waiting at the end of the interval."""
    ready: Count | None
    """Replicas that serve at the end of the interval."""
    services: tuple[ServiceObservation, ...] = ()
    examined: tuple[ExaminedObservation, ...] = ()
    """Of variants that serve, and of those that only answer cases."""


class Observation(Frozen):
    """The pipeline over the interval that ended at *time_s*."""

    time_s: NonNegative
    """End of the interval, in seconds of the loop's clock."""
    interval_s: NonNegative
    loads_rps: tuple[NonNegative | None, ...]
    """Requests per second, a sample for each second, oldest first; None where a scrape is missing."""
    latency_s: NonNegative | None
    """End-to-end latency at the quantile the SLO names."""
    latencies: tuple[LatencyQuantile, ...] = ()
    """At each of `QUANTILES`, ascending; empty where nothing is known of them."""
    in_time: Fraction | None
    """Share of the finished and dropped requests that were served within the SLO."""
    judged: Count = 0
    """How many requests that share rests on: those that finished or were dropped in the interval."""
    dropped_rps: NonNegative | None
    accuracy: Fraction | None
    """Share of labelled samples answered correctly."""
    labelled: Count = 0
    """How many labelled samples that share rests on."""
    labelled_by: tuple[LabelledObservation, ...] | None = None
    """Those samples by the combination that served them; None where nothing counts them."""
    stages: tuple[StageObservation, ...] = ()
