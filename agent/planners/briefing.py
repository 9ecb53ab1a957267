"""What a planner is told, and what it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

from core.assessment import Finding
from core.configuration import Configuration
from core.decision import Decision, Proposal
from core.forecast import Forecast
from core.observation import Observation
from core.problem import Problem
from core.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Briefing:
    """All a planner may know when it proposes."""

    problem: Problem
    """At the upper quantile of the forecast, with the loop's margins and the belief."""
    observation: Observation
    forecast: Forecast
    findings: tuple[Finding, ...]
    running: Configuration
    """What was last asked for."""
    time_s: float
    history: tuple[Decision, ...] = ()
    """Earlier decisions of this run, oldest first."""
    rejected: tuple[tuple[Proposal, Verdict], ...] = ()
    """What was proposed in this turn and rejected, with the verdicts."""


class Planner(Protocol):
    """Proposes what to run next."""

    name: ClassVar[str]

    def plan(self, briefing: Briefing) -> Proposal:
        """Return a configuration, or none to hold what runs, with the reason."""
        ...
