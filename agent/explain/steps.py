"""What happens while a question is answered, told as it happens, to whoever watches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agent.explain.record_tool import ANSWER, MOST_TEXT
from agent.explain.reply import MOST_STATEMENT
from agent.explain.text import neutral
from agent.llm.streaming import Draft
from core.tooluse import ToolUse


@dataclass(frozen=True, slots=True)
class Asking:
    """The model is being asked."""

    number: int
    """From 1 on; once for each call and each correction."""


@dataclass(frozen=True, slots=True)
class Used:
    """A tool was used."""

    use: ToolUse


@dataclass(frozen=True, slots=True)
class Saying:
    """The answer so far. No figure of it is checked yet, and it may still be replaced by the record's."""

    text: str


Step = Asking | Used | Saying
Heard = Callable[[Step], None]


def saying(draft: Draft) -> Saying | None:
    """Return what of an answer has arrived; None while a tool is being called."""
    if draft.tool not in ("", ANSWER):
        return None
    text = draft.arguments.get("text", "") if draft.tool else draft.text
    lines = [neutral(line, MOST_STATEMENT) for line in text[:MOST_TEXT].splitlines()]
    shown = "\n".join(line for line in lines if line)
    return Saying(shown) if shown else None
