"""What `trimtab demo-live` does: five minutes of real requests on the local cluster, the loop deciding.

The load is open loop and labelled: every request brings its right answer along, so the accuracy in the table
is counted and not assumed. The rivals replay the very counts of requests, second by second, in the twin;
the loop itself is replayed there too, which says how far the twin is from this machine.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from agent.choosing import Choice, chosen_planner
from agent.context import LoopSettings
from agent.demo import Outcome, cleared, finished, outcome_table, plotted, rivals, spent
from agent.lines import decision_line
from agent.live import FOLDER, LocalOptions, LocalRun, Played, load_plan, local_run, on_this_machine, play
from agent.running import stopping
from core.decision import Decision
from core.errors import UsageError
from core.pipeline import Pipeline
from pipelines.load.plan import Plan
from pipelines.reader import read_pipeline
from simulator.report import Report
from simulator.workload import bursty
from tools.local.cluster import take_down
from tools.replay import score

PLOT = "demo-live.png"
LOAD = "load"


def demo_live(
    file: Path,
    out: Path,
    *,
    choice: Choice,
    options: LocalOptions,
    seconds: int,
    base_rps: float,
    peak_rps: float,
    seed: int,
) -> None:
    """Serve, load, decide, print the decisions and the table, write the plot.

    Raises:
        UsageError: something is missing, or the pipeline cannot carry the load on this machine.
        TransientError: the cluster or the load generator did not work.
    """
    started = time.perf_counter()
    console = Console()
    pipeline = read_pipeline(file)
    trace_rps = bursty(seconds, base_rps=base_rps, peak_rps=peak_rps, seed=seed)
    plan = load_plan(pipeline, options, trace_rps, seed)
    _cleared(out)
    console.print(
        f"[bold]{escape(pipeline.name)}[/bold], live: {seconds} s, {len(plan.arrivals_s)} requests, "
        f"{base_rps:g} to {peak_rps:g} a second, "
        f"SLO {pipeline.slo.latency_s:g} s at {pipeline.slo.quantile:.0%}"
    )
    settings = LoopSettings()
    with chosen_planner(choice, out, os.environ) as (planner, line), stopping() as stop:
        console.print(line, markup=False, highlight=False)
        console.print("starting the servers", highlight=False)
        with local_run(
            pipeline,
            out,
            planner=planner,
            settings=settings,
            options=options,
            first_rps=max(trace_rps[: settings.interval_s]),
            seconds=float(seconds),
            stop=stop,
        ) as run:
            played = _played(console, run, plan, out / LOAD)
    here = on_this_machine(pipeline, options.max_cores)
    counts = tuple(map(float, np.bincount(np.array(plan.arrivals_s, int), minlength=seconds)))
    outcomes = [Outcome(f"agent ({planner.name}), live", played.report, score(here, played.report))]
    with rivals(here, counts, seed, exact=True) as waiting:
        outcomes += finished(console, waiting)
    report = played.report
    shifted = [
        d.model_copy(update={"time_s": max(0.0, d.time_s - run.watch.began_s)}) for d in played.decisions
    ]
    plotted(out / PLOT, here, counts, tuple(shifted), report, where="on real servers of this machine")
    _told(console, here, outcomes, report, out, time.perf_counter() - started)


def _cleared(out: Path) -> None:
    """Remove what an earlier demonstration left, its cluster first.

    Raises:
        UsageError: the folder cannot be written.
        TransientError: an earlier cluster does not end.
    """
    take_down(out / FOLDER)
    cleared(out)
    for folder in (out / FOLDER, out / LOAD):
        try:
            shutil.rmtree(folder)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise UsageError(f"{folder}: cannot be removed: {error.strerror}; give another --out") from error


def _played(console: Console, run: LocalRun, plan: Plan, folder: Path) -> Played:
    """Play the plan and print what changes; count what does not."""
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("live", total=run.seconds)

        def heard(decision: Decision) -> None:
            bar.update(task, completed=run.now_s)
            if decision.outcome != "held":
                console.print(decision_line(decision), markup=False, highlight=False, soft_wrap=True)

        played = play(run, plan, folder, heard)
    held = sum(d.outcome == "held" for d in played.decisions)
    console.print(f"{len(played.decisions)} decisions, {held} of them to hold what runs", highlight=False)
    spent(console, played.decisions)
    return played


def _told(
    console: Console,
    pipeline: Pipeline,
    outcomes: Sequence[Outcome],
    report: Report,
    out: Path,
    seconds: float,
) -> None:
    title = f"{escape(pipeline.name)}: the agent on real servers, the others in the twin, the same requests"
    console.print(outcome_table(title, outcomes))
    latency = ", ".join(f"{name} {value:.3f} s" for name, value in report.latency_s.items() if value)
    console.print(f"live: {latency}; {report.dropped} of {report.requests} not answered", highlight=False)
    console.print(f"picture: {out / PLOT}", highlight=False)
    console.print(f"decisions and their proofs: trimtab decisions --data {out}", highlight=False)
    console.print(f"{seconds:.0f} s in all", highlight=False)
