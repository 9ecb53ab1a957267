"""What a planner wants, and why: a configuration, a problem to be solved, or to hold what runs.

A planner is never believed. What it asks for is bounded here by the types, and by `core.ruling` against
what was measured; its figures are compared with the tool results it relies on.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from core.assessment import FindingKind
from core.configuration import Configuration
from core.problem import VariantName
from core.values import Fraction, Frozen, Name, Number, Positive

Cause = Literal[FindingKind, "announced event", "none"]
"""What a proposal answers to: a kind of finding, an event in the calendar, or nothing out of the ordinary."""
CAUSES: tuple[str, ...] = (*get_args(FindingKind), "announced event", "none")
LEAST_HEADROOM, MOST_HEADROOM = 1.0, 2.0
"""Capacity a planner may ask for, as a multiple of the load."""
MOST_LOAD_FACTOR = 10.0
"""No event multiplies the load by more."""
LEAST_WEIGHT, MOST_WEIGHT = 0.5, 2.0
"""How far a planner may move an objective's weight, as a factor."""
MOST_TEXT = 2000
"""Characters of a rationale or a diagnosis that are kept."""


class LatencyMove(Frozen):
    """Another latency factor for a variant than the belief's; only inside the evidence's interval."""

    stage: Name
    variant: Name
    factor: Positive


class Ask(Frozen):
    """The problem the planner wants solved: that of the turn, with some of it changed."""

    headroom: Annotated[Number, Field(ge=LEAST_HEADROOM, le=MOST_HEADROOM)] | None = None
    """Capacity as a multiple of the load; None for the loop's own."""
    load_factor: Annotated[Number, Field(ge=1, le=MOST_LOAD_FACTOR)] = 1.0
    """Decide for this many times the forecast load; above 1 only for an announced event."""
    excluded: tuple[VariantName, ...] = ()
    required: tuple[VariantName, ...] = ()
    """At most one for each stage."""
    accuracy_weight: Annotated[Number, Field(ge=LEAST_WEIGHT, le=MOST_WEIGHT)] = 1.0
    """Multiplies alpha."""
    cores_weight: Annotated[Number, Field(ge=LEAST_WEIGHT, le=MOST_WEIGHT)] = 1.0
    """Multiplies beta."""
    latency: tuple[LatencyMove, ...] = ()


class Proposal(Frozen):
    """What the planner wants, and why. Neither a configuration nor an ask means: hold what runs."""

    configuration: Configuration | None = None
    ask: Ask | None = None
    rationale: Annotated[str, Field(max_length=MOST_TEXT)]
    diagnosis: Annotated[str, Field(max_length=MOST_TEXT)] = ""
    """What the planner thinks is going on."""
    cause: Cause = "none"
    confidence: Fraction | None = None
    evidence: tuple[Name, ...] = ()
    """Ids of the tool results it relies on."""

    @model_validator(mode="after")
    def _one_wish(self) -> Proposal:
        if self.configuration is not None and self.ask is not None:
            raise ValueError("give a configuration or an ask, not both")
        return self
