"""What a suite of rows has to do: every case with every planner, so many times over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from core.errors import UsageError
from evals.agent.subjects import Model, label_of

CaseT = TypeVar("CaseT")


@dataclass(frozen=True, slots=True)
class Due(Generic[CaseT]):
    """One row that is wanted."""

    case: CaseT
    name: str
    """The case's."""
    planner: str
    label: str
    """What the row calls the planner."""
    repeat: int

    @property
    def key(self) -> tuple[str, str, int]:
        """As in its row."""
        return self.name, self.label, self.repeat


def all_due(
    cases: Mapping[str, CaseT], planners: Sequence[str], model: Model | None, repeats: int
) -> tuple[Due[CaseT], ...]:
    """Return the rows that are wanted of *cases*, which come by their names.

    Raises:
        UsageError: not even one turn of each is wanted.
    """
    if repeats < 1:
        raise UsageError(f"there cannot be {repeats} repeats; give 1 or more")
    return tuple(
        Due(case, name, planner, label_of(planner, model), repeat)
        for name, case in cases.items()
        for planner in planners
        for repeat in range(1, repeats + 1)
    )
