"""How much of everything a policy may take: replica bounds, cores per stage, cores in all.

The limits are the problem's own (capacity that was lost is taken off). Published systems know no such
limits of a stage; every policy here keeps them, whatever its source says.
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
        """Return the fewest replicas *stage* may run."""
        return self.bounds[stage.name][0]

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
    """Return the least accurate variants at their smallest batch, with the replicas *load_rps* needs.

    Where the limits do not grant them, as many as they do: the best effort that is left. Cores of the
    whole pipeline are granted to the stages in turn, after the least replicas of those to come.
    """
    pipeline, room = situation.pipeline, room_of(situation)
    chosen = {stage.name: least_accurate(stage) for stage in pipeline.stages}
    smallest = {s.name: s.batches_of(chosen[s.name])[0] for s in pipeline.stages}
    alone = Configuration(
        stages=tuple(
            StageConfiguration(
                stage=s.name, variant=chosen[s.name].name, batch=smallest[s.name], replicas=room.least(s)
            )
            for s in pipeline.stages
        )
    )
    loads = stage_loads(pipeline, alone, load_rps)
    left = math.inf if room.max_cores is None else room.max_cores - alone.cores(pipeline)
    settings = []
    for stage in pipeline.stages:
        variant, least = chosen[stage.name], room.least(stage)
        cores = None if math.isinf(left) else left + least * variant.cores
        most = max(room.most(stage, variant, cores), least)
        rate_rps = variant.at(smallest[stage.name]).throughput_rps
        replicas = replicas_for(loads[stage.name], rate_rps, most=most, least=least)
        left -= (replicas - least) * variant.cores
        settings.append(alone[stage.name].model_copy(update={"replicas": replicas}))
    return Configuration(stages=tuple(settings))
