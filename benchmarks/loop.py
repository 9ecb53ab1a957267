"""What one turn of the loop costs without an LLM: `python -m benchmarks.loop [--pipeline FILE]`.

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
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import psutil

from agent.context import LoopSettings
from agent.demo import BASE_RPS, PEAK_RPS, PIPELINE, SECONDS
from agent.episode import embedded_run
from agent.planners import create, names
from benchmarks.machine import machine
from core.pipeline import Pipeline
from pipelines.reader import read_pipeline
from simulator.workload import bursty


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


def _turns_s(pipeline: Pipeline, planner: str, folder: Path) -> list[float]:
    trace_rps = bursty(SECONDS, base_rps=BASE_RPS, peak_rps=PEAK_RPS, seed=0)
    settings = LoopSettings()
    found = []
    with embedded_run(
        pipeline,
        trace_rps,
        folder,
        planner=create(planner),
        settings=settings,
        seed=0,
    ) as run:
        while run.cluster.twin.now_s + settings.interval_s < run.seconds:
            run.cluster.pass_time(settings.interval_s)
            start = time.perf_counter()
            run.loop.tick()
            found.append(time.perf_counter() - start)
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pipeline", type=Path, default=PIPELINE)
    pipeline = read_pipeline(parser.parse_args().pipeline)
    print(machine("langgraph", "pulp", "highspy"))
    print(f"{pipeline.name}, turns of the loop; milliseconds   median     90 %     worst   memory")
    for planner in names():
        with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
            found = pool.submit(run, pipeline, planner).result()
        ms = sorted(1e3 * s for s in found.turns_s)
        decile = ms[int(0.9 * len(ms))]
        figures = f"{statistics.median(ms):27.1f} {decile:9.1f} {ms[-1]:9.1f} {found.resident_mib:6.0f} MiB"
        print(f"  {planner:8} {len(ms):4} turns  {figures}", flush=True)


if __name__ == "__main__":
    main()
