"""What the nodes work with: the ports, the planner, the store and the settings. Never checkpointed."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from agent.heeding import Heeding
from agent.planners import Planner
from core.assessment import Assessment
from core.autonomy import Moved, Policy, Standing, counted, next_mode
from core.calendar import Event
from core.configuration import Configuration
from core.decision import Decision, Mode
from core.pace import Pace
from core.pipeline import Pipeline
from core.problem import Margins
from core.ruling import EPSILON
from core.spend import Planning
from tools.assess import Moment
from tools.cadence import horizon_s, margins_of
from tools.forecast import Forecaster
from tools.ports import Actuator, Metrics
from tools.requests import Requests
from tools.store import DecisionStore

REMEMBERED = 30
"""Decisions kept at hand: five minutes of ten-second intervals, more than any window looked back over."""
MAX_REVISIONS = 2
"""Times a rejected proposal goes back to the planner before the exact optimum is taken."""
MAX_ROUNDS = 8
"""Times a planner may have tools used before the exact optimum is taken."""
CALLS_PER_ROUND = 4
"""Tools used in one round; what a planner asks for beyond is not."""
STABILISATION_S = 15.0
"""How long a forecast keeps capacity up; docs/benchmarks.md has what other windows gave."""
CONFIRM_S = 20.0
"""How long a change is watched once it is ready: two intervals of requests that met nothing else."""
APPROVAL_S = 600.0
"""How long a person may take to answer, in seconds."""


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """How the loop decides."""

    mode: Mode = "auto"
    """The most the loop may do by itself."""
    mode_reason: str = ""
    """Why not more, where something stands in the way."""
    paused: bool = False
    """Whether that is because somebody paused it where it is declared."""
    interval_s: int = 10
    """Seconds between decisions."""
    margins: Margins | None = None
    """How far from the edge to stay; None for `tools.cadence.margins_of` the pipeline."""
    max_revisions: int = MAX_REVISIONS
    max_rounds: int = MAX_ROUNDS
    epsilon: float = EPSILON
    """Share of the optimum that a proposal may lose without a cause."""
    pace: Pace = field(default_factory=lambda: Pace(stabilisation_s=STABILISATION_S))
    confirm_s: float = CONFIRM_S
    """How long a change is watched once it is ready, in seconds; 0 to keep every change at once."""
    approval_s: float = APPROVAL_S
    autonomy: Policy | None = None
    """What has to be earned before the loop may do what `mode` allows; None where it may at once."""


class Assesses(Protocol):
    """What says what is out of the ordinary; `tools.assess.Assessor`."""

    def assess(self, moment: Moment) -> Assessment:
        """Return what one turn shows, with what was seen before."""
        ...

    def replay(self, decisions: Iterable[Decision]) -> None:
        """Remember what recorded decisions showed, oldest first."""
        ...


@dataclass(slots=True)
class Context:
    """Everything outside of the state."""

    pipeline: Pipeline
    metrics: Metrics
    actuator: Actuator
    forecaster: Forecaster
    assessor: Assesses
    planner: Planner
    store: DecisionStore
    requests: Requests
    heeding: Heeding
    """What people command."""
    clock: Callable[[], float]
    """Seconds of the loop's clock."""
    unix: Callable[[], float]
    """Seconds since 1970: when a person was asked and answered."""
    calendar: Callable[[], tuple[Event, ...]]
    """What is announced for this pipeline."""
    settings: LoopSettings = field(default_factory=LoopSettings)
    earlier: tuple[Decision, ...] = ()
    """Decisions before this run, oldest first, none from the clock's future."""
    standing: Standing = field(default_factory=Standing)
    """What the record shows since the mode last changed."""
    history: deque[Decision] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    """Decisions of this run, oldest first."""

    @property
    def horizon_s(self) -> float:
        """How far ahead a decision looks: until the next one can have taken effect."""
        return horizon_s(self.pipeline, self.settings.interval_s)

    @property
    def margins(self) -> Margins:
        """How far from the edge decisions stay."""
        return self.settings.margins or margins_of(self.pipeline)

    @property
    def observed_s(self) -> float:
        """Seconds of load seen in this run."""
        return math.fsum(
            sum(rate is not None for rate in d.observation.loads_rps)
            for d in self.history
            if d.observation is not None
        )

    def limit(self) -> Moved:
        """Return the most the loop may do by itself now: what it was started with, less what people want."""
        return self.heeding.orders.capped(self.settings.mode, self.settings.mode_reason)

    def mode(self) -> Moved:
        """Return what the loop may do by itself now, and why."""
        policy, limit = self.settings.autonomy, self.limit()
        if policy is None or self.heeding.orders.paused is not None:
            return limit
        moved = next_mode(policy, self.standing.mode, self.standing, limit.mode)
        if moved.mode != limit.mode or not limit.reason:
            return moved
        return Moved(moved.mode, f"{moved.reason}: {limit.reason}")

    def keep(self, decision: Decision) -> None:
        """Remember a decision that was recorded."""
        self.history.append(at_hand(decision, self.pipeline))
        self.standing = counted(self.standing, decision)

    def recent(self) -> tuple[Decision, ...]:
        """Return the last decisions, of this run and before, oldest first."""
        return (*self.earlier, *self.history)[-REMEMBERED:]

    def last(self) -> Decision | None:
        """Return the last decision, of this run or before."""
        recent = self.recent()
        return recent[-1] if recent else None

    def applied(self) -> tuple[tuple[float, Configuration], ...]:
        """Return the changes that were made lately, with their times in seconds of the loop's clock."""
        return tuple(
            (d.time_s, d.certificate.configuration)
            for d in self.recent()
            if d.outcome == "applied" and d.certificate is not None
        )

    def settled(self) -> bool:
        """Say whether the last change has had the time to start its replicas."""
        applied_s = [d.time_s for d in self.recent() if d.outcome == "applied"]
        return not applied_s or self.clock() - applied_s[-1] > self.horizon_s - self.settings.interval_s


def at_hand(decision: Decision, pipeline: Pipeline) -> Decision:
    """Return what later turns look back on of a decision; the store has all of it.

    A whole one takes 50 to 90 kB: thirty of them for each of 200 pipelines would be half a gigabyte.
    """
    certificate, seen = decision.certificate, decision.observation
    if certificate is not None:
        problem = certificate.problem.model_copy(update={"pipeline": pipeline, "running": None})
        certificate = certificate.model_copy(update={"problem": problem, "constraints": ()})
    return decision.model_copy(
        update={
            "certificate": certificate,
            "observation": None if seen is None else seen.model_copy(update={"stages": (), "latencies": ()}),
            "planning": Planning(),
            "proposals": decision.proposals[-1:],
            "rulings": (),
            "signals": (),
            "uses": (),
        }
    )
