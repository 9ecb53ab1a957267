"""The account of one decision: what was seen, considered, proposed, checked and done, and what came of it.

A pure function of the records. Every line passes `neutral`, whatever wrote it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agent.explain.aftermath import came_of
from agent.explain.sensed import considered, seen
from agent.explain.settled import checked, done, proposed, spent
from agent.explain.text import neutral
from core.decision import Decision
from core.pipeline import Pipeline

QUIET_FINDINGS = frozenset({"warming up"})
"""Findings that every start has; they do not make a turn worth a long account."""


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the account."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Account:
    """All there is to say of one decision, fit for a terminal."""

    decision: str
    head: str
    sections: tuple[Section, ...]


def account(decision: Decision, pipeline: Pipeline | None, later: Sequence[Decision] = ()) -> Account:
    """Return the account of *decision*.

    Args:
        decision: The record.
        pipeline: What was decided for; None where the store no longer has it, and cores in use are unknown.
        later: The decisions after it, oldest first; what came of it is read from them.
    """
    brief = quiet(decision)
    parts: tuple[tuple[str, Iterable[str]], ...] = (
        ("seen", seen(decision, pipeline, brief=brief)),
        ("considered", considered(decision, brief=brief)),
        ("proposed", proposed(decision)),
        ("checked", checked(decision, brief=brief)),
        ("done", done(decision)),
        ("came of it", came_of(decision, pipeline, later, brief=brief)),
        ("spent", spent(decision)),
    )
    sections = [Section(title, tuple(neutral(line) for line in lines)) for title, lines in parts]
    return Account(decision.id, neutral(_head(decision)), tuple(s for s in sections if s.lines))


def quiet(decision: Decision) -> bool:
    """Say whether nothing happened: what ran was held, in one step, for no special reason."""
    return (
        decision.outcome == "held"
        and not decision.degraded
        and not decision.uses
        and not decision.planning.triggers
        and decision.trial is None
        and len(decision.proposals) == 1
        and {f.kind for f in decision.findings} <= QUIET_FINDINGS
    )


def _head(decision: Decision) -> str:
    degraded = ", degraded" if decision.degraded else ""
    return (
        f"{decision.id}: {decision.outcome}{degraded} at {decision.time_s:g} s "
        f"(pipeline {decision.pipeline}, planner {decision.planner}, mode {decision.mode})"
    )
