"""The command itself, its exit statuses, and the options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
DataFolder = Annotated[Path, typer.Option("--data", help="Folder of the decisions and the loop's state.")]
DEFAULT_DATA = Path("trimtab-out/run")
PlannerName = Annotated[
    str, typer.Option(help="auto (llm where --model is given, else rules), llm, rules or ilp.")
]
Model = Annotated[
    str | None,
    typer.Option(
        envvar="TRIMTAB_MODEL",
        help="Language model, behind OPENAI_BASE_URL or OpenAI with OPENAI_API_KEY.",
    ),
]
LlmSettings = Annotated[
    Path | None, typer.Option("--llm", help="Settings of the llm planner: triggers, budgets, time-outs.")
]
Prices = Annotated[Path | None, typer.Option(help="What tokens cost, if usd is to be counted.")]
