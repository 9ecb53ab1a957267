"""What is wanted of a configuration, and what it may use.

Three objectives (DESIGN section 2): a weighted sum, least cost under an accuracy floor, best accuracy
under a cost cap. `switching` is the work lost to cold starts, in core-seconds.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from core.values import Frozen, Stated, StatedPositive

SHORTFALL_CORES = 100.0
"""What a score charges for missing the whole accuracy floor: one core for each point."""


class Objective(Frozen):
    """Weighted by default; `minimise: cost` or `maximise: accuracy` name the other two."""

    alpha: Stated = 1.0
    """Gain for accuracy."""
    beta: Stated = 0.01
    """Charge for a core."""
    delta: Stated = 0.0
    """Charge for a unit of batch size, summed over stages."""
    rho: Stated = 0.0
    """Charge for a core-second spent on cold starts."""
    minimise: Literal["cost"] | None = None
    min_accuracy: Annotated[Stated | None, Field(alias="minAccuracy")] = None
    maximise: Literal["accuracy"] | None = None
    max_cores: Annotated[StatedPositive | None, Field(alias="maxCores")] = None

    @model_validator(mode="after")
    def _one_of_three(self) -> Objective:
        if self.minimise and self.maximise:
            raise ValueError("give either 'minimise' or 'maximise', not both")
        if self.minimise and self.max_cores is not None:
            raise ValueError("'maxCores' goes with 'maximise'; under limits it caps every objective")
        if self.maximise and self.min_accuracy is not None:
            raise ValueError("'minAccuracy' goes with 'minimise' or the weighted objective")
        if self.minimise and self.min_accuracy is None:
            raise ValueError(
                "'minimise: cost' needs 'minAccuracy'; without a floor the least accurate always wins"
            )
        if self.max_cores is not None and not self.maximise:
            raise ValueError("'maxCores' goes with 'maximise: accuracy'; use limits.maxCores instead")
        return self

    @property
    def kind(self) -> Literal["weighted", "cost", "accuracy"]:
        """Which of the three objectives this is."""
        if self.minimise:
            return "cost"
        return "accuracy" if self.maximise else "weighted"

    def value(self, *, accuracy: float, cores: float, batches: float, switching: float) -> float:
        """Return the objective's value: cores (less is better) for `cost`, else more is better."""
        if self.kind == "cost":
            return cores
        if self.kind == "accuracy":
            return accuracy
        return self.alpha * accuracy - self.beta * cores - self.delta * batches - self.rho * switching

    def score(self, *, effective_accuracy: float, mean_cores: float) -> float:
        """Judge an episode by what it measured; more is better.

        The weighted objective on measured figures; minus the cores and a charge for each point below
        the floor; or the effective accuracy itself.
        """
        if self.kind == "cost":
            shortfall = max(0.0, (self.min_accuracy or 0.0) - effective_accuracy)
            return -mean_cores - SHORTFALL_CORES * shortfall
        if self.kind == "accuracy":
            return effective_accuracy
        return self.alpha * effective_accuracy - self.beta * mean_cores


class Limits(Frozen):
    """What the cluster grants."""

    max_cores: Annotated[StatedPositive | None, Field(alias="maxCores")] = None
    """Cores the whole pipeline may use; None for no limit."""
