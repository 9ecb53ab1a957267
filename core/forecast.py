"""A forecast: the load expected over the next horizon, and how far to trust it.

The target is the *maximum* load in the horizon, and the horizon is the time a change needs to take
effect (a measured cold start): capacity asked for now must carry whatever comes before more can
be ready. A forecast is a value; the methods that make one live in `tools.forecast`.
"""

from typing import Annotated, Self

from pydantic import Field, model_validator

from core.values import Count, Fraction, Frozen, NonNegative, Number, Positive, PositiveCount

Quantile = Annotated[Number, Field(ge=0.5, lt=1)]


class Forecast(Frozen):
    """What one method expects of the maximum load over the next *horizon_s* seconds.

    Refused (`pydantic.ValidationError`): an upper quantile below the point, more misses than scored
    targets, and whatever `Frozen` refuses.
    """

    point_rps: NonNegative
    """The expected maximum of the load in the horizon, averaged over `averaged_s`, in requests per second."""
    upper_rps: NonNegative
    """What that maximum stays at or below with probability *quantile*; never below the point."""
    quantile: Quantile
    """The share of targets that should be at or below the upper quantile."""
    horizon_s: Positive
    """The horizon this forecast was made and calibrated for, in seconds."""
    method: Annotated[str, Field(min_length=1, max_length=253)]
    """The forecaster's name, with what it fell back to in brackets, if it did."""
    averaged_s: PositiveCount = 1
    """Seconds over which the load is averaged before its maximum is taken (`core.patience`)."""
    coverage: Fraction | None = None
    """The share of recent targets at or below the upper quantile; `None`: too few yet to say."""
    scored: Count = 0
    """How many past forecasts at this horizon have met their target."""
    missed: Count = 0
    """How many of those targets lay above the upper quantile."""

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        if self.upper_rps < self.point_rps:
            raise ValueError(f"upper_rps {self.upper_rps:g} must not be below point_rps {self.point_rps:g}")
        if self.missed > self.scored:
            raise ValueError(f"missed {self.missed} must not exceed scored {self.scored}")
        return self
