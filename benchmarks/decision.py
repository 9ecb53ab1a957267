"""How long an exact decision takes, beside its rivals: `python -m benchmarks.decision [--instances N]`.

Each figure is the median over random pipelines (`benchmarks.instances`), of one decision each, from the
pipeline in memory to the checked optimum, model building included, solvers on one thread. Every rival
solves the same problem and must find the same objective. The frontier is all trade-offs of accuracy
against cores at the same load. IPA's formulation is timed at the largest number of batch sizes that
gurobipy's free licence takes, and ours at that number beside it.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks import rivals
from benchmarks.instances import BATCHES, LOAD_RPS, pipeline
from benchmarks.machine import machine
from core.frontier import frontier
from core.ilp import optimum
from core.pipeline import AccuracyMode, Pipeline
from core.problem import Problem

SIZES = ((2, 3), (5, 5), (10, 10), (20, 20))
IPA_SIZES = ((2, 3, 7), (3, 3, 7), (5, 5, 5))
"""Stages, variants, batch sizes."""
FRONTIER_SIZES = SIZES[:3]
NAIVE_WITHIN = 400
"""Variants in all (stages x variants) up to which the naive model is timed."""
AGREE = 1e-6


@dataclass(frozen=True, slots=True)
class Timed:
    """One way to decide, over several instances."""

    seconds: tuple[float, ...]
    objectives: tuple[float, ...]

    @property
    def median_ms(self) -> float:
        """Median in milliseconds."""
        return 1e3 * statistics.median(self.seconds)

    def row(self) -> str:
        """Return median and worst, in milliseconds."""
        return f"{self.median_ms:9.1f} {1e3 * max(self.seconds):9.1f}"


def timed(decide: Callable[[Pipeline], float], pipelines: Sequence[Pipeline]) -> Timed:
    """Decide once for each pipeline."""
    seconds, objectives = [], []
    for each in pipelines:
        start = time.perf_counter()
        objectives.append(decide(each))
        seconds.append(time.perf_counter() - start)
    return Timed(tuple(seconds), tuple(objectives))


def ours(each: Pipeline) -> float:
    """Return our optimum's objective."""
    found = optimum(Problem.of(each, LOAD_RPS))
    return math.nan if found is None else found.objective


def whole_frontier(each: Pipeline) -> float:
    """Return how many trade-offs there are."""
    return len(frontier(Problem.of(each, LOAD_RPS)))


def instances(
    count: int, stages: int, variants: int, accuracy: AccuracyMode, batches: int = len(BATCHES)
) -> list[Pipeline]:
    """Return *count* pipelines with the first *batches* batch sizes."""
    return [
        pipeline(stages=stages, variants=variants, seed=seed, accuracy=accuracy, batches=BATCHES[:batches])
        for seed in range(count)
    ]


def against(name: str, rival: Timed, mine: Timed) -> None:
    """Print one rival; raise if it found something else."""
    for a, b in zip(rival.objectives, mine.objectives, strict=True):
        if not math.isclose(a, b, rel_tol=AGREE):
            raise AssertionError(f"{name} found {a}, we found {b}")
    print(f"  {name:28} {rival.row()}   {rival.median_ms / mine.median_ms:6.1f} x ours", flush=True)


def decisions(count: int) -> None:
    """Print our decisions beside the naive integer model."""
    for accuracy in ("sum", "product"):
        for stages, variants in SIZES:
            pipelines = instances(count, stages, variants, accuracy)
            mine = timed(ours, pipelines)
            title = f"{stages}x{variants} {accuracy}"
            print(f"  {title:28} {mine.row()}", flush=True)
            if accuracy == "sum" and stages * variants <= NAIVE_WITHIN:
                for solver in ("HiGHS", "CBC"):
                    rival = timed(partial(rivals.naive, load_rps=LOAD_RPS, solver=solver), pipelines)
                    against(f"    naive model, {solver}", rival, mine)


def ipa(count: int) -> None:
    """Print IPA's formulation beside ours at the sizes the free licence takes."""
    for stages, variants, batches in IPA_SIZES:
        pipelines = instances(count, stages, variants, "sum", batches)
        mine = timed(ours, pipelines)
        print(f"  {f'{stages}x{variants} sum, {batches} batches':28} {mine.row()}", flush=True)
        against("    IPA's model, Gurobi", timed(partial(rivals.ipa, load_rps=LOAD_RPS), pipelines), mine)


def frontiers(count: int) -> None:
    """Print how long the whole frontier takes."""
    for accuracy in ("sum", "product"):
        for stages, variants in FRONTIER_SIZES:
            found = timed(whole_frontier, instances(count, stages, variants, accuracy))
            points = statistics.median(found.objectives)
            print(
                f"  {f'frontier {stages}x{variants} {accuracy}':28} {found.row()}   {points:.0f} points",
                flush=True,
            )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, default=15, help="random pipelines for each figure")
    count = parser.parse_args().instances
    print(machine("pulp", "highspy", "gurobipy", "numpy"))
    print(f"{count} random pipelines each; milliseconds       median     worst")
    ours(pipeline(stages=2, variants=3, seed=count))  # the first solve of a process loads the solver
    rivals.ipa(pipeline(stages=2, variants=3, seed=count), LOAD_RPS)
    decisions(count)
    ipa(count)
    frontiers(count)


if __name__ == "__main__":
    main()
