"""What `trimtab run` does: the loop on a cluster until its trace ends or it is told to stop."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from agent.answers import Answer
from agent.approver import at_the_terminal
from agent.choosing import Choice, chosen_planner
from agent.context import LoopSettings
from agent.episode import EmbeddedRun, embedded_run
from agent.lines import decision_answer, decision_line
from agent.loop import Approver
from agent.policy import read_policy
from agent.simulation import episode_answer
from core.decision import Decision, Mode
from core.errors import UsageError
from core.pipeline import Pipeline
from pipelines.reader import read_pipeline
from pipelines.trace import read_trace
from tools.replay import score

CLUSTERS = ("embedded", "local")


def run(
    file: Path,
    trace: Path | None,
    *,
    cluster: str,
    choice: Choice,
    mode: Mode,
    autonomy: Path | None,
    data: Path,
    interval_s: int,
    seed: int,
    column: str | None,
    real_time: bool,
    as_json: bool,
) -> None:
    """Run the loop over the trace and print every decision as it falls, and what came of it all."""
    if cluster not in CLUSTERS:
        raise UsageError(f"--cluster: there is no {cluster!r}; known: {', '.join(CLUSTERS)}")
    if trace is None:
        raise UsageError("--trace: the embedded cluster needs a load; name a CSV with requests per second")
    pipeline = read_pipeline(file)
    loads_rps = read_trace(trace, column)
    if max(loads_rps[:interval_s]) == 0:
        raise UsageError(f"{trace}: its first {interval_s} s have no request; there is nothing to start from")
    started = time.perf_counter()
    settings = LoopSettings(
        mode=mode,
        interval_s=interval_s,
        autonomy=None if autonomy is None else read_policy(autonomy),
    )
    with (
        chosen_planner(choice, data, os.environ) as (planner, line),
        embedded_run(
            pipeline,
            loads_rps,
            data,
            planner=planner,
            settings=settings,
            seed=seed,
            approver=approver_for(mode, real_time=real_time),
            real_time=real_time,
        ) as episode,
    ):
        _printed(episode, as_json=as_json, pace_s=float(interval_s) if real_time else 0.0)
        report = episode.cluster.twin.report()
    answer = episode_answer(report, score(pipeline, report), time.perf_counter() - started)
    print_end(pipeline, line, data, answer, as_json=as_json)


def print_end(pipeline: Pipeline, line: str, data: Path, answer: Answer, *, as_json: bool) -> None:
    """Print what came of a run; *line* says which planner decided."""
    if as_json:
        print(json.dumps(answer, allow_nan=False))  # noqa: T201 - the command's output
        return
    Console().print(f"[bold]{escape(pipeline.name)}[/bold], {line}", highlight=False, soft_wrap=True)
    Console().print(f"decisions are in {escape(str(data))}:")
    for key, value in answer.items():
        Console().print(f"  {key}: {value}", markup=False, highlight=False)


def _printed(episode: EmbeddedRun, *, as_json: bool, pace_s: float) -> None:
    """Print the decisions; SIGTERM and Ctrl-C end the run after the present turn."""
    terminal = Console(stderr=True)
    mute = episode.loop.context.settings.mode == "approve" or not terminal.is_terminal
    with stopping() as stop, Progress(console=terminal, transient=True, disable=mute) as bar:
        task = bar.add_task("running", total=episode.seconds)
        due_s = time.monotonic()
        for decision in episode.turns():
            bar.update(task, completed=episode.now_s)
            if decision is not None:
                print_decision(decision, as_json=as_json)
            due_s += pace_s
            if stop.wait(max(0.0, due_s - time.monotonic())):
                sys.stderr.write("trimtab: stopped after the present turn; nothing is left half done\n")
                return


def print_decision(decision: Decision, *, as_json: bool) -> None:
    """Print a decision on a line of its own."""
    text = json.dumps(decision_answer(decision), allow_nan=False) if as_json else decision_line(decision)
    print(text, flush=True)  # noqa: T201 - the command's output


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """Yield what SIGTERM and Ctrl-C set."""
    stop = threading.Event()

    def ask(_: int, __: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def approver_for(mode: Mode, *, real_time: bool) -> Approver | None:
    """Return who answers: the person at the terminal; None for whoever answers in the store.

    Raises:
        UsageError: nobody could answer before simulated time has passed.
    """
    if mode != "approve" or sys.stdin.isatty():
        return at_the_terminal
    if not real_time:
        raise UsageError(
            "--mode approve asks at the terminal, and there is none; with --real-time the answer may come "
            "from `trimtab approve`"
        )
    return None
