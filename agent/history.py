"""What `trimtab decisions` does: list what was decided, and prove again what was applied."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from agent.folder import DECISIONS
from agent.lines import decision_answer, decision_line
from core.decision import Decision, check_certificate
from core.errors import UsageError
from tools.store import DecisionStore


def listed(data: Path, *, limit: int, as_json: bool) -> None:
    """Print the last decisions, oldest first."""
    with closing(DecisionStore(data / DECISIONS, read_only=True)) as store:
        decisions = store.latest(limit)[::-1]
    for decision in decisions:
        if as_json:
            print(json.dumps(decision_answer(decision), allow_nan=False))  # noqa: T201 - the output
        else:
            print(f"{decision.id}  {decision_line(decision)}")  # noqa: T201 - the output
    if not decisions:
        raise UsageError(f"{data / DECISIONS} holds no decision yet")


def verified(data: Path, name: str, *, as_json: bool) -> bool:
    """Solve the problem of a decision again and say whether its certificate holds."""
    with closing(DecisionStore(data / DECISIONS, read_only=True)) as store:
        decision = store.decision(name)
    if decision.certificate is None:
        raise UsageError(f"decision {name!r} was {decision.outcome}: nothing was applied, nothing to prove")
    disagreements = check_certificate(decision.certificate)
    if as_json:
        print(json.dumps(_answer(decision, disagreements), allow_nan=False))  # noqa: T201 - the output
    else:
        _show(decision, disagreements)
    return not disagreements


def _answer(decision: Decision, disagreements: tuple[str, ...]) -> dict[str, object]:
    certificate = decision.certificate
    return {
        "id": decision.id,
        "agrees": not disagreements,
        "disagreements": list(disagreements),
        "certificate": None if certificate is None else certificate.model_dump(mode="json"),
    }


def _show(decision: Decision, disagreements: tuple[str, ...]) -> None:
    console, certificate = Console(soft_wrap=True), decision.certificate
    if certificate is not None:
        console.print(
            f"{escape(decision.id)}: objective {certificate.objective:.6g}, bound {certificate.bound:.6g} "
            f"({certificate.status}, {certificate.solver}), problem {certificate.problem_digest[:12]}",
            highlight=False,
        )
    for text in disagreements:
        console.print(f"  {text}", markup=False)
    console.print(
        "[bold]the certificate does not hold[/bold]" if disagreements else "solved again: it agrees"
    )
