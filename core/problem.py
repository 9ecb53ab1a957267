"""What the solver solves: a pipeline at a load, under limits, with an objective and stated margins.

With no margin, belief, running configuration or exclusion given this is the plain problem of the
field: least or best configuration such that every stage carries the load and the longest path keeps
the latency SLO.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated

from pydantic import Field

from core.belief import Belief
from core.configuration import Configuration
from core.objective import Limits, Objective
from core.pipeline import Pipeline
from core.values import Frozen, Name, NonNegative, Number, Positive

TOLERANCE = 1e-9
"""Relative slack within which a limit counts as kept: what rounding of the inputs can do."""


class VariantName(Frozen):
    """One variant of one stage."""

    stage: Name
    variant: Name


class Margins(Frozen):
    """How far from the edge to stay. The defaults add nothing."""

    headroom: Positive = 1.0
    """Capacity must carry this many times the load."""
    wait_quantile: Annotated[Number | None, Field(gt=0, lt=1)] = None
    """Add this quantile of the queueing wait to each stage's latency; None to leave queueing out."""


class Problem(Frozen):
    """Everything the answer depends on."""

    pipeline: Pipeline
    load_rps: NonNegative
    """Requests per second entering the pipeline."""
    objective: Objective
    limits: Limits
    margins: Margins = Margins()
    belief: Belief = Belief()
    running: Configuration | None = None
    """What serves now: switching and least change are counted against it."""
    excluded: tuple[VariantName, ...] = ()

    @classmethod
    def of(
        cls,
        pipeline: Pipeline,
        load_rps: float,
        *,
        objective: Objective | None = None,
        limits: Limits | None = None,
        margins: Margins | None = None,
        belief: Belief | None = None,
        running: Configuration | None = None,
        excluded: tuple[VariantName, ...] = (),
    ) -> Problem:
        """Return the problem at *load_rps*, with the pipeline's own objective and limits by default.

        Raises:
            UsageError: an excluded variant does not exist.
        """
        for name in excluded:
            pipeline.stage(name.stage).variant(name.variant)
        return cls(
            pipeline=pipeline,
            load_rps=load_rps,
            objective=objective or pipeline.objective,
            limits=limits or pipeline.limits,
            margins=margins or Margins(),
            belief=belief or Belief(),
            running=running,
            excluded=excluded,
        )

    @cached_property
    def max_cores(self) -> float | None:
        """Cores the pipeline may use: the tighter of the cluster's limit and the objective's cap."""
        caps = [c for c in (self.limits.max_cores, self.objective.max_cores) if c is not None]
        return min(caps) if caps else None

    @cached_property
    def replica_bounds(self) -> Mapping[str, tuple[int, int]]:
        """Least and most replicas by stage, with lost capacity taken off."""
        bounds = {}
        for stage in self.pipeline.stages:
            cap = self.belief.replica_cap(stage.name)
            most = stage.replicas.max if cap is None else min(stage.replicas.max, cap)
            bounds[stage.name] = (stage.replicas.min, most)
        return bounds

    def replaced(self, **changes: object) -> Problem:
        """Return this problem with some fields changed, unvalidated, and nothing cached from this one."""
        values = {name: getattr(self, name) for name in Problem.model_fields}
        return Problem.model_construct(**(values | changes))

    def allows(self, stage: str, variant: str) -> bool:
        """Say whether *variant* may be chosen."""
        return VariantName(stage=stage, variant=variant) not in self.excluded

    def canonical(self) -> str:
        """Return the one JSON text of this problem."""
        return self.model_dump_json(exclude_defaults=False)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical text, in hexadecimal."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()
