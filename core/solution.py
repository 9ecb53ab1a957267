"""The two answers a problem can have: an optimum, or the limits that cannot all be kept."""

from __future__ import annotations

from dataclasses import dataclass

from core.configuration import Configuration
from core.prediction import Prediction


@dataclass(frozen=True, slots=True)
class Optimum:
    """The best configuration, with proof."""

    configuration: Configuration
    prediction: Prediction
    objective: float
    """In the problem's terms: cores for least cost (less is better), else more is better."""
    bound: float
    """What the solver proved no configuration can beat; equal to the objective within its tolerance."""
    solver: str


@dataclass(frozen=True, slots=True)
class Binding:
    """One limit that cannot be kept, and by how much."""

    constraint: str
    """Named as in a verdict: `latency`, `cores`, `accuracy floor`, `capacity[stage]`, ..."""
    best: float
    """The nearest to the limit that any configuration gets, in the limit's unit."""
    limit: float
    statement: str
    """The same in one sentence."""


@dataclass(frozen=True, slots=True)
class Relaxation:
    """One limit moved, the others kept, that would make the problem feasible."""

    limit: str
    """`load`, `latency`, `cores` or `accuracy`."""
    present: float
    needed: float
    statement: str


@dataclass(frozen=True, slots=True)
class Infeasible:
    """No configuration keeps every limit."""

    bindings: tuple[Binding, ...]
    relaxations: tuple[Relaxation, ...]


Solution = Optimum | Infeasible
