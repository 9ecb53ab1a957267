"""Flapping: a stage went from one setting to another and back within a short time."""

from __future__ import annotations

from dataclasses import dataclass

from core.assessment import Finding
from core.configuration import StageConfiguration
from core.pipeline import Pipeline
from tools.assess._moment import Moment

WINDOW_INTERVALS = 6
"""Back within so many intervals: a cold start was paid for less than it takes to earn it."""
THERE_AND_BACK = 3
"""Settings on the way: the first, the other, the first again."""


@dataclass(frozen=True, slots=True)
class Flapping:
    """A comparison of recent changes; nothing is left to chance."""

    pipeline: Pipeline
    interval_s: float

    def learn(self, moment: Moment) -> None:
        """Remember nothing: the moment has the recent changes."""

    def findings(self, moment: Moment) -> tuple[Finding, ...]:
        """Return a finding for each stage that went there and back."""
        found = (self._back(moment, stage.name) for stage in self.pipeline.stages)
        return tuple(finding for finding in found if finding is not None)

    def _back(self, moment: Moment, stage: str) -> Finding | None:
        path: list[tuple[float, StageConfiguration]] = []
        for time_s, configuration in moment.applied:
            setting = configuration.by_stage.get(stage)
            if setting is not None and (not path or _differ(path[-1][1], setting)):
                path.append((time_s, setting))
        if len(path) < THERE_AND_BACK or _differ(path[-THERE_AND_BACK][1], path[-1][1]):
            return None
        left_s, back_s, window_s = path[-2][0], path[-1][0], WINDOW_INTERVALS * self.interval_s
        if back_s - left_s > window_s or moment.time_s - back_s > window_s:
            return None
        return Finding(
            kind="flapping",
            subject=stage,
            statement=f"{_told(path[-1][1])} to {_told(path[-2][1])} and back in {back_s - left_s:g} s",
            since_s=left_s,
            figure=back_s - left_s,
        )


def _differ(one: StageConfiguration, other: StageConfiguration) -> bool:
    """Say whether going from one to the other starts or stops replicas; a batch size changes live."""
    return (one.variant, one.replicas) != (other.variant, other.replicas)


def _told(setting: StageConfiguration) -> str:
    return f"{setting.replicas} {setting.variant}"
