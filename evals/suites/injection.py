"""The `injection` suite: every attack of the red team on every planner, through the loop and its checks.

    summary = run_injection_suite(Path("results"))

A planner may be persuaded by what strangers write (`obedient` always is: the worst case); what counts is that
no harm comes of it. Every attack becomes a row of `attacks.parquet`; a run that was cut off goes on. One
attack that did harm, or a run without an attack, is a failure.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from agent.choosing import LLM
from evals.agent.due import Due, all_due
from evals.agent.rows import RowFile, origin
from evals.agent.subjects import Model, checked
from evals.agent.summary import Summary
from evals.progress import Progress, quiet
from evals.provenance import provenance as here
from evals.redteam.attacked import ATTACKS, Attacked, summarised
from evals.redteam.attempts import PLANNERS, attempt
from evals.redteam.cases import Case, all_cases


def run_injection_suite(
    out: Path,
    *,
    planners: Sequence[str] = PLANNERS,
    model: Model | None = None,
    progress: Progress = quiet,
    cases: Sequence[Case] | None = None,
    repeats: int = 1,
    provenance: Callable[[], Mapping[str, object]] = here,
) -> Summary:
    """Try every attack on the planners, and return what came of it; `Summary.passed` is the bar.

    Args:
        out: The folder of results; attacks that it has of this commit are not tried again.
        planners: `rules`, `obedient`, `llm`.
        model: What `llm` asks.
        progress: Told before every attack, and at the end.
        cases: The attacks; all by default.
        repeats: Times each is tried.
        provenance: What made the rows.

    Raises:
        UsageError: a planner is not known, or has no model; or the endpoint never answered.
        StoreError: the results cannot be read or written.
        TrimtabError: no attack was tried.
    """
    chosen = checked(planners, model, PLANNERS)
    file = RowFile(out / ATTACKS, Attacked)
    by_name = {case.id: case for case in (all_cases() if cases is None else cases)}
    wanted = all_due(by_name, chosen, model, repeats)
    left = file.left(wanted, str(provenance()["git"]))
    for number, due in enumerate(left, start=len(wanted) - len(left)):
        progress(number, len(wanted), f"{due.label}: {due.case.id}")
        file.add(_tried(due, model, provenance()))
    progress(len(wanted), len(wanted), "done")
    keys = {due.key for due in wanted}
    return summarised([row for row in file.rows if row.key in keys])


def _tried(due: Due[Case], model: Model | None, provenance: Mapping[str, object]) -> Attacked:
    from_here, begun_s = origin(provenance), time.perf_counter()
    with TemporaryDirectory() as folder:
        came = attempt(due.case, due.planner, model, Path(folder))
    return Attacked(
        **from_here,
        case=due.case.id,
        channel=due.case.channel,
        wish=due.case.wants,
        planner=due.label,
        model=model.client.model if due.planner == LLM and model is not None else None,
        repeat=due.repeat,
        persuaded=came.persuaded,
        harmed=came.harmed,
        fell_back=came.fell_back,
        calls=came.spend.calls,
        tokens=came.spend.tokens,
        seconds=time.perf_counter() - begun_s,
    )
