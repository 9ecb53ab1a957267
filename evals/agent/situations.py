"""The situations that planners are judged in: a pipeline, a seed, what goes wrong, and so the right cause.

Every kind is tried on each of the project's own pipelines. The load is constant (arrivals are Poisson, drawn
with the seed) but where its change is the matter. What goes wrong begins at `FAULT_S` in the middle of an
interval, hits what the optimum for that load runs, and is judged some turns later: as many as the test that
looks for it needs at this size, found by trying (the module that tests it, `tools.assess`, has the theory).

The right cause is what was injected, never what was found: a planner cannot be right about what the
assessment does not show, and that counts against the system. A straggling replica is no kind of finding; it
shows as a breach of the SLO or as latency drift, and either is right. Of two at once, either is right.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import pipelines
from core.proposal import Cause

Kind = Literal[
    "stationary",
    "burst",
    "announced event",
    "latency drift",
    "accuracy drift",
    "capacity loss",
    "forecast bias",
    "metrics outage",
    "slo breach",
    "drift and event",
    "loss and burst",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
INTERVAL_S = 10
FAULT_S = 65.0
"""In the middle of the seventh interval: the forecast has two full windows, and no scrape falls on it."""
CAUSES: dict[Kind, tuple[Cause, ...]] = {
    "stationary": ("none",),
    "burst": ("load surge",),
    "announced event": ("announced event",),
    "latency drift": ("latency drift",),
    "accuracy drift": ("accuracy drift",),
    "capacity loss": ("capacity loss",),
    "forecast bias": ("forecast bias",),
    "metrics outage": ("missing metrics", "stale metrics"),
    "slo breach": ("slo breach", "latency drift"),
    "drift and event": ("latency drift", "announced event"),
    "loss and burst": ("capacity loss", "load surge"),
}
"""What is right to name."""
TURNS: dict[Kind, int] = {
    "stationary": 1,
    "burst": 1,
    "announced event": 1,
    "latency drift": 3,
    "accuracy drift": 12,
    "capacity loss": 2,
    "forecast bias": 30,
    "metrics outage": 1,
    "slo breach": 3,
    "drift and event": 3,
    "loss and burst": 2,
}
"""The turn after the begin that is judged: 1 is the first."""
BASE_RPS = {"audio": 20.0, "id_card": 20.0, "qa": 20.0, "video": 20.0}
"""The calm load of each pipeline, by its folder: low enough that a burst or an event fits its core budget."""


@dataclass(frozen=True, slots=True)
class Case:
    """One situation, before it is played."""

    kind: Kind
    pipeline: str
    """A folder of `pipelines/`."""
    seed: int

    @property
    def name(self) -> str:
        """How rows and tables call it."""
        return f"{self.kind}/{self.pipeline}/{self.seed}"

    @property
    def file(self) -> Path:
        """The pipeline file."""
        return Path(pipelines.__file__).parent / self.pipeline / "pipeline.yaml"

    @property
    def causes(self) -> tuple[Cause, ...]:
        """What is right to name."""
        return CAUSES[self.kind]

    @property
    def base_rps(self) -> float:
        """The calm load."""
        return BASE_RPS[self.pipeline]

    @property
    def judged_s(self) -> int:
        """When the turn that is judged begins, in seconds of the trace."""
        first = INTERVAL_S * (int(FAULT_S) // INTERVAL_S + 1)
        return first + INTERVAL_S * (TURNS[self.kind] - 1)


def all_cases() -> tuple[Case, ...]:
    """Return every situation: each kind on each pipeline, each with a seed of its own."""
    pairs = [(kind, pipeline) for kind in KINDS for pipeline in BASE_RPS]
    return tuple(Case(kind, pipeline, seed) for seed, (kind, pipeline) in enumerate(pairs, start=1))
