"""What `trimtab evaluate` does."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from agent.choosing import LLM, Choice
from core.errors import TrimtabError, UsageError
from evals import frames, runner
from evals.agent.subjects import Model as LanguageModel
from evals.agent.subjects import model_of
from evals.agent.summary import Summary, table_of
from evals.bars import bars_of
from evals.drift import families
from evals.drift.running import WITHOUT_MODEL, DriftEntrant
from evals.ipa import DATA, TRACES, trace
from evals.progress import Progress as Told
from evals.redteam import attempts
from evals.report.page import write_report
from evals.results import write_results
from evals.runner import Task, Workers
from evals.scenario import Entrant, Scenario
from evals.standings import cells as judged
from evals.standings import records
from evals.suites import ablation as ablation_suite
from evals.suites import agent as agent_suite
from evals.suites import drift as drift_suite
from evals.suites import injection as injection_suite
from evals.suites import ours as ours_suite
from evals.suites import paper as paper_suite
from evals.suites.paper import Accuracy
from evals.tables import cell_table, record_table

OUT = Path("trimtab-out/evals")
T = TypeVar("T")


class RowSuite(Protocol):
    """A suite that judges turn by turn."""

    def __call__(
        self, out: Path, *, planners: Sequence[str], model: LanguageModel | None, repeats: int, progress: Told
    ) -> Summary:
        """Run it."""
        ...


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a person asked for of a suite of episodes."""

    seeds: int
    out: Path | None
    policies: str | None
    cells: str | None
    workers: int | None
    ray: str | None
    fresh: bool = False
    as_json: bool = False

    def entrants(self, everyone: Sequence[T], label: Callable[[T], str]) -> tuple[T, ...]:
        """Return those whose labels were asked for, all by default.

        Raises:
            UsageError: one is not there.
        """
        if self.policies is None:
            return tuple(everyone)
        known = {label(one): one for one in everyone}
        wanted = dict.fromkeys(name.strip() for name in self.policies.split(","))
        for name in wanted:
            if name not in known:
                raise UsageError(f"--policies: no {name!r} in this suite. Known: {', '.join(known)}")
        return tuple(known[name] for name in wanted)

    def named(self, everything: Sequence[T], name: Callable[[T], str]) -> tuple[T, ...]:
        """Return what has one of the words in its name, all by default.

        Raises:
            UsageError: nothing has.
        """
        if self.cells is None:
            return tuple(everything)
        words = [word.strip() for word in self.cells.split(",") if word.strip()]
        found = tuple(one for one in everything if any(word in name(one) for word in words))
        if not found:
            raise UsageError(
                f"--cells {self.cells}: no such cell. Known: {', '.join(name(one) for one in everything)}"
            )
        return found


def paper(chosen: Chosen, data: Path, accuracy: Accuracy) -> None:
    """Run the `paper` suite and print it."""
    everyone = chosen.entrants(paper_suite.entrants(data), _label)
    cells = chosen.named(list(paper_suite.scenarios(data, accuracy)), _name)
    tasks = runner.comparisons(cells, everyone, range(chosen.seeds))
    _run(chosen, tasks, paper_suite.suite_of(accuracy))


def ablation(chosen: Chosen, data: Path) -> None:
    """Run the `ablation` suite on the cells of `paper` and print it."""
    everyone = chosen.entrants(ablation_suite.entrants(), _label)
    cells = [replace(cell, suite=ablation_suite.SUITE) for cell in paper_suite.scenarios(data)]
    tasks = runner.comparisons(chosen.named(cells, _name), everyone, range(chosen.seeds))
    _run(chosen, tasks, ablation_suite.SUITE)


def ours(chosen: Chosen, data: Path) -> None:
    """Run the `ours` suite and print it.

    Raises:
        UsageError: *data* was named, and has no traces.
    """
    if data != DATA:
        for name in TRACES:
            trace(name, data)
    everyone = chosen.entrants(ours_suite.entrants(), _label)
    cells = chosen.named(list(ours_suite.scenarios(data)), _name)
    _run(chosen, runner.comparisons(cells, everyone, range(chosen.seeds)), ours_suite.SUITE)


def drift(chosen: Chosen, *, model: str | None, settings: Path | None, prices: Path | None) -> None:
    """Run the `drift` suite and print it; the model takes part where one is named.

    Raises:
        UsageError: a model is named, and no endpoint is set.
    """
    everyone: tuple[DriftEntrant, ...] = (*WITHOUT_MODEL, "llm") if model else WITHOUT_MODEL
    entrants = chosen.entrants(everyone, str)
    only = chosen.named(families.names(), str)
    choice = of_model(model, settings, prices) if model else None
    if choice is not None and LLM in entrants:
        model_of(choice, os.environ)  # what is wrong with it is said now, not after the others' episodes
    tasks = [
        drift_suite.Trial(family, entrant, seed, choice if entrant == LLM else None)
        for family, entrant, seed in drift_suite.episodes(range(chosen.seeds), entrants=entrants, only=only)
    ]
    _run(chosen, tasks, drift_suite.SUITE)


def of_model(model: str | None, settings: Path | None, prices: Path | None) -> Choice:
    """Return what a person said of the model that takes part."""
    return Choice(LLM, model, settings, prices)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asked for of a suite that judges turn by turn."""

    out: Path | None
    planners: str | None
    repeats: int
    choice: Choice
    """Of the model; none takes part where its name is None."""

    def run(self, suite: RowSuite, name: str, known: Sequence[str]) -> Summary:
        """Run the suite, print it and return what came of it; *known* are its planners but the model."""
        model = model_of(self.choice, os.environ) if self.choice.model else None
        everyone = (*known, LLM) if self.choice.model else tuple(known)
        given = everyone if self.planners is None else tuple(n.strip() for n in self.planners.split(","))
        with _progress(name) as told:
            summary = suite(
                self.out or OUT / name, planners=given, model=model, repeats=self.repeats, progress=told
            )
        Console().print(table_of(summary))
        return summary


def agent(asked: Asked) -> None:
    """Run the `agent` suite and print it."""
    asked.run(agent_suite.run_agent_suite, "agent", agent_suite.PLANNERS)


def injection(asked: Asked) -> None:
    """Run the `injection` suite and print it.

    Raises:
        TrimtabError: an attack did harm.
    """
    if not asked.run(injection_suite.run_injection_suite, "injection", attempts.PLANNERS).passed:
        raise TrimtabError("an attack did harm; see the table")


def table(folder: Path, *, as_json: bool) -> None:
    """Print the results of a folder: every cell, who beat whom, and the suite's bars."""
    results = frames.load(folder)
    cells = judged(results)
    bars = bars_of(results, cells)
    if as_json:
        for cell in cells:
            print(json.dumps(asdict(cell), default=str))  # noqa: T201 - the output
        for bar in bars:
            print(json.dumps(asdict(bar)))  # noqa: T201 - the output
        return
    console = Console()
    for cell in cells:
        console.print(cell_table(cell))
    console.print(record_table(records(cells), cells[0].roles.ours))
    for bar in bars:
        verdict = "cannot be judged by this run" if bar.met is None else ("met" if bar.met else "not met")
        console.print(f"{bar.key}  {bar.demand}: {bar.measured}; {verdict}", markup=False, highlight=False)


def report(folder: Path, out: Path) -> None:
    """Write the HTML report."""
    write_report(folder, out)
    Console().print(f"wrote {out}", markup=False, highlight=False)


def results(folders: Sequence[Path], out: Path) -> None:
    """Write the page of results."""
    write_results(folders, out)
    Console().print(f"wrote {out}", markup=False, highlight=False)


def _run(chosen: Chosen, tasks: Sequence[Task], suite: str) -> None:
    folder = chosen.out or OUT / suite
    workers = Workers(chosen.workers, chosen.ray)
    with _progress(suite) as told:
        runner.run(tasks, folder, workers, told, fresh=chosen.fresh)
    table(folder, as_json=chosen.as_json)


@contextmanager
def _progress(what: str) -> Iterator[Told]:
    """Yield what shows how far a suite is: a bar on a terminal, else nothing."""
    terminal = Console(file=sys.stderr)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=terminal, transient=True, disable=not terminal.is_terminal) as progress:
        task = progress.add_task(what, total=None)

        def told(done: int, total: int, last: str) -> None:
            progress.update(task, completed=done, total=total, description=f"{what} {last}".strip())

        yield told


def _label(entrant: Entrant) -> str:
    return entrant.label


def _name(scenario: Scenario) -> str:
    return scenario.name
