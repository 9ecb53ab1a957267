"""Model-Switching: on fixed hardware, the variants that give most answers that are right and in time.

Source: Zhang et al., "Model-Switching" (HotCloud'20), of which only the abstract was read:

    x* = argmax_x EA(x; load, D),    EA(x; load, D) = P(latency <= D | x, load) * A(x)

looked up in a table made beforehand (`_effective.py`), at the next load of its grid. There is no cost and
no scaling. Lay-outs x are combinations of variants with a few ways to share out the fixed cores
(`_layouts.py`), at the smallest batch; A is the pipeline's accuracy in its own mode, the joint table where
there is one. The fixed hardware is as many cores as the exact optimum has at the peak the operator planned
for; `cores` states others.

Not seen in the source, so ours: the grid (steps of 5 %); a switch to a layout that is less accurate happens
at once, any other only after three decisions in a row that want it; none for a gain in EA that the
simulation cannot tell from chance. The load is the shared forecast's point (`predictor="observed"`: the
last second). The paper keeps all variants loaded, so that a switch costs nothing; here a switch is a cold
start, as for everybody. Margins serve only to size the hardware; a belief is not used.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from baselines._effective import NO_ACCURACY, REQUESTS, Table, table
from baselines._loads import Loads, Predictor
from baselines.policy import Situation, register
from core.configuration import Configuration
from core.errors import UsageError
from core.problem import Problem
from core.solution import Optimum
from core.solve import solve

PATIENCE = 3
"""Decisions in a row that must want a switch to a layout that is no less accurate."""
CHANCE = 1 / REQUESTS
"""Share of the simulated requests that is within chance: one of them."""
RECENT_S = 1
"""The paper's load is measured online; our reading: the requests of the last second."""


@register("model-switching")
@dataclass(slots=True)
class ModelSwitching:
    """The best row of the table. Its state: the table, the row that serves, and who wants another."""

    foresight: ClassVar[bool] = False
    cores: float | None = None
    """The fixed hardware; None for the cores of the exact optimum at the planned peak."""
    predictor: Predictor = "shared"
    patience: int = PATIENCE
    _seen: Loads = field(default_factory=Loads, init=False)
    _table: Table | None = field(default=None, init=False)
    _row: int | None = field(default=None, init=False)
    _wanting: int = field(default=0, init=False)

    def decide(self, situation: Situation) -> Configuration:
        """Return the layout of the best effective accuracy, or the one that serves while that may be chance.

        Raises:
            UsageError: nothing is feasible at the planned peak, or no layout fits the cores.
        """
        self._seen.observe(situation)
        if self._table is None:
            cores = planned_cores(situation) if self.cores is None else self.cores
            self._table = table(situation.pipeline, cores)
        load_rps = situation.forecast.point_rps
        if self.predictor == "observed":
            load_rps = self._seen.peak_rps(situation, RECENT_S)
        self._row = self._next(self._table, self._table.column(load_rps))
        return self._table.layouts[self._row].configuration

    def _next(self, known: Table, effective: np.ndarray[tuple[int], np.dtype[np.float64]]) -> int:
        best = int(effective.argmax())
        if self._row is None:
            return best
        now, then = known.layouts[self._row], known.layouts[best]
        if effective[best] - effective[self._row] <= CHANCE * (then.accuracy + NO_ACCURACY):
            self._wanting = 0
            return self._row
        self._wanting += 1
        if then.accuracy >= now.accuracy and self._wanting < self.patience:
            return self._row
        self._wanting = 0
        return best


def planned_cores(situation: Situation) -> float:
    """Return the cores of the exact optimum at the planned peak.

    Raises:
        UsageError: nothing is feasible there.
    """
    problem = Problem.of(situation.pipeline, situation.planned_rps, margins=situation.margins)
    match solve(problem):
        case Optimum(configuration=configuration):
            return configuration.cores(situation.pipeline)
        case infeasible:
            raise UsageError(
                f"model-switching: nothing is feasible at the planned {situation.planned_rps:g} rps "
                f"({infeasible.bindings[0].statement}); state its cores instead"
            )
