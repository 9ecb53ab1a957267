"""How much of everything a policy may take: replica bounds, cores per stage, cores in all.

The limits are the problem's own (capacity that was lost is taken off). Published systems know no such
limits of a stage; every policy here keeps them, whatever its source says. None scales a stage to zero.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from baselines._split import least_accurate, replicas_for
from baselines.policy import Situation
from core.configuration import Configuration, StageConfiguration
from core.pipeline import Stage, Variant
from core.prediction import stage_loads
from core.problem import TOLERANCE, Problem


@dataclass(frozen=True, slots=True)
class Room:
    """The limits of one decision."""

    bounds: Mapping[str, tuple[int, int]]
    """Least and most replicas by stage."""
    max_cores: float | None
    """Cores the pipeline may use; None for no limit."""

    def least(self, stage: Stage) -> int:
        """Return the fewest replicas *stage* may run: at least 1 where it can get one."""
        least, most = self.bounds[stage.name]
        return min(max(least, 1), most)

    def most(self, stage: Stage, variant: Variant, cores: float | None = None) -> int:
        """Return the most replicas of *variant* that fit the bounds and *cores*; may lie below the least."""
        caps = [c for c in (stage.max_cores, cores) if c is not None]
        most = self.bounds[stage.name][1]
        if not caps:
            return most
        return min(most, math.floor(max(min(caps), 0.0) * (1 + TOLERANCE) / variant.cores))

    def fits(self, cores: float) -> bool:
        """Say whether the pipeline may use *cores*."""
        return self.max_cores is None or cores <= self.max_cores * (1 + TOLERANCE)


def room_of(situation: Situation) -> Room:
    """Return the limits that hold now."""
    problem = Problem.of(situation.pipeline, 0.0, belief=situation.belief)
    return Room(problem.replica_bounds, problem.max_cores)


def lightest(situation: Situation, load_rps: float) -> Configuration:
    """Return the least accurate variants as `one_by_one` runs them: the best effort that is left."""
    variants = {stage.name: least_accurate(stage).name for stage in situation.pipeline.stages}
    return one_by_one(situation, variants, load_rps)


def one_by_one(situation: Situation, variants: Mapping[str, str], load_rps: float) -> Configuration:
    """Return *variants*, by stage, at their smallest batch, with the replicas *load_rps* needs.

    Where the limits do not grant them, as many as they do. Cores of the whole pipeline are granted to the
    stages in turn, after the least replicas of those to come.
    """
    pipeline, room = situation.pipeline, room_of(situation)
    least = Configuration(stages=tuple(_least(s, variants[s.name], room) for s in pipeline.stages))
    loads = stage_loads(pipeline, least, load_rps)
    left = None if room.max_cores is None else room.max_cores - least.cores(pipeline)
    settings = []
    for setting in least.stages:
        stage = pipeline.stage(setting.stage)
        variant = stage.variant(setting.variant)
        most = room.most(stage, variant, None if left is None else left + setting.replicas * variant.cores)
        replicas = replicas_for(
            loads[stage.name],
            variant.at(setting.batch).throughput_rps,
            most=max(most, setting.replicas),
            least=setting.replicas,
        )
        left = None if left is None else left - (replicas - setting.replicas) * variant.cores
        settings.append(setting.model_copy(update={"replicas": replicas}))
    return Configuration(stages=tuple(settings))


def _least(stage: Stage, variant: str, room: Room) -> StageConfiguration:
    batch = stage.batches_of(stage.variant(variant))[0]
    return StageConfiguration(stage=stage.name, variant=variant, batch=batch, replicas=room.least(stage))
