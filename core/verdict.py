"""What the check says of a configuration: constraint by constraint, with figures."""

from __future__ import annotations

from core.configuration import Configuration
from core.values import Frozen


class Constraint(Frozen):
    """One limit and how the configuration stands to it."""

    constraint: str
    """`latency`, `capacity[stage]`, `replicas.min[stage]`, `replicas.max[stage]`,
    `stage cores[stage]`, `excluded[stage]`, `cores`, `accuracy floor` or `accuracyTable`."""
    value: float | None
    """None where it has no finite value."""
    limit: float | None
    slack: float | None
    """How far inside the limit, in its unit; negative where it is broken."""
    kept: bool


class Verdict(Frozen):
    """Accepted only if every constraint is kept."""

    accepted: bool
    constraints: tuple[Constraint, ...]
    objective: float | None
    """None where the accuracy is unknown."""
    optimum: float | None
    """The exact optimum of the same problem; None where nothing is feasible."""
    regret: float | None
    """How much worse than the optimum, never negative for an accepted one; None where unknown."""
    accuracy: float | None
    cores: float
    latency_s: float | None
    nearest: Configuration | None = None
    """The feasible configuration least different from a rejected one."""

    @property
    def violations(self) -> tuple[Constraint, ...]:
        """The constraints that are broken."""
        return tuple(c for c in self.constraints if not c.kept)
