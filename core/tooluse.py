"""One use of a tool by a planner: what was asked, what came back, and which causes it shows."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from core.values import Frozen, Name

MOST_RESULT = 8000
"""Characters of a tool's result that are shown to a model and kept."""


class ToolUse(Frozen):
    """A call and its result."""

    id: Name
    """`t1`, `t2`, ... within the turn: how a proposal cites it."""
    call: Name
    """The model's own name for the call."""
    tool: str
    arguments: str
    """As given, JSON or what was meant to be."""
    ok: bool
    """False where the tool could not answer; the result then says why, in a sentence."""
    result: Annotated[str, Field(max_length=MOST_RESULT)]
    """JSON."""
    shows: tuple[str, ...] = ()
    """Causes (`core.proposal.CAUSES`) that the result is evidence for."""
    seconds: float = 0.0
