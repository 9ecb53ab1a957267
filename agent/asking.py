"""What `trimtab explain` and `trimtab ask` do: the account of a decision, and answers about it."""

from __future__ import annotations

import json
import textwrap
from contextlib import closing
from pathlib import Path

from rich.console import Console
from rich.text import Text

from agent.explain.account import Account, account
from agent.explain.aftermath import FOLLOWED
from agent.explain.answer import answer
from agent.explain.conversation import Conversation
from agent.explain.reply import Reply
from agent.explain.subject import Subject
from agent.explain.talk import Talk
from agent.folder import DECISIONS
from core.decision import Decision
from core.errors import UsageError
from core.pipeline import Pipeline
from tools.store import DecisionStore

WIDTH = 100
"""Columns an account is laid out for; less where the terminal is narrower."""
TITLE = 12
"""Columns of a section's title."""
REMEMBERED = 30
"""Earlier decisions a question may be about."""


def explain(data: Path, name: str, *, as_json: bool) -> None:
    """Print the account of a decision.

    Raises:
        UsageError: there is no such decision.
        StoreError: the store cannot be read.
    """
    with closing(DecisionStore(data / DECISIONS, read_only=True)) as store:
        decision = store.decision(name)
        later = store.after(name, FOLLOWED)
        pipeline = pipeline_of(store, decision)
    found = account(decision, pipeline, later)
    if as_json:
        print(json.dumps(explanation_answer(found, decision, later), allow_nan=False))  # noqa: T201
    else:
        _print(written(found))


def ask(
    data: Path,
    question: str,
    *,
    name: str | None = None,
    as_json: bool = False,
    talk: Talk | None = None,
    conversation: Conversation = Conversation(),  # noqa: B008 - frozen
) -> None:
    """Answer a question about a decision, the last one by default.

    Args:
        data: The loop's folder.
        question: As a person wrote it.
        name: Id of the decision.
        as_json: Print an object instead of text.
        talk: A language model; None to answer from the record and the solver.
        conversation: What was asked and answered before; only a model is shown it.

    Raises:
        UsageError: there is no such decision, or the question is empty or too long.
        StoreError: the store cannot be read, or a model's call not recorded.
    """
    subject = subject_of(data, name)
    reply = answer(question, subject) if talk is None else talk.answer(question, subject, conversation)
    if as_json:
        print(json.dumps(reply_answer(reply), allow_nan=False))  # noqa: T201 - the output
    else:
        _print(replied(reply))


def subject_of(data: Path, name: str | None) -> Subject:
    """Return the decision called *name*, the last one by default, with what surrounds it.

    Raises:
        UsageError: there is no such decision, or its pipeline was never kept.
        StoreError: the store cannot be read.
    """
    with closing(DecisionStore(data / DECISIONS, read_only=True)) as store:
        if name is None:
            latest = store.latest(1)
            if not latest:
                raise UsageError(f"{data / DECISIONS} holds no decision yet")
            decision = latest[0]
        else:
            decision = store.decision(name)
        pipeline = pipeline_of(store, decision)
        if pipeline is None:
            raise UsageError(
                f"the pipeline of decision {decision.id!r} was not kept; ask about another one, "
                "`trimtab decisions` lists them"
            )
        return Subject(
            decision,
            pipeline,
            earlier=store.before(decision.id, REMEMBERED),
            later=store.after(decision.id, FOLLOWED),
        )


def explanation_answer(found: Account, decision: Decision, later: tuple[Decision, ...]) -> dict[str, object]:
    """Return the JSON object of an account: its lines, the whole record, and the ids of what followed."""
    return {
        "id": found.decision,
        "outcome": decision.outcome,
        "sections": {section.title: list(section.lines) for section in found.sections},
        "decision": decision.model_dump(mode="json"),
        "later": [d.id for d in later],
    }


def reply_answer(reply: Reply) -> dict[str, object]:
    """Return the JSON object of an answer."""
    return {
        "decision": reply.decision,
        "question": reply.question,
        "answered": reply.label,
        "statements": [{"text": s.text, "source": s.source} for s in reply.statements],
        "note": reply.note,
        "ungrounded": list(reply.ungrounded),
    }


def written(found: Account, width: int = WIDTH) -> list[tuple[str, str]]:
    """Return the account as pairs of a title (or nothing) and a line, none wider than *width* together."""
    lines = [("", line) for line in textwrap.wrap(found.head, width)]
    for section in found.sections:
        shown = [part for line in section.lines for part in _wrapped(line, width - TITLE)]
        lines += zip([section.title, *[" "] * (len(shown) - 1)], shown, strict=True)
    return lines


def replied(reply: Reply, width: int = WIDTH) -> list[tuple[str, str]]:
    """Return an answer as pairs of a title (or nothing) and a line; a source stands below its statements."""
    lines = [("", part) for part in textwrap.wrap(f"{reply.decision}: {reply.question}", width)]
    for number, statement in enumerate(reply.statements):
        lines += [("", f"  {part}") for part in _wrapped(statement.text, width - 2)]
        following = reply.statements[number + 1 :]
        if not following or following[0].source != statement.source:
            lines += [("", f"    {part}") for part in _wrapped(f"[{statement.source}]", width - 4)]
    if reply.ungrounded:
        lines += [("", part) for part in _wrapped(f"in no tool result: {', '.join(reply.ungrounded)}", width)]
    label = f"{reply.label}; {reply.note}" if reply.note else reply.label
    return [*lines, *(("", part) for part in _wrapped(label, width))]


def _wrapped(line: str, width: int) -> list[str]:
    return textwrap.wrap(line, width, subsequent_indent="  ", break_on_hyphens=False) or [""]


def _print(lines: list[tuple[str, str]]) -> None:
    """Print as text alone: nothing in it is taken for markup."""
    console = Console(width=WIDTH, soft_wrap=True)
    for title, line in lines:
        text = Text(f"{title:<{TITLE}}" if title else "", style="bold")
        console.print(text + Text(line), highlight=False)


def pipeline_of(store: DecisionStore, decision: Decision) -> Pipeline | None:
    """Return what was decided for; None where neither the proof nor the store has it."""
    if decision.certificate is not None:
        return decision.certificate.problem.pipeline
    if not decision.pipeline_digest:
        return None
    try:
        return store.pipeline(decision.pipeline_digest)
    except UsageError:
        return None  # a store of before pipelines were kept; what needs one says so
