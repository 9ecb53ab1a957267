"""What a detector is shown of one turn."""

from __future__ import annotations

from dataclasses import dataclass

from core.configuration import Configuration
from core.forecast import Forecast
from core.observation import Observation


@dataclass(frozen=True, slots=True)
class Moment:
    """One turn of the loop, before anything is decided."""

    time_s: float
    """Of the turn, in seconds of the loop's clock."""
    observation: Observation | None
    """None where no metrics could be read."""
    forecast: Forecast | None
    """Made this turn; it is scored when its horizon has passed."""
    running: Configuration
    """What was last asked for."""
    decided_rps: float
    """The load it was decided for, in requests per second."""
    settled: bool
    """Whether it has had the time to start (replicas still loading are not lost)."""
    unready_s: float | None = None
    """How long replicas asked for have been missing; None where the caller does not know."""
    applied: tuple[tuple[float, Configuration], ...] = ()
    """Recent changes with their times, oldest first."""

    @property
    def began_s(self) -> float:
        """When the interval began; the turn's own time where nothing was measured."""
        if self.observation is None:
            return self.time_s
        return max(0.0, self.observation.time_s - self.observation.interval_s)
