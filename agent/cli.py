"""The `trimtab` command: the one place where errors become a line on stderr and an exit status.

Exit status: 0 done, 1 something failed, 2 the input is wrong, 3 no configuration is feasible.
Heavy libraries are imported in the commands that use them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from core.errors import TrimtabError, UsageError

FAILED, BAD_INPUT, INFEASIBLE = 1, 2, 3

app = typer.Typer(
    name="trimtab",
    help="Choose variant, batch size and replicas for every stage of an inference pipeline, exactly.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

PipelineFile = Annotated[Path, typer.Argument(help="Pipeline file, YAML or JSON.")]
Loads = Annotated[
    str, typer.Option("--load", help="Requests per second; a comma-separated list for several.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
Headroom = Annotated[str, typer.Option(help="Capacity must carry this many times the load.")]
WaitQuantile = Annotated[
    float | None,
    typer.Option(help="Add this quantile of the queueing wait to each stage; none by default."),
]
Current = Annotated[
    Path | None, typer.Option("--current", help="The running configuration: switching counts against it.")
]
Solver = Annotated[str | None, typer.Option(help="HiGHS, CBC or Gurobi; the best installed by default.")]


@app.command()
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


@app.command()
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


@app.command()
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


@app.command()
def simulate(
    file: PipelineFile,
    trace: Annotated[Path, typer.Option("--trace", help="CSV with a column of requests per second.")],
    policy: Annotated[str, typer.Option(help="ilp, oracle, static-small or static-large.")] = "ilp",
    config: Annotated[
        Path | None, typer.Option("--config", help="Hold this configuration instead of a policy.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    column: Annotated[str | None, typer.Option(help="Column of the trace; guessed by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Replay a trace against the request-level twin with a policy deciding."""
    from agent import simulation  # noqa: PLC0415 - numba is heavy

    simulation.simulate(file, trace, policy=policy, config=config, seed=seed, column=column, as_json=as_json)


def main() -> None:
    """Run the command; turn every reported error into one line on stderr and an exit status."""
    try:
        app()
    except TrimtabError as error:
        sys.stderr.write(f"trimtab: {error}\n")
        sys.exit(BAD_INPUT if isinstance(error, UsageError) else FAILED)
    except BrokenPipeError:
        sys.stderr.close()  # the reader has gone; there is nobody to tell
        sys.exit(FAILED)
