"""`trimtab decisions`, `explain`, `ask` and `replay`: what was decided, and why."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from agent.cli.options import DEFAULT_DATA, FAILED, AsJson, DataFolder, LlmSettings, Model, Prices, app


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


@app.command(rich_help_panel="Understand")
def ask(
    question: Annotated[str, typer.Argument(help='Such as "why not the larger model?".')],
    decision: Annotated[
        str | None, typer.Option(help="About this decision; the last one by default.")
    ] = None,
    model: Model = None,
    llm: LlmSettings = None,
    prices: Prices = None,
    data: DataFolder = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Ask why, why not, and what if; answered from the record and the solver, by a model if one is named."""
    from agent import asking  # noqa: PLC0415 - as above
    from agent.choosing import Choice, chosen_talk  # noqa: PLC0415 - as above

    with chosen_talk(Choice(model=model, settings=llm, prices=prices), data, os.environ) as talk:
        asking.ask(data, question, name=decision, as_json=as_json, talk=talk)


@app.command(rich_help_panel="Understand")
def replay(
    decision: Annotated[str, typer.Argument(help="The decision's id.")],
    planner: Annotated[str | None, typer.Option(help="Another planner: llm, rules or ilp.")] = None,
    model: Annotated[str | None, typer.Option(help="Another model, behind OPENAI_BASE_URL.")] = None,
    epsilon: Annotated[
        float | None, typer.Option(help="Another share of the optimum to lose without a cause.")
    ] = None,
    revisions: Annotated[int | None, typer.Option(help="Another number of revisions.")] = None,
    data: DataFolder = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Run a decision again, as recorded or with something else, and show the difference. Nothing changes."""
    from agent import replaying  # noqa: PLC0415 - as above

    changes = replaying.Changes(planner=planner, model=model, epsilon=epsilon, max_revisions=revisions)
    if not replaying.replay(data, decision, changes=changes, environment=os.environ, as_json=as_json):
        raise typer.Exit(FAILED)
