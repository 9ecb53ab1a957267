"""`trimtab console`: what the command line says of it. The work is in `ui.serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agent.cli.options import LlmSettings, Model, Prices, app
from ui.settings import DEFAULT_DATA, DEFAULT_EVALS, DEFAULT_LISTEN


@app.command(rich_help_panel="Look")
def console(
    data: Annotated[
        Path, typer.Option("--data", help="Folder of a loop, or one with the folders of several in it.")
    ] = DEFAULT_DATA,
    evals: Annotated[
        Path, typer.Option("--evals", help="Folder of the results of `trimtab evaluate`.")
    ] = DEFAULT_EVALS,
    home: Annotated[
        Path | None, typer.Option("--home", help="Folder of the conversations; that of the data by default.")
    ] = None,
    listen: Annotated[
        str, typer.Option("--listen", metavar="HOST:PORT", help="Where to answer browsers.")
    ] = DEFAULT_LISTEN,
    login: Annotated[
        Path | None, typer.Option("--login", help="Settings of the sign-in with OpenID Connect, YAML.")
    ] = None,
    writable: Annotated[
        bool,
        typer.Option(
            "--writable", help="Without a sign-in: whoever reaches the page acts as you. Loopback only."
        ),
    ] = False,
    model: Model = None,
    llm: LlmSettings = None,
    prices: Prices = None,
) -> None:
    """Open the console in the browser: what runs, what was decided and why, questions, approvals."""
    from ui import serve  # noqa: PLC0415 - Streamlit is heavy

    serve.serve(
        serve.Given(
            data=data,
            evals=evals,
            home=home or data,
            listen=listen,
            login=login,
            writable=writable,
            model=model,
            llm=llm,
            prices=prices,
        )
    )
