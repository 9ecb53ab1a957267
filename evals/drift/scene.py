"""Where a drift case plays: one of the project's pipelines, at a load that needs several replicas."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

import pipelines
from core.configuration import StageConfiguration
from core.errors import UsageError
from core.pipeline import Pipeline, Stage
from core.problem import Problem
from core.solution import Optimum
from core.solve import solve
from pipelines.reader import read_pipeline
from tools.cadence import LOOP_MARGINS

SECONDS = 1200
"""Length of an episode: 120 decisions."""
ONSET_S = (240.0, 420.0)
"""When the trouble begins: after the loop has warmed up, with most of the episode left."""
LOADS_RPS = {"id_card": (45.0, 75.0), "video": (85.0, 140.0), "audio": (25.0, 50.0)}
"""By folder: loads at which one stage needs two to four replicas, so that there is a choice to get wrong."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What a case is made from."""

    pipeline: Pipeline
    base_rps: float
    onset_s: float
    phase: float
    """Of the swell of the load, in radians."""
    main: Stage
    """The stage with the most cores in the optimum at the base load."""
    settings: tuple[StageConfiguration, ...]
    """That optimum."""

    @property
    def main_setting(self) -> StageConfiguration:
        """What the main stage runs in the optimum."""
        return next(s for s in self.settings if s.stage == self.main.name)


def scene(rng: np.random.Generator) -> Scene:
    """Draw one.

    Raises:
        UsageError: the pipeline that was drawn cannot carry its load.
    """
    folder = str(rng.choice(sorted(LOADS_RPS)))
    base_rps = float(rng.uniform(*LOADS_RPS[folder]))
    pipeline = _read(folder)
    match solve(Problem.of(pipeline, base_rps, margins=LOOP_MARGINS)):
        case Optimum(configuration=best):
            pass
        case _:
            raise UsageError(
                f"pipeline {folder!r} cannot carry {base_rps:g} rps; lower its load in LOADS_RPS"
            )
    cores = {s.stage: s.replicas * pipeline.stage(s.stage).variant(s.variant).cores for s in best.stages}
    main = max(best.stages, key=lambda s: cores[s.stage]).stage
    return Scene(
        pipeline=pipeline,
        base_rps=base_rps,
        onset_s=float(rng.uniform(*ONSET_S)),
        phase=float(rng.uniform(0, 2 * np.pi)),
        main=pipeline.stage(main),
        settings=best.stages,
    )


@cache
def _read(folder: str) -> Pipeline:
    return read_pipeline(Path(pipelines.__file__).parent / folder / "pipeline.yaml")
