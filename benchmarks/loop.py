"""What a turn of the loop costs but for the model's own time: `python -m benchmarks.loop [--pipeline FILE]`.

A turn is everything from reading the metrics to the stored decision: nine nodes, each with its
checkpoint on disk, the forecast, the exact solutions, certificate and record. The cluster is the
embedded one; the time it simulates between two turns is not counted. Each planner runs in a process of
its own; memory is that of the whole process, its cluster included, at the end.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import psutil

from agent.context import LoopSettings
from agent.demo import BASE_RPS, PEAK_RPS, PIPELINE, SECONDS
from agent.episode import embedded_run
from agent.folder import FLIGHT
from agent.llm.settings import PlannerSettings
from agent.planners import Planner, create, names
from agent.planners.llm import LlmPlanner
from benchmarks.machine import machine
from core.pipeline import Pipeline
from core.spend import Budget, Spend
from pipelines.reader import read_pipeline
from simulator.workload import bursty
from tests.agent.llm.server import proposing, scripted
from tools.flight import FlightRecorder

LLM = "llm"


@dataclass(frozen=True, slots=True)
class Run:
    """One episode."""

    turns_s: tuple[float, ...]
    resident_mib: float


def run(pipeline: Pipeline, planner: str) -> Run:
    """Run the demonstration's episode, timing each turn."""
    with tempfile.TemporaryDirectory() as folder:
        found = _turns_s(pipeline, planner, Path(folder))
        return Run(tuple(found), psutil.Process().memory_info().rss / 2**20)


@contextmanager
def _planner(name: str, folder: Path) -> Iterator[Planner]:
    """Yield the planner; `llm` with a model that answers at once, over HTTP, and a recorder on disk."""
    if name != LLM:
        yield create(name)
        return
    answer = proposing(action="solve", evidence=["t1", "t2"], rationale="the optimum, as it is")
    with scripted(answer) as model, closing(FlightRecorder(folder / FLIGHT, time.time)) as flight:
        yield LlmPlanner(model.settings(), flight, settings=PlannerSettings(decision=Budget()))


def _turns_s(pipeline: Pipeline, planner: str, folder: Path) -> list[float]:
    """Time each turn, without what a model took; of the `llm` planner's only those that asked one."""
    trace_rps = bursty(SECONDS, base_rps=BASE_RPS, peak_rps=PEAK_RPS, seed=0)
    settings = LoopSettings()
    found = []
    with (
        _planner(planner, folder) as thinking,
        embedded_run(
            pipeline,
            trace_rps,
            folder,
            planner=thinking,
            settings=settings,
            seed=0,
        ) as run,
    ):
        while run.cluster.twin.now_s + settings.interval_s < run.seconds:
            run.cluster.pass_time(settings.interval_s)
            start = time.perf_counter()
            decision = run.loop.tick()
            taken_s = time.perf_counter() - start
            spend = Spend() if decision is None else decision.planning.spend
            if planner != LLM or spend.calls:
                found.append(taken_s - spend.seconds)
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pipeline", type=Path, default=PIPELINE)
    pipeline = read_pipeline(parser.parse_args().pipeline)
    print(machine("langgraph", "pulp", "highspy"))
    print(f"{pipeline.name}, turns of the loop; milliseconds   median     90 %     worst   memory")
    for planner in (*names(), LLM):
        with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
            found = pool.submit(run, pipeline, planner).result()
        ms = sorted(1e3 * s for s in found.turns_s)
        decile = ms[int(0.9 * len(ms))]
        figures = f"{statistics.median(ms):27.1f} {decile:9.1f} {ms[-1]:9.1f} {found.resident_mib:6.0f} MiB"
        print(f"  {planner:8} {len(ms):4} turns  {figures}", flush=True)


if __name__ == "__main__":
    main()
