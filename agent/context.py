"""What the nodes work with: the ports, the planner, the store and the settings. Never checkpointed."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from agent.planners import Planner
from core.decision import Decision, Mode
from core.pipeline import Pipeline
from core.problem import Margins
from tools.cadence import LOOP_MARGINS, horizon_s
from tools.forecast import Forecaster
from tools.ports import Actuator, Metrics
from tools.store import DecisionStore

REMEMBERED = 30
"""Decisions kept at hand: five minutes of ten-second intervals, more than any window looked back over."""
MAX_REVISIONS = 2
"""Times a rejected proposal goes back to the planner before the exact optimum is taken."""


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """How the loop decides."""

    mode: Mode = "auto"
    interval_s: int = 10
    """Seconds between decisions."""
    margins: Margins = LOOP_MARGINS
    max_revisions: int = MAX_REVISIONS


@dataclass(slots=True)
class Context:
    """Everything outside of the state."""

    pipeline: Pipeline
    metrics: Metrics
    actuator: Actuator
    forecaster: Forecaster
    planner: Planner
    store: DecisionStore
    clock: Callable[[], float]
    """Seconds of the loop's clock."""
    settings: LoopSettings = field(default_factory=LoopSettings)
    history: deque[Decision] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    """Decisions of this run, oldest first."""

    @property
    def horizon_s(self) -> float:
        """How far ahead a decision looks: until the next one can have taken effect."""
        return horizon_s(self.pipeline, self.settings.interval_s)

    @property
    def observed_s(self) -> float:
        """Seconds of load seen in this run."""
        return math.fsum(
            sum(rate is not None for rate in d.observation.loads_rps)
            for d in self.history
            if d.observation is not None
        )

    def settled(self) -> bool:
        """Say whether the last change has had the time to start its replicas."""
        applied_s = [d.time_s for d in self.history if d.outcome == "applied"]
        return not applied_s or self.clock() - applied_s[-1] > self.horizon_s - self.settings.interval_s
