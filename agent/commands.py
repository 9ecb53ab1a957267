"""What `trimtab solve`, `verify` and `frontier` do: read, ask core, print."""

from __future__ import annotations

import json
import time
from enum import Enum
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agent.answers import Answer, frontier_answer, solution_answer, verdict_answer
from agent.options import loads, positive
from core.errors import UsageError
from core.frontier import frontier as all_tradeoffs
from core.pipeline import Pipeline
from core.problem import Margins, Problem
from core.solution import Infeasible
from core.solve import explain
from core.solve import solve as solve_problem
from core.verify import verify as check
from pipelines.reader import read_configuration, read_pipeline

console = Console(soft_wrap=True)


class Status(Enum):
    """How a command ended."""

    DONE = "done"
    INFEASIBLE = "infeasible"


def solve(
    file: Path,
    load: str,
    *,
    headroom: str,
    wait_quantile: float | None,
    current: Path | None,
    solver: str | None,
    as_json: bool,
) -> Status:
    """Print the optimum at each load; infeasible only where a single load was asked and is so."""
    rates = loads(load)
    margins = _margins(headroom, wait_quantile)
    pipeline = read_pipeline(file)
    running = None if current is None else read_configuration(current).checked(pipeline)
    infeasible = 0
    for rate in rates:
        problem = Problem.of(pipeline, rate, margins=margins, running=running)
        started = time.perf_counter()
        solution = solve_problem(problem, solver=solver)
        answer = solution_answer(problem, solution, time.perf_counter() - started)
        infeasible += isinstance(solution, Infeasible)
        _print_json(answer) if as_json else _show_solution(pipeline, answer)
    return Status.INFEASIBLE if infeasible and len(rates) == 1 else Status.DONE


def verify(
    file: Path,
    load: str,
    config: Path,
    *,
    headroom: str,
    wait_quantile: float | None,
    current: Path | None,
    as_json: bool,
) -> Status:
    """Print the verdict on a configuration at each load."""
    rates = loads(load)
    margins = _margins(headroom, wait_quantile)
    pipeline = read_pipeline(file)
    running = None if current is None else read_configuration(current).checked(pipeline)
    configuration = read_configuration(config).checked(pipeline)
    for rate in rates:
        problem = Problem.of(pipeline, rate, margins=margins, running=running)
        answer = verdict_answer(check(problem, configuration))
        _print_json(answer) if as_json else _show_verdict(answer)
    return Status.DONE


def frontier(
    file: Path,
    load: str,
    *,
    headroom: str,
    wait_quantile: float | None,
    plot: Path | None,
    as_json: bool,
) -> Status:
    """Print the trade-offs at each load; infeasible where a single load has none."""
    rates = loads(load)
    margins = _margins(headroom, wait_quantile)
    pipeline = read_pipeline(file)
    if plot is not None and plot.suffix.lower() != ".png":
        raise UsageError(f"--plot: {str(plot)!r} must end in .png")
    answers: list[Answer] = []
    for rate in rates:
        problem = Problem.of(pipeline, rate, margins=margins)
        answer = frontier_answer(problem, all_tradeoffs(problem))
        if not answer["points"]:
            answer["reasons"] = [b.statement for b in explain(problem).bindings]
        answers.append(answer)
        _print_json(answer) if as_json else _show_frontier(answer)
    if plot is not None:
        from agent.plots import plot_frontier  # noqa: PLC0415 - matplotlib is heavy

        plot_frontier(plot, pipeline, answers)
    empty = len(rates) == 1 and not answers[0]["points"]
    return Status.INFEASIBLE if empty else Status.DONE


def _margins(headroom: str, wait_quantile: float | None) -> Margins:
    if wait_quantile is not None and not 0 < wait_quantile < 1:
        raise UsageError(f"--wait-quantile: {wait_quantile:g} must be between 0 and 1, such as 0.99")
    factor = positive(headroom, "--headroom", "a factor")
    return Margins(headroom=factor, wait_quantile=wait_quantile)


def _print_json(answer: Answer) -> None:
    print(json.dumps(answer, allow_nan=False), flush=True)  # noqa: T201 - the command's output


def _show_solution(pipeline: Pipeline, answer: Answer) -> None:
    if not answer["feasible"]:
        console.print(f"[bold]no configuration is feasible at {answer['load']:g} rps[/bold]")
        for reason in answer["reasons"]:
            console.print(f"  {reason['statement']}", markup=False)
        for relaxation in answer["relaxations"]:
            console.print(f"  {relaxation['statement']}", markup=False)
        return
    console.print(
        f"[bold]{answer['load']:g} rps[/bold]: objective {answer['objective']:.6g}, accuracy "
        f"{answer['accuracy']:.4f} ({answer['accuracyMode']}), {answer['cores']:g} cores, latency "
        f"{answer['latency']:.3f} s of {pipeline.slo.latency_s:g} s "
        f"({answer['solver']}, {answer['seconds'] * 1e3:.1f} ms)"
    )
    console.print(_stage_table(answer["stages"]))


def _stage_table(stages: list[Answer]) -> Table:
    table = Table("stage", "variant", "batch", "replicas", "cores")
    for s in stages:
        table.add_row(
            escape(s["stage"]), escape(s["variant"]), str(s["batch"]), str(s["replicas"]), f"{s['cores']:g}"
        )
    return table


def _show_verdict(answer: Answer) -> None:
    console.print("[bold]accepted[/bold]" if answer["accepted"] else "[bold]rejected[/bold]")
    table = Table("constraint", "value", "limit", "slack", "kept")
    for c in answer["constraints"]:
        figures = [_figure(c[key]) for key in ("value", "limit", "slack")]
        table.add_row(escape(c["constraint"]), *figures, "yes" if c["kept"] else "NO")
    console.print(table)
    console.print(", ".join(f"{key} {_figure(answer[key])}" for key in ("objective", "optimum", "regret")))
    if answer["nearest"]:
        console.print("nearest feasible configuration:")
        for s in answer["nearest"]["stages"]:
            console.print(
                f"  {s['stage']}: {s['variant']}, batch {s['batch']}, replicas {s['replicas']}", markup=False
            )


def _show_frontier(answer: Answer) -> None:
    console.print(f"[bold]{answer['load']:g} rps[/bold], accuracy: {answer['accuracy']}")
    for reason in answer.get("reasons", []):
        console.print(f"  nothing is feasible: {reason}", markup=False)
    table = Table("cores", "accuracy", "latency s", "configuration")
    for point in answer["points"]:
        settings = ", ".join(
            f"{s['stage']}={s['variant']} x{s['replicas']} b{s['batch']}" for s in point["stages"]
        )
        figures = [f"{point['cores']:g}", f"{point['accuracy']:.4f}", f"{point['latency']:.3f}"]
        table.add_row(*figures, escape(settings))
    if answer["points"]:
        console.print(table)


def _figure(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.6g}"
