"""The answer to a question, statement by statement, each with where its figures are from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from agent.explain.text import neutral

FROM_RECORD = "answered from the record, without a language model"
FROM_MODEL = "answered by a language model, from read-only tools"

MOST_STATEMENT = 2000
"""Characters of one statement: a paragraph of a talkative model."""
By = Literal["record", "model"]


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence, and the record or the tool result that its figures are from."""

    text: str
    source: str
    """`decision toy-000003`, `solve ...`, `t1 solve`: where to look it up."""


@dataclass(frozen=True, slots=True)
class Reply:
    """All that is answered."""

    decision: str
    """What was asked about."""
    question: str
    by: By
    statements: tuple[Statement, ...]
    note: str = ""
    """Why no model answered, or which of its figures are in no tool result."""
    ungrounded: tuple[str, ...] = ()
    """Figures of a model that no tool result has."""

    @property
    def label(self) -> str:
        """Who answered."""
        return FROM_RECORD if self.by == "record" else FROM_MODEL


def neutralised(reply: Reply) -> Reply:
    """Return the reply with nothing in it that a terminal would obey."""
    return Reply(
        neutral(reply.decision),
        neutral(reply.question),
        reply.by,
        tuple(Statement(neutral(s.text, MOST_STATEMENT), neutral(s.source)) for s in reply.statements),
        neutral(reply.note),
        tuple(neutral(figure) for figure in reply.ungrounded),
    )
