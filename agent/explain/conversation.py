"""What was asked and answered before. It belongs to the caller: nothing here remembers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from agent.explain.question import MOST_QUESTION
from agent.explain.reply import Reply
from core.values import Frozen

MOST_ANSWER = 800
"""Characters of an earlier answer that are shown to a model again."""
MOST_EXCHANGES = 4
"""Exchanges that are kept: what a follow-up question leans on."""


class Exchange(Frozen):
    """One question with its answer."""

    question: Annotated[str, Field(max_length=MOST_QUESTION)]
    answer: Annotated[str, Field(max_length=MOST_ANSWER)]


class Conversation(Frozen):
    """The last exchanges, oldest first."""

    exchanges: Annotated[tuple[Exchange, ...], Field(max_length=MOST_EXCHANGES)] = ()

    def followed(self, reply: Reply) -> Conversation:
        """Return the conversation with one more exchange, the oldest forgotten where they are too many."""
        text = " ".join(s.text for s in reply.statements)[:MOST_ANSWER]
        latest = Exchange(question=reply.question[:MOST_QUESTION], answer=text)
        return Conversation(exchanges=(*self.exchanges, latest)[-MOST_EXCHANGES:])
