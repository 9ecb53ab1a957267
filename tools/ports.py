"""The ports of the loop: where observations come from, and what makes a configuration real."""

from __future__ import annotations

from typing import Protocol

from core.configuration import Configuration
from core.observation import Observation
from core.values import Frozen
from core.verify import Approved


class Desired(Frozen):
    """What the cluster was last told to run."""

    change: str
    """Id of the decision that told it."""
    configuration: Configuration
    load_rps: float
    """The load its batch waits were set for."""
    taken_by_some: tuple[str, ...] = ()
    """The changes that stages took last, where they do not agree: one was cut off in the middle."""


class Metrics(Protocol):
    """Where observations come from."""

    def observe(self) -> Observation:
        """Return the last interval.

        Raises:
            MetricsUnavailable: there is nothing usable.
        """
        ...


class Actuator(Protocol):
    """What makes a configuration real."""

    def desired(self) -> Desired:
        """Return what was last asked for."""
        ...

    def dry_run(self, approved: Approved, load_rps: float) -> None:
        """Find out whether the cluster would take the configuration; nothing changes.

        Raises:
            ActuationFailed: it would not, with its reason.
        """
        ...

    def apply(self, change: str, approved: Approved, load_rps: float) -> None:
        """Ask for an approved configuration under the id *change*; asking again changes nothing.

        Raises:
            ActuationFailed: it could not be asked for.
        """
        ...
