"""Time the variants: service time by batch size on one thread, and the start from nothing to ready.

One run is one call of a stage on one batch of real input: cards for a detector (finding and cutting out),
crops that the detectors cut out for a reader. Runs come in rounds over all points; other work on the
machine slows a round as a whole, so the round with the lowest median stands for a point and every round's
median is kept beside it. Loading is timed in a process of its own, from its start to its first answer.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import TrimtabError

BATCHES = (1, 2, 4, 8, 16)
WARM_UPS = 3
LOADS = 3
LOAD_TIMEOUT_S = 300.0


@dataclass(frozen=True, slots=True)
class Timing:
    """One point of the profile."""

    batch: int
    median_s: float
    p99_s: float
    runs: int
    """Runs of the round that stands for the point."""
    round_medians_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A variant ready to be timed on batches drawn from *items*."""

    serve: Callable[[Sequence[Any]], object]
    items: Sequence[Any]

    def seconds(self, batch: int, rng: np.random.Generator) -> float:
        """Return how long one call on a drawn batch takes."""
        chosen = [self.items[k] for k in rng.integers(0, len(self.items), batch)]
        started = time.perf_counter()
        self.serve(chosen)
        return time.perf_counter() - started


def one_round(call: Call, batch: int, *, runs: int, seed: int) -> list[float]:
    """Return the seconds of *runs* calls at one batch size, after a few that do not count."""
    rng = np.random.default_rng([seed, batch])
    for _ in range(WARM_UPS):
        call.seconds(batch, rng)
    return [call.seconds(batch, rng) for _ in range(runs)]


def summary(batch: int, rounds: Sequence[Sequence[float]]) -> Timing:
    """Return the point that the round with the lowest median gives.

    The 99th percentile is a run that was seen, the next above: up to 100 runs it is the slowest.
    """
    medians = [float(np.median(seconds)) for seconds in rounds]
    best = rounds[medians.index(min(medians))]
    return Timing(
        batch=batch,
        median_s=min(medians),
        p99_s=float(np.quantile(best, 0.99, method="higher")),
        runs=len(best),
        round_medians_s=tuple(medians),
    )


def load_time_s(stage: str, variant: str, models: Path) -> float:
    """Return the median time from starting a process to its first answer, files already on the disk.

    Raises:
        TrimtabError: the process failed.
    """
    command = [sys.executable, "-m", "pipelines.id_card.cold", stage, variant, str(models)]
    seconds = []
    for _ in range(LOADS):
        started = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, timeout=LOAD_TIMEOUT_S, check=False)
        seconds.append(time.perf_counter() - started)
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise TrimtabError(f"{variant} did not start: {said}")
    return float(np.median(seconds))
