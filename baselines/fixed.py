"""Hold one given configuration, whatever happens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from baselines.policy import Situation
from core.configuration import Configuration


@dataclass(frozen=True, slots=True)
class Fixed:
    """The configuration a person chose."""

    foresight: ClassVar[bool] = False
    configuration: Configuration

    def decide(self, situation: Situation) -> Configuration:
        """Return the given configuration.

        Raises:
            UsageError: it does not fit the pipeline.
        """
        return self.configuration.checked(situation.pipeline)
