"""What can go wrong with what serves: the faults of one trouble, with what is true of them and when.

Each is drawn from a scene and a random generator. The twin cannot change a fan-out in the midst of an
episode, so inputs that make a stage send more work on are modelled as slower service, which takes the same
capacity. A crash loop is of one variant's image: one of its replicas keeps dying while that variant is to
run, so asking for one more makes up for it, and another variant does not have it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.pipeline import Stage
from evals.drift.case import Happening
from evals.drift.scene import SECONDS, Scene
from simulator.faults import AccuracyDrift, CapacityLoss, Fault, LatencyDrift, ReplicaCrash

SLOWER = (1.6, 2.4)
"""Latency factors of a trouble: more than headroom and forecast have to spare, less than plainly broken."""
KEPT = (0.55, 0.75)
"""Shares of its accuracy that a drifting variant keeps."""
HARDER = (1.3, 1.7)
"""Latency factors of inputs that have become harder, at every stage."""
BEST_KEPT = 0.97
"""What the most accurate variant of a stage keeps when inputs become harder: it suffers least."""
RAMP_S = (180.0, 360.0)
"""How long a slow drift takes to come about."""
PASSES_S = (360.0, 540.0)
"""How long a trouble that passes lasts."""
BACK_OFF_S = (10.0, 20.0, 40.0, 80.0, 160.0, 300.0)
"""Kubernetes' waits before it restarts a container that keeps crashing: doubled up to five minutes."""
UP_S = 15.0
"""How long the replica in a crash loop serves before it dies again."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Faults, and what is true of them."""

    faults: tuple[Fault, ...]
    truth: tuple[Happening, ...]


def slow_drift(scene: Scene, rng: np.random.Generator) -> Trouble:
    """Let the variant that serves the main stage become slower over minutes, for good."""
    place, factor = scene.main_setting, float(rng.uniform(*SLOWER))
    fault = LatencyDrift(
        stage=place.stage,
        variant=place.variant,
        start_s=scene.onset_s,
        ramp_s=float(rng.uniform(*RAMP_S)),
        factor=factor,
    )
    return Trouble((fault,), (_of(place.stage, "latency drift", scene.onset_s, SECONDS, place.variant),))


def noisy_neighbour(scene: Scene, rng: np.random.Generator) -> Trouble:
    """Let every variant of the main stage become slower at once, until the neighbour has gone."""
    end_s, factor = scene.onset_s + float(rng.uniform(*PASSES_S)), float(rng.uniform(*SLOWER))
    faults = _slower(scene.main, factor, scene.onset_s, end_s)
    return Trouble(faults, (_of(scene.main.name, "latency drift", scene.onset_s, end_s),))


def accuracy_drift(scene: Scene, rng: np.random.Generator) -> Trouble:
    """Let the variant that serves the main stage be right less often, from one second to the next."""
    place = scene.main_setting
    fault = AccuracyDrift(
        stage=place.stage,
        variant=place.variant,
        start_s=scene.onset_s,
        factor=float(rng.uniform(*KEPT)),
    )
    return Trouble((fault,), (_of(place.stage, "accuracy drift", scene.onset_s, SECONDS, place.variant),))


def input_drift(scene: Scene, rng: np.random.Generator) -> Trouble:
    """Let inputs become harder: all stages are slower and less accurate, the cheap variants most."""
    worst_kept, factor = float(rng.uniform(*KEPT)), float(rng.uniform(*HARDER))
    faults: list[Fault] = []
    truth: list[Happening] = []
    for stage in scene.pipeline.stages:
        faults += _slower(stage, factor, scene.onset_s, None)
        faults += _less_accurate(stage, worst_kept, scene.onset_s)
        truth.append(_of(stage.name, "latency drift", scene.onset_s, SECONDS))
        truth.append(_of(stage.name, "accuracy drift", scene.onset_s, SECONDS))
    return Trouble(tuple(faults), tuple(truth))


def lost_node(scene: Scene, rng: np.random.Generator) -> Trouble:
    """Let the cluster grant the main stage one replica less than it needs, until a new node has come."""
    end_s = scene.onset_s + float(rng.uniform(*PASSES_S))
    left = max(1, scene.main_setting.replicas - 1)
    fault = CapacityLoss(stage=scene.main.name, start_s=scene.onset_s, end_s=end_s, replicas=left)
    return Trouble((fault,), (_of(scene.main.name, "lost capacity", scene.onset_s, end_s),))


def crash_loop(scene: Scene, rng: np.random.Generator) -> Trouble:
    """Let one replica of what serves the main stage die again and again, with Kubernetes' back-off."""
    place = scene.main_setting
    faults: list[Fault] = []
    start_s, waits_s = scene.onset_s, iter(BACK_OFF_S)
    last_s = scene.onset_s + float(rng.uniform(*PASSES_S))
    while start_s < last_s:
        end_s = min(SECONDS, start_s + next(waits_s, BACK_OFF_S[-1]))
        faults.append(
            ReplicaCrash(
                stage=place.stage, variant=place.variant, start_s=start_s, end_s=end_s, restarts=False
            ),
        )
        start_s = end_s + UP_S
    return Trouble(tuple(faults), (_of(scene.main.name, "crash loop", scene.onset_s, start_s - UP_S),))


def _slower(stage: Stage, factor: float, start_s: float, end_s: float | None) -> tuple[Fault, ...]:
    return tuple(
        LatencyDrift(stage=stage.name, variant=v.name, start_s=start_s, end_s=end_s, factor=factor)
        for v in stage.variants
    )


def _less_accurate(stage: Stage, worst_kept: float, start_s: float) -> tuple[Fault, ...]:
    """Return the drifts of all variants: from *worst_kept* for the least accurate up to `BEST_KEPT`."""
    ranked = sorted(stage.variants, key=lambda v: v.accuracy)
    step = (BEST_KEPT - worst_kept) / max(1, len(ranked) - 1)
    return tuple(
        AccuracyDrift(stage=stage.name, variant=v.name, start_s=start_s, factor=worst_kept + k * step)
        for k, v in enumerate(ranked)
    )


def _of(
    stage: str,
    what: Literal["latency drift", "accuracy drift", "lost capacity", "crash loop"],
    start_s: float,
    end_s: float,
    variant: str | None = None,
) -> Happening:
    return Happening(what=what, subject=stage, start_s=start_s, end_s=end_s, variant=variant)
