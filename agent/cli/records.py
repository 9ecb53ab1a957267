"""`trimtab decisions`, `explain`, `ask` and `replay`: what was decided, and why."""

from __future__ import annotations

from typing import Annotated

import typer

from agent.cli.options import DEFAULT_DATA, FAILED, AsJson, DataFolder, app


@app.command(rich_help_panel="Understand")
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


@app.command(rich_help_panel="Understand")
def explain(
    decision: Annotated[str, typer.Argument(help="The decision's id; `trimtab decisions` lists them.")],
    data: DataFolder = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Print the log of one decision: seen, considered, proposed, checked, done, and what came of it."""
    from agent import asking  # noqa: PLC0415 - as above

    asking.explain(data, decision, as_json=as_json)
