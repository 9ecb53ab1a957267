"""Cells small enough to run in a moment, and tasks that leave marks where they run."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from core.errors import UsageError
from core.pipeline import Pipeline
from evals.episode import Played
from evals.frames import Row
from evals.runner import Comparison
from evals.scenario import Entrant, Scenario
from evals.store import Done, Key
from tests.core.toys import pipeline, stage

SPEC = pipeline(stage("first"))
TRACE = (9.0,) * 20 + (24.0,) * 15
ILP, SMALL, ORACLE = (Entrant(name, name) for name in ("ilp", "static-small", "oracle"))
TIMES = {"wall_s", "decision_mean_s", "decision_p99_s", "started"}
"""Of a row, what two runs of one episode do not share."""


def cell(name: str = "toy/steps", spec: Pipeline = SPEC, trace_rps: Sequence[float] = TRACE) -> Scenario:
    return Scenario("made", name, name.rpartition("/")[2], spec, tuple(trace_rps))


def comparison(
    *entrants: Entrant, seed: int = 0, name: str = "toy/steps", series: bool = False
) -> Comparison:
    return Comparison(cell(name), entrants or (ILP, SMALL), seed, series=series)


def figures(rows: Sequence[Row]) -> list[Mapping[str, object]]:
    """Return rows without what chance and machine make of them."""
    return [row.model_dump(exclude=TIMES) for row in rows]


@dataclass(frozen=True, slots=True)
class Marked:
    """A comparison that leaves a mark in a folder when it is begun, and then does what it is told to do."""

    comparison: Comparison
    marks: Path
    then: Callable[[], None] = lambda: None

    @property
    def episodes(self) -> dict[Key, str]:
        return self.comparison.episodes

    def without(self, done: Done) -> Marked | None:
        rest = self.comparison.without(done)
        return None if rest is None else replace(self, comparison=rest)

    def run(self) -> list[Played]:
        (self.marks / f"{self.comparison.scenario.name.replace('/', ' ')} {uuid4()}").touch()
        self.then()
        return self.comparison.run()


def nothing() -> None:
    """Go on."""


def die() -> None:
    """End this process as the kernel ends one that takes too much memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def hang() -> None:
    """Never end."""
    time.sleep(600)


def complain() -> None:
    """Fail as a policy fails that can decide nothing."""
    raise UsageError("nothing is feasible: no stage can carry a load of 1e+06 rps")


def begun(marks: Path, name: str) -> int:
    """Return how often the comparison of that cell was begun."""
    return sum(path.name.startswith(name.replace("/", " ")) for path in marks.iterdir())
