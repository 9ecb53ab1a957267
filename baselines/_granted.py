"""What the cluster grants a policy that scales its stages one by one, each unaware of the others."""

from __future__ import annotations

import math

from baselines._room import room_of
from baselines.policy import Situation
from core.configuration import Configuration


def granted(situation: Situation, wanted: Configuration) -> Configuration:
    """Return *wanted* as far as the core budget goes, where it only changes the replicas of what runs.

    What runs and is still wanted keeps its place, as pods do; of the rest, the stage that has the least
    share of what it wants gets the next replica, until none fits. (The scheduler would serve pods in the
    order they were created, which among stages that scale at the same instant is chance.)
    """
    pipeline, room, running = situation.pipeline, room_of(situation), situation.running
    if running is None or room.fits(wanted.cores(pipeline)):
        return wanted
    cores = {s.stage: pipeline.stage(s.stage).variant(s.variant).cores for s in wanted.stages}
    counts = {s.stage: min(s.replicas, running[s.stage].replicas) for s in wanted.stages}

    def fits(name: str) -> bool:
        return room.fits(math.fsum(counts[n] * cores[n] for n in counts) + cores[name])

    while short := [n for n in counts if counts[n] < wanted[n].replicas and fits(n)]:
        counts[min(short, key=lambda n: counts[n] / wanted[n].replicas)] += 1
    return with_replicas(wanted, counts)


def with_replicas(configuration: Configuration, counts: dict[str, int]) -> Configuration:
    """Return *configuration* with other replica counts, by stage."""
    return Configuration(
        stages=tuple(s.model_copy(update={"replicas": counts[s.stage]}) for s in configuration.stages)
    )
