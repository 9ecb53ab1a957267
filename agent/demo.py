"""What `trimtab demo` does: the loop through a bursty episode, beside the policies that frame it.

The agent runs on the embedded cluster and decides from scrapes alone. The others replay the same
requests in processes of their own: the exact optimum with perfect foresight, and the two ends of the
frontier at the trace's peak, held throughout.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

import pipelines
from agent.choosing import Choice, chosen_planner
from agent.context import LoopSettings
from agent.episode import EmbeddedRun, embedded_run
from agent.folder import CHECKPOINTS, CLUSTER, DECISIONS, FLIGHT, PRESENCE, REQUESTS
from agent.lines import decision_line
from core.decision import Decision
from core.errors import UsageError
from core.pipeline import Pipeline
from core.spend import Spend
from pipelines.reader import read_pipeline
from simulator.options import TwinOptions
from simulator.report import Report
from simulator.workload import bursty
from tools.replay import Episode, ReplaySettings, replay, score

PIPELINE = Path(pipelines.__file__).parent / "id_card" / "pipeline.yaml"
SECONDS = 1200
BASE_RPS, PEAK_RPS = 10.0, 90.0
"""Quiet load and highest burst of the demonstration."""
RIVALS = ("oracle", "static-small", "static-large")
PLOT = "demo.png"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one policy did."""

    name: str
    report: Report
    score: float | None


def demo(file: Path | None, out: Path, *, choice: Choice, seed: int) -> None:
    """Run the episode, print the decisions and the table, write the plot.

    Raises:
        UsageError: the pipeline cannot be read, or cannot carry the load.
    """
    started = time.perf_counter()
    console = Console()
    pipeline = read_pipeline(file or PIPELINE)
    trace_rps = bursty(SECONDS, base_rps=BASE_RPS, peak_rps=PEAK_RPS, seed=seed)
    cleared(out)
    console.print(
        f"[bold]{escape(pipeline.name)}[/bold]: {SECONDS // 60} minutes, "
        f"{BASE_RPS:g} to {PEAK_RPS:g} requests/s, "
        f"SLO {pipeline.slo.latency_s:g} s at {pipeline.slo.quantile:.0%}"
    )
    with (
        chosen_planner(choice, out, os.environ) as (planner, line),
        rivals(pipeline, trace_rps, seed) as waiting,
    ):
        console.print(line, markup=False, highlight=False)
        with embedded_run(
            pipeline,
            trace_rps,
            out,
            planner=planner,
            settings=LoopSettings(),
            seed=seed,
        ) as run:
            decisions = _shown(console, run)
            report = run.cluster.twin.report()
        outcomes = [Outcome(f"agent ({planner.name})", report, score(pipeline, report))]
        outcomes += finished(console, waiting)
        plotted(out / PLOT, pipeline, trace_rps, tuple(decisions), report)
    console.print(outcome_table(f"{escape(pipeline.name)}: the same requests, four ways", outcomes))
    console.print(f"picture: {out / PLOT}", highlight=False)
    console.print(f"decisions and their proofs: trimtab decisions --data {out}", highlight=False)
    console.print(f"one of them followed through: trimtab explain ID --data {out}", highlight=False)
    console.print(f"all of it in the browser: trimtab console --data {out}", highlight=False)
    console.print(f"{time.perf_counter() - started:.0f} s in all", highlight=False)


def cleared(out: Path) -> None:
    """Remove what an earlier demonstration left; nothing else is touched.

    Raises:
        UsageError: the folder cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in (DECISIONS, CHECKPOINTS, CLUSTER, FLIGHT, REQUESTS, PRESENCE, PLOT):
            for path in (out / name, out / f"{name}-wal", out / f"{name}-shm"):
                path.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"{out}: cannot be written: {error.strerror}; give another --out") from error


def _shown(console: Console, run: EmbeddedRun) -> list[Decision]:
    """Run the loop, print what changes, count what does not."""
    found: list[Decision] = []
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("the loop runs", total=run.seconds)
        for decision in run.turns():
            if decision is None:
                continue  # nobody is asked in mode `auto`
            found.append(decision)
            bar.update(task, completed=decision.time_s)
            if decision.outcome != "held":
                console.print(decision_line(decision), markup=False, highlight=False, soft_wrap=True)
    held = sum(d.outcome == "held" for d in found)
    console.print(f"{len(found)} decisions, {held} of them to hold what runs", highlight=False)
    spent(console, found)
    return found


def spent(console: Console, found: Sequence[Decision]) -> None:
    """Say what thinking has cost, where a model was asked."""
    spend = reduce(Spend.plus, (d.planning.spend for d in found), Spend())
    if spend.calls:
        fell_back = sum(bool(d.planning.fell_back) for d in found)
        usd = "an unknown price" if spend.usd is None else f"{spend.usd:.4f} USD"
        console.print(
            f"the model: {spend.calls} calls, {spend.tokens} tokens, {spend.seconds:.0f} s, {usd}; "
            f"{fell_back} decisions fell back to the rules",
            highlight=False,
        )


@contextmanager
def rivals(
    pipeline: Pipeline, trace_rps: Sequence[float], seed: int, *, exact: bool = False
) -> Iterator[dict[str, Future[Episode]]]:
    """Yield the episodes of the rivals, which replay the trace in a process of their own.

    With *exact* the trace's figures are counts: each second has exactly so many requests.
    """
    settings = ReplaySettings(options=TwinOptions(arrivals="exact" if exact else "poisson"))
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        yield {name: pool.submit(_replayed, pipeline, name, trace_rps, seed, settings) for name in RIVALS}


def finished(console: Console, waiting: dict[str, Future[Episode]]) -> list[Outcome]:
    """Wait for the rivals and return how they did."""
    with console.status("the others replay the same requests"):
        episodes = {name: future.result() for name, future in waiting.items()}
    return [Outcome(name, e.report, e.score) for name, e in episodes.items()]


def _replayed(
    pipeline: Pipeline, policy: str, trace_rps: Sequence[float], seed: int, settings: ReplaySettings
) -> Episode:
    import baselines  # noqa: F401, PLC0415 - registers the policies in this process
    from baselines.policy import create  # noqa: PLC0415 - as above

    return replay(pipeline, create(policy), trace_rps, seed=seed, settings=settings)


def plotted(
    path: Path,
    pipeline: Pipeline,
    trace_rps: Sequence[float],
    decisions: tuple[Decision, ...],
    report: Report,
    *,
    where: str = "on the embedded cluster",
) -> None:
    """Draw the episode in a process of its own: this one stays small."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        pool.submit(_drawn, path, pipeline, trace_rps, decisions, report, where).result()


def _drawn(
    path: Path,
    pipeline: Pipeline,
    trace_rps: Sequence[float],
    decisions: tuple[Decision, ...],
    report: Report,
    where: str,
) -> None:
    from agent.plots import plot_episode  # noqa: PLC0415 - matplotlib is heavy

    plot_episode(path, pipeline, trace_rps, decisions, report, where=where)


def outcome_table(title: str, outcomes: Sequence[Outcome]) -> Table:
    """Return the table of how the policies did; *title* is markup."""
    table = Table(title=title, caption="oracle: the exact optimum with perfect foresight")
    table.add_column("policy")
    for column in ("effective accuracy", "SLO attainment", "mean cores", "score"):
        table.add_column(column, justify="right")
    for outcome in outcomes:
        table.add_row(
            outcome.name,
            _figure(outcome.report.effective_accuracy),
            _figure(outcome.report.slo_attainment),
            f"{outcome.report.mean_cores:.2f}",
            _figure(outcome.score),
        )
    return table


def _figure(value: float | None) -> str:
    return "none" if value is None else f"{value:.4f}"
