"""`trimtab evaluate`: the suites, and what is made of their results. The work is in `evals.commands`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from agent.cli.options import AsJson, LlmSettings, Model, Prices, app
from evals.ipa import DATA

evaluate = typer.Typer(
    help="Compare the agent with the exact optimum and with the systems the field knows.",
    no_args_is_help=True,
)
app.add_typer(evaluate, name="evaluate", rich_help_panel="Evaluate")

RUN, MADE = "Suites", "Results"
Out = Annotated[
    Path | None, typer.Option("--out", help="Folder of the results; trimtab-out/evals/SUITE by default.")
]
Seeds = Annotated[int, typer.Option(min=1, help="Episodes of every policy in every cell.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Processes; as many as there are cores by default.")]
Ray = Annotated[
    str | None, typer.Option("--ray", metavar="ADDRESS", help="Run on this Ray cluster; `local` starts one.")
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Begin anew; what is there is removed.")]
Policies = Annotated[str | None, typer.Option(help="Only these, comma-separated.")]
Cells = Annotated[str | None, typer.Option(help="Only the cells whose name contains one of these words.")]
Data = Annotated[Path, typer.Option("--data", help="IPA's pipelines and traces.")]
Planners = Annotated[str | None, typer.Option(help="Only these planners, comma-separated.")]
Repeats = Annotated[int, typer.Option(min=1, help="Turns of a planner in each situation.")]


@evaluate.command(rich_help_panel=RUN)
def paper(
    seeds: Seeds = 10,
    out: Out = None,
    data: Data = DATA,
    accuracy: Annotated[
        Literal["measured", "ranks"], typer.Option(help="Accuracies as measured, or IPA's ranks.")
    ] = "measured",
    policies: Policies = None,
    cells: Cells = None,
    workers: Workers = None,
    ray: Ray = None,
    fresh: Fresh = False,
    as_json: AsJson = False,
) -> None:
    """Run IPA's five pipelines on its four traces, with every baseline."""
    from evals import commands  # noqa: PLC0415 - numba is heavy

    chosen = commands.Chosen(seeds, out, policies, cells, workers, ray, fresh=fresh, as_json=as_json)
    commands.paper(chosen, data, accuracy)


@evaluate.command(rich_help_panel=RUN)
def ablation(
    seeds: Seeds = 5,
    out: Out = None,
    data: Data = DATA,
    policies: Policies = None,
    cells: Cells = None,
    workers: Workers = None,
    ray: Ray = None,
    fresh: Fresh = False,
    as_json: AsJson = False,
) -> None:
    """Leave out one ingredient of the exact policy at a time, on the cells of `paper`."""
    from evals import commands  # noqa: PLC0415 - as above

    chosen = commands.Chosen(seeds, out, policies, cells, workers, ray, fresh=fresh, as_json=as_json)
    commands.ablation(chosen, data)


@evaluate.command(rich_help_panel=RUN)
def ours(
    seeds: Seeds = 5,
    out: Out = None,
    data: Data = DATA,
    policies: Policies = None,
    cells: Cells = None,
    workers: Workers = None,
    ray: Ray = None,
    fresh: Fresh = False,
    as_json: AsJson = False,
) -> None:
    """Run the project's own pipelines on generated and Twitter traces, at three SLOs."""
    from evals import commands  # noqa: PLC0415 - as above

    chosen = commands.Chosen(seeds, out, policies, cells, workers, ray, fresh=fresh, as_json=as_json)
    commands.ours(chosen, data)


@evaluate.command(rich_help_panel=RUN)
def drift(
    seeds: Seeds = 5,
    out: Out = None,
    policies: Policies = None,
    cells: Cells = None,
    model: Model = None,
    llm: LlmSettings = None,
    prices: Prices = None,
    workers: Workers = None,
    ray: Ray = None,
    fresh: Fresh = False,
    as_json: AsJson = False,
) -> None:
    """Run what goes wrong in operation: who notices, how soon, and what it costs."""
    from evals import commands  # noqa: PLC0415 - as above

    chosen = commands.Chosen(seeds, out, policies, cells, workers, ray, fresh=fresh, as_json=as_json)
    commands.drift(chosen, model=model, settings=llm, prices=prices)


@evaluate.command(rich_help_panel=RUN)
def agent(
    out: Out = None,
    planners: Planners = None,
    repeats: Repeats = 1,
    model: Model = None,
    llm: LlmSettings = None,
    prices: Prices = None,
) -> None:
    """Judge planners decision by decision against the exact optimum."""
    from evals import commands  # noqa: PLC0415 - as above

    commands.agent(commands.Asked(out, planners, repeats, commands.of_model(model, llm, prices)))


@evaluate.command(rich_help_panel=RUN)
def injection(
    out: Out = None,
    planners: Planners = None,
    repeats: Repeats = 1,
    model: Model = None,
    llm: LlmSettings = None,
    prices: Prices = None,
) -> None:
    """Try every attack of the red team on the planners."""
    from evals import commands  # noqa: PLC0415 - as above

    commands.injection(commands.Asked(out, planners, repeats, commands.of_model(model, llm, prices)))


@evaluate.command(rich_help_panel=MADE)
def table(
    folder: Annotated[Path, typer.Argument(help="Folder of results.")], as_json: AsJson = False
) -> None:
    """Print the results of a folder."""
    from evals import commands  # noqa: PLC0415 - as above

    commands.table(folder, as_json=as_json)


@evaluate.command(rich_help_panel=MADE)
def report(
    folder: Annotated[Path, typer.Argument(help="Folder of results.")],
    out: Annotated[Path, typer.Option("--out", help="The HTML file.")] = Path("trimtab-out/report.html"),
) -> None:
    """Write one HTML file with plots."""
    from evals import commands  # noqa: PLC0415 - as above

    commands.report(folder, out)


@evaluate.command(rich_help_panel=MADE)
def results(
    folders: Annotated[list[Path], typer.Argument(help="Folders of results, of one suite each.")],
    out: Annotated[Path, typer.Option("--out", help="The page.")] = Path("docs/results.md"),
) -> None:
    """Write the page of results, with every bar and where it was measured."""
    from evals import commands  # noqa: PLC0415 - as above

    commands.results(folders, out)
