"""`trimtab tool`, `calendar` and `mcp`: the planner's tools by hand, what is announced, other agents."""

from __future__ import annotations

from typing import Annotated

import typer

from agent.cli.options import DEFAULT_DATA, FAILED, AsJson, DataFolder, app

calendar = typer.Typer(help="Announce events that change the load.", no_args_is_help=True)
app.add_typer(calendar, name="calendar", rich_help_panel="Answer")

Which = Annotated[
    str | None, typer.Option("--decision", help="As it was in this decision; the last by default.")
]
EventName = Annotated[str, typer.Argument(help="The event's name, without spaces.")]


@app.command(rich_help_panel="Understand")
def tool(
    name: Annotated[str, typer.Argument(help="Such as solve, read_metrics or frontier.")],
    arguments: Annotated[str, typer.Argument(help="Its arguments, a JSON object.")] = "{}",
    data: DataFolder = DEFAULT_DATA,
    decision: Which = None,
    as_json: AsJson = False,
) -> None:
    """Use one of the planner's tools on what the loop knew; it can only read."""
    from agent import toolcli  # noqa: PLC0415 - the solver takes most of the start-up time

    if not toolcli.used(data, name, arguments, decision=decision, as_json=as_json):
        raise typer.Exit(FAILED)


@app.command(rich_help_panel="Understand")
def mcp(data: DataFolder = DEFAULT_DATA) -> None:
    """Offer the read-only tools to other agents: a server of the Model Context Protocol over stdio."""
    from agent import mcp_server  # noqa: PLC0415 - as above

    mcp_server.serve(data)


@calendar.command()
def add(
    name: EventName,
    start: Annotated[
        str, typer.Option("--from", help="Seconds of the loop's clock, or a date and time (ISO 8601).")
    ],
    end: Annotated[str, typer.Option("--until", help="As --from.")],
    times: Annotated[float, typer.Option("--times", help="How many times the load of before.")],
    pipeline: Annotated[
        str | None, typer.Option(help="Whose load; that of the last decision by default.")
    ] = None,
    note: Annotated[str, typer.Option(help="What it is about.")] = "",
    author: Annotated[str | None, typer.Option(help="Who says so; you by default.")] = None,
    data: DataFolder = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Announce an event; the loop knows of it in its next turn."""
    from agent import calendarcli  # noqa: PLC0415 - as above

    calendarcli.added(
        data,
        name,
        start=start,
        end=end,
        times=times,
        pipeline=pipeline,
        note=note,
        author=author,
        as_json=as_json,
    )


@calendar.command("list")
def listed(data: DataFolder = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """List what is announced."""
    from agent import calendarcli  # noqa: PLC0415 - as above

    calendarcli.listed(data, as_json=as_json)


@calendar.command()
def remove(name: EventName, data: DataFolder = DEFAULT_DATA) -> None:
    """Take an event back."""
    from agent import calendarcli  # noqa: PLC0415 - as above

    calendarcli.removed(data, name)
