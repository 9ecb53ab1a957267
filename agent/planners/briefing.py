"""What a planner is told, and what it answers with: a proposal, or the tools it wants used first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from core.proposal import Proposal
from core.ruling import Ruling
from core.spend import Planning
from core.tooluse import ToolUse
from tools.toolkit.situation import Situation

Message = dict[str, Any]
"""One message of the talk with a model, JSON-plain, as OpenAI's protocol has it."""


@dataclass(frozen=True, slots=True)
class Briefing:
    """All a planner may know when it proposes."""

    decision: str
    """Id of the turn."""
    situation: Situation
    rejected: tuple[tuple[Proposal, Ruling], ...] = ()
    """What was proposed in this turn and rejected, and why, oldest first."""
    uses: tuple[ToolUse, ...] = ()
    """The tool results of this turn, in order."""
    talk: tuple[Message, ...] = ()
    """What was said in this turn, as the planner left it."""
    planning: Planning = field(default_factory=Planning)
    """As the planner left it in this turn."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool to be used before the planner goes on."""

    id: str
    tool: str
    arguments: str
    """JSON, or what the model wrote in its place."""


@dataclass(frozen=True, slots=True)
class Thought:
    """One step of a planner: a proposal, or else calls of tools."""

    proposal: Proposal | None
    calls: tuple[ToolCall, ...] = ()
    talk: tuple[Message, ...] = ()
    planning: Planning = field(default_factory=Planning)


class Planner(Protocol):
    """Proposes what to run next. It changes nothing."""

    @property
    def name(self) -> str:
        """What the record calls it."""
        ...

    def plan(self, briefing: Briefing) -> Thought:
        """Take one step."""
        ...
