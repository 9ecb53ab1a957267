"""The twin against reality: one live run on the local cluster, and its very arrivals in the simulator.

    python -m benchmarks.twin --pipeline id_card --rps 6 --seconds 300

A configuration is held (the optimum for the load, or --config), so that nothing but serving is compared.
Live latency is the client's, from when a request was due to its answer; batch sizes are the servers' own
counts. The machine's other work during the run is printed: what it takes, the twin does not know of.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil

from agent.context import LoopSettings
from agent.episode import first_configuration
from agent.lines import configuration_line
from agent.live import LocalOptions, cluster_spec, load_plan, on_this_machine
from benchmarks.machine import machine
from core.configuration import Configuration
from core.observation import Observation
from core.pipeline import Pipeline
from pipelines.load.plan import Sent
from pipelines.reader import read_configuration, read_pipeline
from simulator.scrape import Scrape
from simulator.twin import Twin
from tools.local.cluster import bring_up, take_down
from tools.local.load import Load
from tools.observe import observed
from tools.serving_python import serving_python
from tools.waits import batch_waits_s

ROOT = Path(__file__).parent.parent
P95_BAR, ATTAINMENT_BAR = 0.25, 0.03
"""The twin is good enough within these: a share, and points of attainment."""
OK = 200


@dataclass(frozen=True, slots=True)
class Figures:
    """What is compared."""

    p50_s: float
    p95_s: float
    attainment: float
    batch: Mapping[str, float]
    """Mean batch size by stage."""
    service_s: Mapping[str, float]
    """Mean service time of a batch by stage."""


def main() -> None:
    """Run, replay, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pipeline", default="id_card", help="a ready pipeline")
    parser.add_argument("--rps", type=float, default=6.0)
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--config", type=Path, help="hold this configuration; the optimum by default")
    parser.add_argument("--models", type=Path, default=ROOT / ".models")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    pipeline = on_this_machine(read_pipeline(ROOT / "pipelines" / options.pipeline / "pipeline.yaml"))
    held = (
        first_configuration(pipeline, options.rps, LoopSettings())
        if options.config is None
        else read_configuration(options.config).checked(pipeline)
    )
    local = LocalOptions(serving_python(None), options.models, kit=options.pipeline)
    with TemporaryDirectory() as folder:
        sent, seen, foreign = live(pipeline, held, local, options, Path(folder))
    real = live_figures(pipeline, sent, seen)
    simulated = twin_figures(pipeline, held, sent, options.rps, options.seed)
    if options.json:
        print(json.dumps(_plain(options.pipeline, held, real, simulated, foreign)))
    else:
        _table(options, held, real, simulated, foreign, len(sent))


def live(
    pipeline: Pipeline, held: Configuration, local: LocalOptions, options: argparse.Namespace, folder: Path
) -> tuple[Sequence[Sent], Observation, float]:
    """Serve and load; return the requests, what Prometheus saw, and the cores other processes used."""
    spec = cluster_spec(pipeline, local)
    cluster = bring_up(
        spec, folder / "cluster", held, load_rps=options.rps, interval_s=float(options.seconds)
    )
    try:
        plan = load_plan(pipeline, local, [options.rps] * options.seconds, options.seed)
        url = f"http://{cluster.state.router}"
        with Load.start(plan, url, folder / "load", serving_python=spec.serving_python) as load:
            busy_s, began = _foreign_s(), time.monotonic()
            sent = load.results()
            foreign = (_foreign_s() - busy_s) / (time.monotonic() - began)
        time.sleep(2.0)  # until the last requests are scraped
        cluster.metrics.interval_s = time.time() - sent[0].at
        return sent, cluster.observe(), foreign
    finally:
        take_down(folder / "cluster")


def live_figures(pipeline: Pipeline, sent: Sequence[Sent], seen: Observation) -> Figures:
    """Return what was measured."""
    latency_s = [s.latency_s for s in sent if s.status == OK]
    in_time = sum(s.status == OK and s.latency_s <= pipeline.slo.latency_s for s in sent)
    p50_s, p95_s = np.quantile(latency_s, (0.5, 0.95))
    return Figures(float(p50_s), float(p95_s), in_time / len(sent), *_batches(seen))


def twin_figures(
    pipeline: Pipeline, held: Configuration, sent: Sequence[Sent], load_rps: float, seed: int
) -> Figures:
    """Return what the twin makes of the same arrivals."""
    arrivals_s = [s.at - sent[0].at for s in sent]
    seconds = int(arrivals_s[-1]) + 1
    twin = Twin(
        pipeline,
        held,
        [load_rps] * seconds,
        seed=seed,
        batch_wait_s=batch_waits_s(pipeline, held, load_rps),
        arrivals_s=arrivals_s,
    )
    first: Scrape = twin.scrape()
    twin.drain()
    report, last = twin.report(), twin.scrape()
    p50_s, p95_s = report.latency_s["p50"], report.latency_s["p95"]
    if p50_s is None or p95_s is None or report.slo_attainment is None:
        raise SystemExit("the twin answered no request")
    seen = observed(pipeline, first, last, ())
    return Figures(p50_s, p95_s, report.slo_attainment, *_batches(seen))


def _batches(seen: Observation) -> tuple[dict[str, float], dict[str, float]]:
    sizes, service_s = {}, {}
    for stage in seen.stages:
        batches = sum(s.batches for s in stage.services)
        items = sum(size * n for s in stage.services for size, n in s.sizes)
        sizes[stage.stage] = items / batches if batches else 0.0
        busy_s = sum(s.mean_s * s.batches for s in stage.services)
        service_s[stage.stage] = busy_s / batches if batches else 0.0
    return sizes, service_s


def _foreign_s() -> float:
    """Return the CPU seconds used so far by processes that are not ours."""
    ours, everything = 0.0, psutil.cpu_times()
    mine = os.getuid()
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            if process.uids().real == mine and any(
                mark in word
                for word in words
                for mark in ("pipelines.serving", "locust", "tools.local", "tsdb")
            ):
                ours += sum(process.cpu_times()[:2])
        except psutil.Error:
            continue
    ours += sum(psutil.Process().cpu_times()[:2])
    return float(everything.user + everything.system) - ours


def _table(
    options: argparse.Namespace,
    held: Configuration,
    real: Figures,
    simulated: Figures,
    foreign: float,
    count: int,
) -> None:
    print(
        f"{options.pipeline}: {configuration_line(held)}; "
        f"{count} requests in {options.seconds} s; {machine()}"
    )
    print(f"other processes used {foreign:.2f} cores meanwhile\n")
    print("| figure | live | twin | error |\n|---|---|---|---|")
    for name, a, b in (("p50", real.p50_s, simulated.p50_s), ("p95", real.p95_s, simulated.p95_s)):
        print(f"| {name}, ms | {1e3 * a:.1f} | {1e3 * b:.1f} | {(b - a) / a:+.0%} |")
    points = 100 * (simulated.attainment - real.attainment)
    print(f"| SLO attainment | {real.attainment:.4f} | {simulated.attainment:.4f} | {points:+.1f} points |")
    for stage in real.batch:
        print(f"| mean batch, {stage} | {real.batch[stage]:.2f} | {simulated.batch[stage]:.2f} | |")
        a, b = real.service_s[stage], simulated.service_s[stage]
        print(f"| mean service, {stage}, ms | {1e3 * a:.1f} | {1e3 * b:.1f} | {(b - a) / a:+.0%} |")
    good = abs(simulated.p95_s / real.p95_s - 1) <= P95_BAR and abs(points) <= 100 * ATTAINMENT_BAR
    print(f"\nwithin {P95_BAR:.0%} and {100 * ATTAINMENT_BAR:g} points: {'yes' if good else 'NO'}")


def _plain(
    name: str, held: Configuration, real: Figures, simulated: Figures, foreign: float
) -> dict[str, object]:
    def of(figures: Figures) -> dict[str, object]:
        return {
            "p50_s": figures.p50_s,
            "p95_s": figures.p95_s,
            "attainment": figures.attainment,
            "batch": dict(figures.batch),
            "service_s": dict(figures.service_s),
        }

    return {
        "pipeline": name,
        "configuration": configuration_line(held),
        "live": of(real),
        "twin": of(simulated),
        "foreign_cores": foreign,
    }


if __name__ == "__main__":
    main()
