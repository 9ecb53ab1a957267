"""What `trimtab run --cluster local` does: the loop on real servers, until its trace ends or for good."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from rich.console import Console

from agent.choosing import Choice, chosen_planner
from agent.context import LoopSettings
from agent.live import LocalOptions, LocalRun, load_plan, local_run, play
from agent.policy import read_policy
from agent.running import approver_for, print_decision, print_end, stopping
from agent.simulation import episode_answer
from core.decision import Decision, Mode
from core.errors import UsageError
from pipelines.reader import read_pipeline
from pipelines.trace import read_trace
from tools.replay import score

FIRST_RPS = 1.0
"""The load that the first configuration is for, where nobody knows what will come."""
LOAD = "load"
STOPPED = "trimtab: stopped after the present turn; nothing is left half done\n"


def run_local(
    file: Path,
    trace: Path | None,
    *,
    choice: Choice,
    mode: Mode,
    autonomy: Path | None,
    data: Path,
    interval_s: int,
    seed: int,
    column: str | None,
    options: LocalOptions,
    as_json: bool,
) -> None:
    """Run the loop. With a trace a load generator plays it; without one whoever likes sends requests.

    Raises:
        UsageError: something that is needed is missing.
        TransientError: the cluster or the load generator did not work.
    """
    started = time.perf_counter()
    pipeline = read_pipeline(file)
    loads_rps = None if trace is None else read_trace(trace, column)
    if loads_rps is not None and max(loads_rps[:interval_s]) == 0:
        raise UsageError(f"{trace}: its first {interval_s} s have no request; there is nothing to start from")
    settings = LoopSettings(
        mode=mode, interval_s=interval_s, autonomy=None if autonomy is None else read_policy(autonomy)
    )

    def heard(decision: Decision) -> None:
        print_decision(decision, as_json=as_json)

    with (
        chosen_planner(choice, data, os.environ) as (planner, line),
        stopping() as stop,
        local_run(
            pipeline,
            data,
            planner=planner,
            settings=settings,
            options=options,
            first_rps=FIRST_RPS if loads_rps is None else max(loads_rps[:interval_s]),
            seconds=float("inf") if loads_rps is None else float(len(loads_rps)),
            stop=stop,
            approver=approver_for(mode, real_time=True),
        ) as run,
    ):
        if loads_rps is None:
            _for_good(run, as_json=as_json)
            return
        report = play(run, load_plan(pipeline, options, loads_rps, seed), data / LOAD, heard).report
        if stop.is_set():
            sys.stderr.write(STOPPED)
    answer = episode_answer(report, score(run.pipeline, report), time.perf_counter() - started)
    print_end(run.pipeline, line, data, answer, as_json=as_json)


def _for_good(run: LocalRun, *, as_json: bool) -> None:
    """Decide until somebody stops it."""
    Console(stderr=True).print(f"send requests to {run.cluster.url}", markup=False, highlight=False)
    for decision in run.turns():
        if decision is not None:
            print_decision(decision, as_json=as_json)
    sys.stderr.write(STOPPED)
