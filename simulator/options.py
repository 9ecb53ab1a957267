"""What a twin assumes beyond the pipeline file, each with its default and the reason for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from core.values import Count, Fraction, Frozen, Name, NonNegative, Positive
from simulator.arrivals import ArrivalMode

ServiceLaw = Literal["lognormal", "deterministic", "exponential"]


class TwinOptions(Frozen):
    """Assumptions of a twin."""

    arrivals: ArrivalMode = "poisson"
    service: ServiceLaw = "lognormal"
    """`lognormal`: see `simulator.service`. `deterministic`: exactly the profiled latency.
    `exponential`: the profiled latency is the mean. The last two are for checks against formulas."""
    default_sigma: NonNegative = 0.1
    """Sigma of the log of the service time where the profile tells nothing of it: with 0.1 the 99th
    percentile lies 26 % above the median. An assumption, not a measurement."""
    drop: Literal["expired", "none"] = "expired"
    """`expired`: a request is dropped when a replica would take it up and it is older than
    `expires_after` times the SLO: nobody gains from serving it. `none`: everything is served."""
    expires_after: Positive = 1.0
    """In SLOs."""
    queue_limits: Mapping[Name, Count] = Field(default_factory=dict)
    """Most items waiting at a stage, by its name; a request that finds no room is dropped. A stage
    that is not named has no limit."""
    labelled_share: Fraction = 0.1
    """Share of completed requests of which it becomes known whether the answer was right."""
    ramp_step_s: Annotated[Positive, Field(le=60)] = 1.0
    """A drift that grows linearly moves in steps of this length."""
