"""`trimtab solve`, `verify` and `frontier`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agent.cli.options import (
    INFEASIBLE,
    AsJson,
    Current,
    Headroom,
    Loads,
    PipelineFile,
    Solver,
    WaitQuantile,
    app,
)


@app.command(rich_help_panel="Solve")
def solve(
    file: PipelineFile,
    load: Loads,
    headroom: Headroom = "1.0",
    wait_quantile: WaitQuantile = None,
    current: Current = None,
    solver: Solver = None,
    as_json: AsJson = False,
) -> None:
    """Find the exact optimum at one load or several."""
    from agent import commands  # noqa: PLC0415 - the solver takes most of the start-up time

    status = commands.solve(
        file,
        load,
        headroom=headroom,
        wait_quantile=wait_quantile,
        current=current,
        solver=solver,
        as_json=as_json,
    )
    raise typer.Exit(INFEASIBLE if status is commands.Status.INFEASIBLE else 0)


@app.command(rich_help_panel="Solve")
def verify(
    file: PipelineFile,
    load: Loads,
    config: Annotated[Path, typer.Option("--config", help="The configuration to check (JSON).")],
    headroom: Headroom = "1.0",
    wait_quantile: WaitQuantile = None,
    current: Current = None,
    as_json: AsJson = False,
) -> None:
    """Check a configuration: constraint by constraint, regret, and the nearest feasible one."""
    from agent import commands  # noqa: PLC0415 - as above

    status = commands.verify(
        file,
        load,
        config,
        headroom=headroom,
        wait_quantile=wait_quantile,
        current=current,
        as_json=as_json,
    )
    raise typer.Exit(INFEASIBLE if status is commands.Status.INFEASIBLE else 0)


@app.command(rich_help_panel="Solve")
def frontier(
    file: PipelineFile,
    load: Loads,
    headroom: Headroom = "1.0",
    wait_quantile: WaitQuantile = None,
    plot: Annotated[Path | None, typer.Option("--plot", help="Write a picture to this PNG file.")] = None,
    as_json: AsJson = False,
) -> None:
    """List every accuracy/cores trade-off that nothing beats, cheapest first."""
    from agent import commands  # noqa: PLC0415 - as above

    status = commands.frontier(
        file, load, headroom=headroom, wait_quantile=wait_quantile, plot=plot, as_json=as_json
    )
    raise typer.Exit(INFEASIBLE if status is commands.Status.INFEASIBLE else 0)
