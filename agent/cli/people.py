"""`trimtab requests`, `approve` and `refuse`: what people are asked, and their answers."""

from __future__ import annotations

from typing import Annotated

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
