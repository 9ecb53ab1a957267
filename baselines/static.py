"""Decide once and never again: the frame of every comparison.

`static-small` takes the cheapest feasible configuration, `static-large` the most accurate one (the
cheapest of those), both at the peak the operator planned for, with the same margins as others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from baselines.policy import Situation, register
from core.configuration import Configuration
from core.errors import UsageError
from core.frontier import frontier
from core.problem import Problem


@dataclass(slots=True)
class Static:
    """One end of the frontier at the planned peak, held for ever. Its state is what it chose."""

    foresight: ClassVar[bool] = False
    end: int
    """Index into the frontier, cheapest first: 0 for the cheapest, -1 for the most accurate."""
    chosen: Configuration | None = None

    def decide(self, situation: Situation) -> Configuration:
        """Return the configuration of the first decision.

        Raises:
            UsageError: nothing is feasible at the planned peak.
        """
        if self.chosen is None:
            self.chosen = self._choose(situation)
        return self.chosen

    def _choose(self, situation: Situation) -> Configuration:
        problem = Problem.of(
            situation.pipeline,
            situation.planned_rps,
            margins=situation.margins,
            belief=situation.belief,
        )
        points = frontier(problem)
        if not points:
            raise UsageError(
                f"nothing is feasible at {problem.load_rps:g} rps; see `trimtab solve` for the reasons"
            )
        return points[self.end].configuration


register("static-small")(partial(Static, end=0))
register("static-large")(partial(Static, end=-1))
