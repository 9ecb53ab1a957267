"""Answer a question from the record and the solver alone: the same question gets the same answer."""

from __future__ import annotations

from agent.explain.question import ASKABLE, Changed, Intent, Switch, Unknown, Well, WhatIf, Why, WhyNot, asked
from agent.explain.question import parse as read
from agent.explain.recorded import changed, well, why
from agent.explain.reply import Reply, Statement, neutralised
from agent.explain.solved import switch, what_if, why_not
from agent.explain.subject import Subject


def answer(question: str, subject: Subject, *, note: str = "") -> Reply:
    """Return the answer to *question* about the decision of *subject*.

    Args:
        question: As a person wrote it.
        subject: What it is about.
        note: Why no language model answered, if one should have.

    Raises:
        UsageError: the question is empty or too long.
        SolverError: a solver ended without a proof.
    """
    text = asked(question)
    statements = _statements(read(text, subject.pipeline), subject)
    return neutralised(Reply(subject.decision.id, text, "record", statements, note))


def _statements(intent: Intent, subject: Subject) -> tuple[Statement, ...]:
    match intent:
        case Why():
            found = tuple(why(subject))
        case WhyNot():
            found = tuple(why_not(intent, subject))
        case WhatIf():
            found = tuple(what_if(intent, subject))
        case Switch():
            found = tuple(switch(subject))
        case Changed():
            found = tuple(changed(subject))
        case Well():
            found = tuple(well(subject))
        case Unknown():
            found = _askable(subject)
    return found


def _askable(subject: Subject) -> tuple[Statement, ...]:
    names = ", ".join(f"{s.name}/{v.name}" for s in subject.pipeline.stages for v in s.variants)
    lines = ("this can be asked without a language model:", *ASKABLE, f"variants: {names}")
    return tuple(Statement(line, "trimtab ask") for line in lines)
