"""What `trimtab simulate` does: replay a trace and say what came of it."""

from __future__ import annotations

import json
import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

import baselines  # noqa: F401 - registers the policies
from agent.answers import Answer
from baselines.fixed import Fixed
from baselines.policy import Policy, create
from core.errors import UsageError
from pipelines.reader import read_configuration, read_pipeline
from pipelines.trace import read_trace
from simulator.report import Report
from tools.replay import replay


def simulate(
    file: Path,
    trace: Path,
    *,
    policy: str,
    config: Path | None,
    seed: int,
    column: str | None,
    as_json: bool,
) -> None:
    """Print what a policy, or one configuration held, makes of a trace."""
    pipeline = read_pipeline(file)
    loads_rps = read_trace(trace, column)
    if max(loads_rps) == 0:
        raise UsageError(f"{trace}: no second of the trace has a request; there is nothing to decide")
    chosen: Policy = create(policy) if config is None else Fixed(read_configuration(config))
    started = time.perf_counter()
    terminal = Console(stderr=True)
    with Progress(console=terminal, transient=True, disable=not terminal.is_terminal) as progress:
        task = progress.add_task(f"simulating {len(loads_rps)} s", total=len(loads_rps))
        episode = replay(
            pipeline,
            chosen,
            loads_rps,
            seed=seed,
            progress=lambda step: progress.update(task, completed=step.time_s),
        )
    answer = episode_answer(episode.report, episode.score, time.perf_counter() - started)
    if as_json:
        print(json.dumps(answer, allow_nan=False))  # noqa: T201 - the command's output
        return
    what = policy if config is None else config.name
    table = Table("figure", "value", title=escape(f"{pipeline.name}: {what}"))
    for key, value in answer.items():
        table.add_row(key, _shown(value))
    Console().print(table)


def episode_answer(report: Report, score: float | None, seconds: float) -> Answer:
    """Return the JSON object of an episode; *seconds* is how long it took to run."""
    return {
        "requests": report.requests,
        "completed": report.completed,
        "dropped": report.dropped,
        "slo_attainment": report.slo_attainment,
        "effective_accuracy": report.effective_accuracy,
        "mean_cores": report.mean_cores,
        "core_seconds": report.core_seconds,
        "switches": report.switches,
        "latency": dict(report.latency_s),
        "score": score,
        "seconds": seconds,
    }


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(part)}" for key, part in value.items())
    return f"{value:.6g}" if isinstance(value, float) else str(value)
