"""The `agent` suite: planners judged decision by decision against the exact optimum and the known cause.

    summary = run_agent_suite(Path("results/agent"), planners=("rules", "ilp", "llm"), model=model)

Each situation of `evals.agent.situations` is played once, on a seed of its own; then each planner thinks one
turn of the loop in it, with the loop's own tools, checks and bounds. Nothing is applied. Every turn becomes a
row of `decisions.parquet`, and a run that was cut off goes on where it was: situations whose model never
answered are tried again. A run without a decision is a failure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from agent.planners import names
from core.errors import TrimtabError
from evals.agent.due import Due, all_due
from evals.agent.judged import DECISIONS, Judged
from evals.agent.judging import judged
from evals.agent.rows import RowFile
from evals.agent.scene import played
from evals.agent.situations import Case, all_cases
from evals.agent.subjects import Model, checked, planner_of
from evals.agent.summary import Summary
from evals.agent.tables import summarised
from evals.progress import Progress, quiet
from evals.provenance import provenance as here

PLANNERS = ("rules", "ilp")


def run_agent_suite(
    out: Path,
    *,
    planners: Sequence[str] = PLANNERS,
    model: Model | None = None,
    progress: Progress = quiet,
    cases: Sequence[Case] | None = None,
    repeats: int = 1,
    provenance: Callable[[], Mapping[str, object]] = here,
) -> Summary:
    """Judge the planners in every situation, and return what came of it.

    Args:
        out: The folder of results; turns that it has of this commit are not thought again.
        planners: `rules`, `ilp`, `llm`.
        model: What `llm` asks.
        progress: Told before every turn, and at the end.
        cases: The situations; all by default.
        repeats: Turns of a planner in each situation: a model may answer otherwise the second time.
        provenance: What made the rows.

    Raises:
        UsageError: a planner is not known, or has no model; or the endpoint never answered.
        StoreError: the results cannot be read or written.
        TrimtabError: no decision was judged.
    """
    chosen = checked(planners, model, names())
    file = RowFile(out / DECISIONS, Judged)
    by_name = {case.name: case for case in (all_cases() if cases is None else cases)}
    wanted = all_due(by_name, chosen, model, repeats)
    left = file.left(wanted, str(provenance()["git"]))
    for turn, row in _judged(left, model, provenance, progress, before=len(wanted) - len(left)):
        if row.key != turn.key:
            raise TrimtabError(f"the row of {turn.key} is about {row.key}: report this as a bug")
        file.add(row)
    progress(len(wanted), len(wanted), "done")
    keys = {turn.key for turn in wanted}
    return summarised([row for row in file.rows if row.key in keys])


def _judged(
    turns: Sequence[Due[Case]],
    model: Model | None,
    provenance: Callable[[], Mapping[str, object]],
    progress: Progress,
    *,
    before: int,
) -> Iterator[tuple[Due[Case], Judged]]:
    """Yield each turn with its row; a situation is played once for all of its turns."""
    total, number = before + len(turns), before
    for case in dict.fromkeys(turn.case for turn in turns):
        with TemporaryDirectory() as folder:
            situation = played(case, Path(folder))
        for turn in [t for t in turns if t.case == case]:
            progress(number, total, f"{turn.label} in {case.name}")
            number += 1
            yield (
                turn,
                judged(
                    case,
                    situation,
                    planner_of(turn.planner, model),
                    label=turn.label,
                    repeat=turn.repeat,
                    provenance=provenance(),
                ),
            )
