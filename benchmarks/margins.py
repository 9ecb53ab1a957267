"""What the loop's margins and the rules planner's constants are worth: `python -m benchmarks.margins`.

The loop runs the demonstration's kind of episode on the embedded cluster, once for each seed and
setting. Each block varies one thing and leaves the others at their defaults. Figures are means over the
seeds; the last column is how far the scores of the seeds lie apart (standard deviation), without which
a difference means nothing.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from agent.context import CONFIRM_S, STABILISATION_S, LoopSettings
from agent.demo import BASE_RPS, PEAK_RPS, PIPELINE, SECONDS
from agent.episode import embedded_run
from agent.planners.rules import WORTH_A_CHANGE, RulesPlanner
from benchmarks.machine import machine
from core.pace import Pace
from core.pipeline import Pipeline
from core.problem import Margins
from pipelines.reader import read_pipeline
from simulator.workload import bursty
from tools.cadence import LOOP_MARGINS
from tools.replay import score

MARGINS = tuple(
    Margins(headroom=headroom, wait_quantile=quantile)
    for headroom in (1.0, 1.1, 1.25)
    for quantile in (None, 0.5, 0.9, 0.99)
)
STABILISATIONS_S = (0.0, 15.0, 30.0, 60.0, 120.0)
CONFIRMATIONS_S = (0.0, 10.0, 20.0, 30.0, 60.0)
WORTHS = (0.0, 0.005, 0.01, 0.02, 0.05)


@dataclass(frozen=True, slots=True)
class Result:
    """One episode."""

    attainment: float
    effective_accuracy: float
    mean_cores: float
    switches: int
    score: float


@dataclass(frozen=True, slots=True)
class Setting:
    """What an episode is run with."""

    title: str
    margins: Margins = LOOP_MARGINS
    stabilisation_s: float = STABILISATION_S
    worth_a_change: float = WORTH_A_CHANGE
    confirm_s: float = CONFIRM_S


def episode(pipeline: Pipeline, setting: Setting, seed: int) -> Result:
    """Run one episode."""
    pace = Pace(stabilisation_s=setting.stabilisation_s)
    trace_rps = bursty(SECONDS, base_rps=BASE_RPS, peak_rps=PEAK_RPS, seed=seed)
    with (
        tempfile.TemporaryDirectory() as folder,
        embedded_run(
            pipeline,
            trace_rps,
            Path(folder),
            planner=RulesPlanner(worth_a_change=setting.worth_a_change),
            settings=LoopSettings(margins=setting.margins, pace=pace, confirm_s=setting.confirm_s),
            seed=seed,
        ) as run,
    ):
        for _ in run.turns():
            pass
        report = run.cluster.twin.report()
    judged = score(pipeline, report)
    if judged is None or report.slo_attainment is None or report.effective_accuracy is None:
        raise AssertionError("an episode that served nothing is no measurement")
    return Result(
        report.slo_attainment, report.effective_accuracy, report.mean_cores, report.switches, judged
    )


def settings() -> list[Setting]:
    """Return what is compared, block by block."""
    found = [
        Setting(f"headroom {m.headroom:4g}, wait quantile {m.wait_quantile or 'none'}", margins=m)
        for m in MARGINS
    ]
    found += [Setting(f"stabilisation {s:g} s", stabilisation_s=s) for s in STABILISATIONS_S]
    found += [Setting(f"worth a change {w:g}", worth_a_change=w) for w in WORTHS]
    found += [Setting(f"confirmation {s:g} s", confirm_s=s) for s in CONFIRMATIONS_S]
    return found


def row(setting: Setting, results: Sequence[Result]) -> str:
    """Return one line of the table."""
    scores = [r.score for r in results]
    return (
        f"{setting.title:36} {statistics.fmean(r.attainment for r in results):10.4f} "
        f"{statistics.fmean(r.effective_accuracy for r in results):10.4f} "
        f"{statistics.fmean(r.mean_cores for r in results):7.2f} "
        f"{statistics.fmean(r.switches for r in results):9.1f} "
        f"{statistics.fmean(scores):9.4f} {statistics.stdev(scores):8.4f}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pipeline", type=Path, default=PIPELINE)
    parser.add_argument("--seeds", type=int, default=5, help="episodes for each setting, two at least")
    given = parser.parse_args()
    pipeline = read_pipeline(given.pipeline)
    print(machine("highspy"))
    print(f"{pipeline.name}: {given.seeds} episodes of {SECONDS} s each, {BASE_RPS:g} to {PEAK_RPS:g} rps")
    print(f"{'':36} {'attained':>10} {'accuracy':>10} {'cores':>7} {'switches':>9} {'score':>9} {'stdev':>8}")
    with ProcessPoolExecutor(max_workers=os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for setting in settings():
            results = list(pool.map(partial(episode, pipeline, setting), range(given.seeds)))
            print(row(setting, results), flush=True)


if __name__ == "__main__":
    main()
