"""What people are asked and answer (`trimtab requests`), and what they command a running loop."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from agent.cli.options import DEFAULT_DATA, AsJson, DataFolder, app

Which = Annotated[
    str, typer.Argument(help="The decision's id, or the hash of the proposal, six characters at least.")
]
Comment = Annotated[str, typer.Option(help="Why; kept with the answer.")]


@app.command(rich_help_panel="Answer")
def requests(
    data: DataFolder = DEFAULT_DATA,
    everything: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the changes that wait for a person (mode approve)."""
    from agent import approvals  # noqa: PLC0415 - only these commands need it

    approvals.listed(data, everything=everything, as_json=as_json)


@app.command(rich_help_panel="Answer")
def approve(which: Which, data: DataFolder = DEFAULT_DATA, comment: Comment = "") -> None:
    """Agree to exactly the change that was shown; the loop checks it again and applies it."""
    from agent import approvals  # noqa: PLC0415 - as above

    approvals.answered(data, which, agreed=True, comment=comment)


@app.command(rich_help_panel="Answer")
def refuse(which: Which, data: DataFolder = DEFAULT_DATA, comment: Comment = "") -> None:
    """Say no to a change."""
    from agent import approvals  # noqa: PLC0415 - as above

    approvals.answered(data, which, agreed=False, comment=comment)


@app.command(rich_help_panel="Answer")
def pause(data: DataFolder = DEFAULT_DATA) -> None:
    """Have a running loop change nothing until somebody resumes; it goes on recommending."""
    from agent import commandscli  # noqa: PLC0415 - as above

    commandscli.commanded(data, "pause")


@app.command(rich_help_panel="Answer")
def resume(data: DataFolder = DEFAULT_DATA) -> None:
    """Let a paused loop act again."""
    from agent import commandscli  # noqa: PLC0415 - as above

    commandscli.commanded(data, "resume")


@app.command(rich_help_panel="Answer")
def mode(
    mode: Annotated[
        Literal["observe", "approve", "auto"],
        typer.Argument(help="Recommend only, ask for each change, or act."),
    ],
    data: DataFolder = DEFAULT_DATA,
) -> None:
    """Set how far a running loop may go by itself; never further than it was started with."""
    from agent import commandscli  # noqa: PLC0415 - as above

    commandscli.mode_set(data, mode)


@app.command(rich_help_panel="Answer")
def commands(
    data: DataFolder = DEFAULT_DATA,
    everything: Annotated[bool, typer.Option("--all", help="Also those of long ago.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what people commanded the loop, and what it made of it."""
    from agent import commandscli  # noqa: PLC0415 - as above

    commandscli.listed(data, everything=everything, as_json=as_json)
