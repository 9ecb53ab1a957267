"""The `trimtab` command: the one place where errors become a line on stderr and an exit status.

Exit status: 0 done, 1 something failed, 2 the input is wrong, 3 no configuration is feasible.
Heavy libraries are imported in the commands that use them.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from core.errors import TrimtabError, UsageError

FAILED, BAD_INPUT, INFEASIBLE = 1, 2, 3
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EIO)

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


DataFolder = Annotated[Path, typer.Option("--data", help="Folder of the decisions and the loop's state.")]
DEFAULT_DATA = Path("trimtab-out/run")


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


@app.command()
def run(
    file: PipelineFile,
    trace: Annotated[Path, typer.Option("--trace", help="The load: CSV with requests per second.")],
    cluster: Annotated[
        str, typer.Option(help="What to act on: embedded (the twin, in process).")
    ] = "embedded",
    planner: Annotated[str, typer.Option(help="rules or ilp.")] = "rules",
    mode: Annotated[
        Literal["observe", "approve", "auto"],
        typer.Option(help="Recommend only, ask for each change, or act."),
    ] = "auto",
    data: DataFolder = DEFAULT_DATA,
    interval: Annotated[int, typer.Option(min=1, max=3600, help="Seconds between decisions.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    column: Annotated[str | None, typer.Option(help="Column of the trace; guessed by default.")] = None,
    real_time: Annotated[bool, typer.Option("--real-time", help="No faster than the clock.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run the loop: observe, forecast, decide exactly, verify, apply and record, every interval."""
    from agent import running  # noqa: PLC0415 - langgraph and numba are heavy

    running.run(
        file,
        trace,
        cluster=cluster,
        planner=planner,
        mode=mode,
        data=data,
        interval_s=interval,
        seed=seed,
        column=column,
        real_time=real_time,
        as_json=as_json,
    )


@app.command()
def demo(
    file: Annotated[
        Path | None, typer.Option("--pipeline", help="Another pipeline than the ID card reader.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the plot and the decisions.")] = Path(
        "trimtab-out/demo"
    ),
    planner: Annotated[str, typer.Option(help="rules or ilp.")] = "rules",
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 7,
) -> None:
    """Twenty bursty minutes on the embedded cluster, beside perfect foresight and standing still."""
    from agent import demo as show  # noqa: PLC0415 - as above

    show.demo(file, out, planner=planner, seed=seed)


@app.command()
def decisions(
    data: DataFolder = DEFAULT_DATA,
    limit: Annotated[int, typer.Option(min=1, help="How many of the last to list.")] = 20,
    verify: Annotated[
        str | None, typer.Option("--verify", help="Solve the problem of this decision again and compare.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List what was decided and why, or prove an applied change again."""
    from agent import history  # noqa: PLC0415 - the solver takes most of the start-up time

    if verify is None:
        history.listed(data, limit=limit, as_json=as_json)
    elif not history.verified(data, verify, as_json=as_json):
        raise typer.Exit(FAILED)


@app.command()
def profile(
    name: Annotated[str, typer.Argument(help="The pipeline to measure: id_card.")],
    out: Annotated[Path, typer.Option(help="Folder for pipeline.yaml and accuracy.json.")] = Path(
        "trimtab-out/profile"
    ),
    models: Annotated[Path, typer.Option(help="Folder the model files are kept in.")] = Path(
        "trimtab-out/models"
    ),
    runs: Annotated[int, typer.Option(min=30, help="Timed runs of each variant and batch size.")] = 40,
    cards: Annotated[int, typer.Option(min=300, help="Generated cards at each drift.")] = 300,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 2026,
) -> None:
    """Measure a ready pipeline on this machine: latencies, loading, accuracies alone and joint."""
    from agent import profile as measuring  # noqa: PLC0415 - only this command needs it

    measuring.profile(name, out, models, runs=runs, cards=cards, seed=seed)


@app.command()
def doctor(data: DataFolder = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Try everything the loop needs on this machine, and say what to mend."""
    from agent import doctor as check  # noqa: PLC0415 - as above

    if not check.doctor(data, as_json=as_json):
        raise typer.Exit(FAILED)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; turn every reported error into one line on stderr and an exit status.

    Args:
        arguments: What follows the command's name; what the process was given by default.
    """
    try:
        status = app(args=arguments, standalone_mode=False)
        sys.stdout.flush()
        sys.exit(status)
    except typer.TyperException as error:
        message = " ".join(error.format_message().split()).rstrip(".")
        if message:  # empty where the help was shown because nothing was asked
            sys.stderr.write(f"trimtab: {message}; see --help\n")
        sys.exit(BAD_INPUT)
    except typer.Abort:
        sys.stderr.write("trimtab: stopped\n")
        sys.exit(FAILED)
    except TrimtabError as error:
        sys.stderr.write(f"trimtab: {error}\n")
        sys.exit(BAD_INPUT if isinstance(error, UsageError) else FAILED)
    except BrokenPipeError:
        _mute_output()  # the reader has gone; there is nobody to tell
        sys.exit(FAILED)
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        _mute_output()
        sys.stderr.write(f"trimtab: the output cannot be written: {error.strerror}; free some space\n")
        sys.exit(FAILED)


def _mute_output() -> None:
    """Keep what is still buffered from failing once more when the process ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
