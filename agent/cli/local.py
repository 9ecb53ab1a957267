"""`trimtab demo-live` and `trimtab local`: real servers as processes on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agent.cli.options import (
    DEFAULT_DATA,
    FAILED,
    AsJson,
    DataFolder,
    LlmSettings,
    Model,
    PlannerName,
    Prices,
    app,
)

DEFAULT_MODELS = Path(".models")
ID_CARD = Path("pipelines/id_card/pipeline.yaml")
PANEL = "Run"

ServingPython = Annotated[
    Path | None,
    typer.Option(
        help="Interpreter with MLServer and the models' libraries; that of make serving by default."
    ),
]
Models = Annotated[Path, typer.Option(help="Folder with a folder of weights for each ready pipeline.")]
Kit = Annotated[
    str | None,
    typer.Option(help="Ready pipeline whose code serves; the pipeline's name by default."),
]
PrometheusProgram = Annotated[
    Path | None, typer.Option("--prometheus", help="The Prometheus program; the one on the path by default.")
]
MaxCores = Annotated[
    float | None, typer.Option(min=0.1, help="Cores the stages may use; all of this machine by default.")
]

local = typer.Typer(name="local", help="Look at the local cluster, or take it down.", no_args_is_help=True)
app.add_typer(local, rich_help_panel=PANEL)


@app.command("demo-live", rich_help_panel=PANEL)
def demo_live(
    file: Annotated[Path, typer.Option("--pipeline", help="Pipeline file.")] = ID_CARD,
    out: Annotated[Path, typer.Option(help="Folder for the plot, the decisions and the logs.")] = Path(
        "trimtab-out/demo-live"
    ),
    seconds: Annotated[int, typer.Option(min=30, max=86400, help="How long.")] = 300,
    base_rps: Annotated[float, typer.Option(min=0.1, help="Quiet load, requests a second.")] = 4.0,
    peak_rps: Annotated[float, typer.Option(min=0.1, help="Highest burst, requests a second.")] = 16.0,
    planner: PlannerName = "auto",
    model: Model = None,
    llm: LlmSettings = None,
    prices: Prices = None,
    kit: Kit = None,
    models: Models = DEFAULT_MODELS,
    serving_python: ServingPython = None,
    prometheus: PrometheusProgram = None,
    max_cores: MaxCores = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 7,
) -> None:
    """Five minutes of real requests against real servers on this machine, the loop deciding."""
    from agent import demolive  # noqa: PLC0415 - langgraph and numba are heavy
    from agent.choosing import Choice  # noqa: PLC0415 - as above
    from agent.live import LocalOptions  # noqa: PLC0415 - as above
    from tools.serving_python import serving_python as found  # noqa: PLC0415 - as above

    demolive.demo_live(
        file,
        out,
        choice=Choice(planner, model, llm, prices),
        options=LocalOptions(
            serving_python=found(serving_python),
            models=models,
            kit=kit,
            prometheus=prometheus,
            max_cores=max_cores,
            labels=True,
        ),
        seconds=seconds,
        base_rps=base_rps,
        peak_rps=peak_rps,
        seed=seed,
    )


@local.command("status")
def status(data: DataFolder = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Show what runs: replicas, the router's door, Prometheus, the last trouble."""
    from agent import localcli  # noqa: PLC0415 - only this command needs it

    if not localcli.status(data, as_json=as_json):
        raise typer.Exit(FAILED)


@local.command("down")
def down(data: DataFolder = DEFAULT_DATA) -> None:
    """Drain every server of the data folder's cluster and end it."""
    from agent import localcli  # noqa: PLC0415 - as above

    localcli.down(data)
