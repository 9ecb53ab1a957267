"""Questions of the console: what they are about, who answers them, and which decisions the answer names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace

from agent.asking import subject_of
from agent.choosing import Choice, chosen_talk
from agent.explain.answer import answer as by_record
from agent.explain.conversation import Conversation
from agent.explain.reply import Reply
from agent.explain.steps import Heard, Step, Used
from agent.explain.subject import Subject
from agent.folder import DECISIONS
from core.errors import StoreError, UsageError
from core.tooluse import ToolUse
from tools.store import DecisionStore
from ui.places import BUSY_S, Place
from ui.questions.conversations import Answered
from ui.settings import ConsoleSettings
from ui.signing.access import Viewer

EXAMPLES = (
    "Why this configuration?",
    "Why not the larger model?",
    "What if the load doubles?",
    "What would make it switch?",
    "What changed?",
    "Is it all right?",
)
"""What can be asked without a model, one of each kind."""
MOST_NAMED = 6
"""Decisions that an answer links to, beside the one it is about."""


def about(place: Place, name: str | None) -> Subject:
    """Return the decision called *name*, the pipeline's last one by default, with what surrounds it.

    Raises:
        UsageError: there is no such decision of this pipeline, or its pipeline was never kept.
        StoreError: the store cannot be read.
    """
    subject = subject_of(place.folder, _last(place) if name is None else name)
    if subject.decision.pipeline != place.pipeline:
        raise UsageError(
            f"decision {subject.decision.id!r} is about another pipeline than {place.pipeline!r}; "
            "choose it from the decisions of this one"
        )
    return subject


def asking_as(viewer: Viewer, given: ConsoleSettings) -> ConsoleSettings:
    """Return the settings for that viewer's questions: what a model costs is not for whoever passes by."""
    known = viewer.signed_in or given.writable
    return given if known else replace(given, model=None)


def answered(
    question: str,
    subject: Subject,
    place: Place,
    given: ConsoleSettings,
    environment: Mapping[str, str],
    *,
    conversation: Conversation,
    heard: Heard,
) -> Answered:
    """Return the answer of the model, if one is named; the record's where it gives none, and why.

    Args:
        question: As a person wrote it.
        subject: The decision it is about.
        place: Its pipeline.
        given: Which model, if any, and the folder in which its words and what they cost are recorded.
        environment: Where the model is.
        conversation: What was asked and answered before.
        heard: Called with each step as it happens, in this thread.

    Raises:
        UsageError: the question is empty or too long.
        SolverError: the record had to answer, and a solver ended without a proof.
        StoreError: the store cannot be read.
    """
    uses: list[ToolUse] = []

    def kept(step: Step) -> None:
        if isinstance(step, Used):
            uses.append(step.use)
        heard(step)

    reply = _reply(question, subject, given, environment, conversation, kept)
    return Answered(reply, tuple(uses), _named(reply, place))


def _reply(
    question: str,
    subject: Subject,
    given: ConsoleSettings,
    environment: Mapping[str, str],
    conversation: Conversation,
    heard: Heard,
) -> Reply:
    choice = Choice(model=given.model, settings=given.llm, prices=given.prices)
    try:
        with chosen_talk(choice, given.home, environment) as talk:
            if talk is not None:
                return talk.answer(question, subject, conversation, heard=heard)
    except (StoreError, UsageError) as error:
        return by_record(question, subject, note=f"the language model could not be asked: {error}")
    return by_record(question, subject)


def _last(place: Place) -> str:
    with _store(place) as store:
        newest = store.page(place.pipeline, None, 1)
    if not newest:
        raise UsageError(f"there is no decision of {place.pipeline!r} yet; the loop makes one every interval")
    return newest[0].id


def _named(reply: Reply, place: Place) -> tuple[str, ...]:
    """Return the decisions of the pipeline that the answer speaks of and that there are."""
    text = " ".join(f"{statement.text} {statement.source}" for statement in reply.statements)
    found = re.findall(rf"(?<![\w.-]){re.escape(place.pipeline)}-\d+(?![\w-])", text)
    others = [name for name in dict.fromkeys(found) if name != reply.decision]
    with _store(place) as store:
        return (reply.decision, *(name for name in others[:MOST_NAMED] if store.has(name)))


def _store(place: Place) -> closing[DecisionStore]:
    return closing(DecisionStore(place.folder / DECISIONS, read_only=True, busy_s=BUSY_S))
