"""What goes wrong during an episode, on a schedule: the faults a twin can be given.

Times are seconds of the twin's clock. A window is [start, end). A window whose end is None lasts until
the end of the episode.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from core.errors import UsageError
from core.pipeline import Pipeline
from core.values import Count, Fraction, Frozen, Name, NonNegative, Positive, PositiveCount


class Window(Frozen):
    """When a fault lasts."""

    start_s: NonNegative
    end_s: NonNegative | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Window:
        if self.end_s is not None and self.end_s <= self.start_s:
            raise ValueError(f"the fault ends at {self.end_s:g} s, not after {self.start_s:g} s")
        return self

    def covers(self, time_s: float) -> bool:
        """Say whether the fault is on at *time_s*."""
        return self.start_s <= time_s and (self.end_s is None or time_s < self.end_s)


class ReplicaCrash(Window):
    """Replicas die at `start_s`; the items they were serving go back to the head of the queue.

    The longest serving die first, then those still loading. With `restarts` the replacements start at
    once, cold. Without, the stage is short of that many replicas until the end of the window; where the crash
    is of one variant, only as long as it is to run that.
    """

    kind: Literal["replica crash"] = "replica crash"
    stage: Name
    variant: Name | None = None
    """Whose replicas die; None for whatever runs there."""
    replicas: PositiveCount = 1
    restarts: bool = True


class Straggler(Window):
    """The replicas that have served longest become slower, for as long as they live."""

    kind: Literal["straggler"] = "straggler"
    stage: Name
    factor: Positive
    """Multiplies their service time."""
    share: Annotated[Fraction, Field(gt=0)] = 1.0
    """Share of the replicas ready at the start that is hit, rounded up to a whole replica."""


class Drift(Window):
    """A factor on one variant that grows linearly from 1 during `ramp_s`, then stays."""

    stage: Name
    variant: Name
    ramp_s: NonNegative = 0.0
    """0 for a step."""

    def share(self, time_s: float) -> float:
        """Return how much of the drift has come about at *time_s*, in [0, 1]."""
        if not self.covers(time_s):
            return 0.0
        return 1.0 if self.ramp_s == 0 else min(1.0, (time_s - self.start_s) / self.ramp_s)


class LatencyDrift(Drift):
    """A variant's service time moves away from its profile."""

    kind: Literal["latency drift"] = "latency drift"
    factor: Positive
    """Multiplies the service time."""


class AccuracyDrift(Drift):
    """A variant's answers are right less often than profiled."""

    kind: Literal["accuracy drift"] = "accuracy drift"
    factor: Fraction
    """Share of the profiled accuracy that is left."""


class MetricOutage(Window):
    """Scraping fails; serving goes on."""

    kind: Literal["metric outage"] = "metric outage"


class CapacityLoss(Window):
    """The cluster grants a stage only so many replicas; those above are evicted like in a crash."""

    kind: Literal["capacity loss"] = "capacity loss"
    stage: Name
    replicas: Count
    """Most replicas the stage can have, a roll-out's surge included."""


Fault = Annotated[
    ReplicaCrash | Straggler | LatencyDrift | AccuracyDrift | MetricOutage | CapacityLoss,
    Field(discriminator="kind"),
]


def check_names(pipeline: Pipeline, fault: Fault) -> None:
    """Check that *fault* names what the pipeline has.

    Raises:
        UsageError: it does not.
    """
    if isinstance(fault, MetricOutage):
        return
    stage = pipeline.stage(fault.stage)
    if isinstance(fault, Drift | ReplicaCrash) and fault.variant is not None:
        stage.variant(fault.variant)
    if isinstance(fault, ReplicaCrash) and fault.restarts and fault.end_s is not None:
        raise UsageError(
            f"the crash at stage {fault.stage!r} restarts its replicas at once and so has no end; "
            "drop end_s or set restarts to false"
        )
