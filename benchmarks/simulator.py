"""How fast the twin simulates, beside SimPy: `python -m benchmarks.simulator [--data DIR]`.

The traces are IPA's four windows of 20 minutes. The pipeline is a chain of two stages with batches of
up to four, enough replicas for the peak, and waits for a batch to fill, so that every kind of event
takes part. A run is making the arrivals, building the twin and serving to the last request; in the second
table also the report, whose figures by second SimPy's model does not make.

Every second of a trace is multiplied by a scale, and the replicas with it, for a run long enough to
measure. The first table runs the same requests in the twin and in `tests.simulator.simpy_model`. Service is
deterministic there, so both must give every request the same latency; a run in which they differ ends
the benchmark. SimPy's arrivals are made outside its time. The second table has the twin's default
noise and drops, and beside it the same with a scrape each second, as the loop does it.

Medians of the stated number of runs, by wall time and by the process's own CPU time (everything is in
one thread); on a machine with other work the second is what the code costs. The two models take turns.
The first run, which loads the compiled code, is not counted.
"""

from __future__ import annotations

import argparse
import csv
import gc
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np

from benchmarks.machine import machine
from core.configuration import Configuration, StageConfiguration
from core.document import pipeline_from
from core.pipeline import Pipeline
from simulator.arrivals import arrival_times
from simulator.options import TwinOptions
from simulator.report import Report
from simulator.twin import Twin
from tests.simulator.simpy_model import SimpyModel, StageModel

DATA = Path(__file__).resolve().parents[1] / ".." / "shared" / "data"
TRACES = ("steady-low", "bursty", "fluctuating", "steady-high")
COLUMN = "rps_div8"
RUNS = 5
BESIDE_SCALES = (1, 10)
"""Of the first table: SimPy takes seconds for a million requests."""
SCALE = 100
"""Of the second table."""
SEED = 1
SETTINGS = {"detect": (4, 4), "read": (2, 6)}
"""Batch and replicas of each stage: good for 40 requests per second."""
LATENCY_S = {"detect": {1: 0.1, 4: 0.31}, "read": {1: 0.09, 2: 0.16}}
WAIT_S = {"detect": 0.12, "read": 0.04}
EXACT = TwinOptions(drop="none", service="deterministic")
TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run takes, in seconds."""

    wall_s: float
    cpu_s: float


@cache
def pipeline() -> Pipeline:
    """Return the chain that both simulate; reading it is not part of a run."""
    stages = [
        {
            "name": name,
            "variants": [
                {
                    "name": "only",
                    "accuracy": 0.9,
                    "cores": 1,
                    "profile": [{"batch": b, "latency": s} for b, s in LATENCY_S[name].items()],
                }
            ],
        }
        for name in SETTINGS
    ]
    return pipeline_from(
        {
            "apiVersion": "trimtab/v1",
            "kind": "Pipeline",
            "metadata": {"name": "detect-read"},
            "spec": {"slo": {"latency": 2.0}, "stages": stages},
        }
    )


def configuration(scale: int) -> Configuration:
    """Return what serves the traces times *scale*."""
    return Configuration(
        stages=tuple(
            StageConfiguration(stage=name, variant="only", batch=batch, replicas=scale * replicas)
            for name, (batch, replicas) in SETTINGS.items()
        )
    )


def read_trace(data: Path, name: str) -> list[float]:
    """Return requests per second of one of IPA's windows."""
    with (data / "ipa" / "traces" / f"{name}.csv").open(newline="") as lines:
        return [float(row[COLUMN]) for row in csv.DictReader(lines)]


def in_twin(trace_rps: list[float], *, scale: int, options: TwinOptions, scraped: bool = False) -> Report:
    """Simulate the whole trace and judge it."""
    return served(trace_rps, scale=scale, options=options, scraped=scraped).report()


def served(trace_rps: list[float], *, scale: int, options: TwinOptions, scraped: bool = False) -> Twin:
    """Simulate the whole trace."""
    twin = Twin(
        pipeline(),
        configuration(scale),
        trace_rps,
        seed=SEED,
        batch_wait_s=WAIT_S,
        options=options,
    )
    if scraped:
        for second in range(len(trace_rps)):
            twin.step(second + 1.0)
            twin.scrape()
    twin.drain()
    return twin


def in_simpy(arrivals_s: list[float], *, scale: int) -> list[float]:
    """Simulate the same in SimPy; return the latencies."""

    def service(name: str, batch: int) -> Callable[[int], float]:
        first, last = LATENCY_S[name][1], LATENCY_S[name][batch]
        return lambda size: first + (last - first) * (size - 1) / (batch - 1)

    names = list(SETTINGS)
    stages = [
        StageModel(
            name,
            batch,
            scale * replicas,
            WAIT_S[name],
            service(name, batch),
            [(following, 1.0) for following in names[k + 1 : k + 2]],
            names[max(0, k - 1) : k],
        )
        for k, (name, (batch, replicas)) in enumerate(SETTINGS.items())
    ]
    return SimpyModel(stages, seed=SEED).run(arrivals_s)


def arrivals(trace_rps: list[float]) -> list[float]:
    """Return the arrivals that a twin of `SEED` makes."""
    stream = np.random.SeedSequence(SEED).spawn(2)[0]
    times_s = arrival_times(trace_rps, generator=np.random.default_rng(stream), mode="poisson")
    return [float(t) for t in times_s]


def costs(*runs: Callable[[], object], times: int) -> list[Cost]:
    """Return the median cost of each of *runs*, taken in turns."""
    found: list[list[Cost]] = [[] for _ in runs]
    for _ in range(times):
        for run, costs_of_run in zip(runs, found, strict=True):
            gc.collect()
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            costs_of_run.append(Cost(time.perf_counter() - wall, time.process_time() - cpu))
    return [
        Cost(statistics.median(c.wall_s for c in each), statistics.median(c.cpu_s for c in each))
        for each in found
    ]


def check_same(report: Report, latencies_s: list[float]) -> None:
    """End the benchmark unless both gave the same latencies."""
    same = report.completed == len(latencies_s) and all(
        abs((report.latency_s[name] or 0.0) - float(np.quantile(latencies_s, q))) < TOLERANCE
        for name, q in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
    )
    if not same:
        sys.exit("the twin and SimPy disagree; their times mean nothing")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="the folder that holds ipa/")
    parser.add_argument("--scale", type=int, default=SCALE)
    parser.add_argument("--runs", type=int, default=RUNS)
    given = parser.parse_args()
    traces = {name: read_trace(given.data, name) for name in TRACES}
    print(f"{machine('numpy', 'numba', 'simpy')}, load average {os.getloadavg()[0]:.1f}")
    in_twin([1.0], scale=1, options=EXACT)
    for scale in BESIDE_SCALES:
        compare(traces, scale, given.runs)
    measure_scaled(traces, given.scale, given.runs)


def compare(traces: Mapping[str, list[float]], scale: int, runs: int) -> None:
    """Print a table of the twin beside SimPy."""
    print(f"\ntimes {scale}, deterministic, median of {runs} runs")
    print("                          twin: by wall    by CPU   SimPy: by wall    by CPU   times faster")
    print("trace        requests      requests/s  requests/s      requests/s  requests/s  wall   CPU")
    twin_s, simpy_s = 0.0, 0.0
    for name, trace_rps in traces.items():
        scaled = [scale * rate for rate in trace_rps]
        times_s = arrivals(scaled)
        n = len(times_s)
        twin = partial(served, scaled, scale=scale, options=EXACT)
        simpy = partial(in_simpy, times_s, scale=scale)
        check_same(twin().report(), simpy())
        ours, theirs = costs(twin, simpy, times=runs)
        twin_s, simpy_s = twin_s + ours.cpu_s, simpy_s + theirs.cpu_s
        print(
            f"{name:11} {n:9}  {n / ours.wall_s:14.3g}  {n / ours.cpu_s:10.3g}  {n / theirs.wall_s:14.3g}  "
            f"{n / theirs.cpu_s:10.3g}  {theirs.wall_s / ours.wall_s:4.0f}  {theirs.cpu_s / ours.cpu_s:4.0f}",
            flush=True,
        )
    print(
        f"all four: {simpy_s:.3f} s of CPU in SimPy, {twin_s:.4f} s in the twin, {simpy_s / twin_s:.0f} times"
    )


def measure_scaled(traces: Mapping[str, list[float]], scale: int, runs: int) -> None:
    """Print the second table."""
    print(f"\ntimes {scale}, default options, median of {runs} runs")
    print("                                          by wall    by CPU   each second: by wall    by CPU")
    print("trace        requests  in time %  wall s  requests/s requests/s      requests/s  requests/s")
    for name, trace_rps in traces.items():
        scaled = [scale * rate for rate in trace_rps]
        twin = partial(in_twin, scaled, scale=scale, options=TwinOptions())
        report = twin()
        n = report.requests
        plain, scraped = costs(twin, partial(twin, scraped=True), times=runs)
        in_time = 100 * (report.slo_attainment or 0.0)
        print(
            f"{name:11} {n:9}  {in_time:9.2f}  {plain.wall_s:6.2f}  {n / plain.wall_s:10.3g} "
            f"{n / plain.cpu_s:10.3g}  {n / scraped.wall_s:14.3g}  {n / scraped.cpu_s:10.3g}",
            flush=True,
        )


if __name__ == "__main__":
    main()
