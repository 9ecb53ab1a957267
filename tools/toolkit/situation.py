"""All that a tool, and so a planner, may read. Nothing in it can write."""

from __future__ import annotations

from dataclasses import dataclass

from core.assessment import Assessment
from core.calendar import Event
from core.configuration import Configuration
from core.decision import Decision
from core.forecast import Forecast
from core.observation import Observation
from core.problem import Problem
from core.trial import Quarantine, Trial


@dataclass(frozen=True, slots=True)
class Situation:
    """One moment of one pipeline. The pipeline itself is `problem.pipeline`."""

    problem: Problem
    """What the loop would solve now: at the load to decide for, with its margins and the belief."""
    observation: Observation | None
    forecast: Forecast | None
    assessment: Assessment
    running: Configuration
    """What was last asked for."""
    time_s: float
    horizon_s: float
    """How far ahead a decision looks, in seconds."""
    history: tuple[Decision, ...] = ()
    """Earlier decisions, oldest first."""
    events: tuple[Event, ...] = ()
    """What the calendar says of this pipeline."""
    announced: float = 1.0
    """What the calendar lets a proposal multiply the load by now (`core.calendar.announced_ratio`)."""
    trial: Trial | None = None
    """The change that is not confirmed yet."""
    quarantine: tuple[Quarantine, ...] = ()
