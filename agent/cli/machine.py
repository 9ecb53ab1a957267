"""`trimtab profile` and `doctor`: what this machine measures and has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agent.cli.options import DEFAULT_DATA, FAILED, AsJson, DataFolder, app


@app.command(rich_help_panel="This machine")
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


@app.command(rich_help_panel="This machine")
def doctor(data: DataFolder = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Try everything the loop needs on this machine, and say what to mend."""
    from agent import doctor as check  # noqa: PLC0415 - as above

    if not check.doctor(data, as_json=as_json):
        raise typer.Exit(FAILED)
