"""An answer as it arrives: the pieces so far, what they come to, and the whole at the end.

The library fills in the ends of JSON that was cut off, which would make a whole call out of half a one. So
calls are put together here as the model wrote them, and a stream that does not say that it ended is none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tools.redaction import Redactor

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessageChunk, UsageMetadata

MOST_DRAFT = 20_000
"""Characters of an unfinished answer that are looked at."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What has arrived of an answer. Nothing of it is checked yet, and the end may replace all of it."""

    text: str
    tool: str
    """The tool it begins to call; empty where it calls none so far."""
    arguments: Mapping[str, str]
    """The texts among the tool's arguments, the last one as far as it has come."""


class Incomplete(ValueError):
    """The stream ended without a whole answer."""


@dataclass(slots=True)
class _Call:
    """A call, piece by piece."""

    name: str = ""
    arguments: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Arriving:
    """Collects the pieces of one answer."""

    text: list[str] = field(default_factory=list)
    calls: dict[int | str | None, _Call] = field(default_factory=dict)
    finish: str = ""
    usage: UsageMetadata | None = None
    begun: bool = False
    """Whether anything has arrived: the endpoint has taken the prompt in."""

    def add(self, chunk: BaseMessageChunk) -> None:
        """Take in the next piece."""
        self.begun = True
        self.text.append(str(chunk.text))
        self.finish = str(chunk.response_metadata.get("finish_reason") or self.finish)
        self._add_calls(chunk)

    def _add_calls(self, chunk: BaseMessageChunk | AIMessageChunk) -> None:
        self.usage = getattr(chunk, "usage_metadata", None) or self.usage
        for piece in getattr(chunk, "tool_call_chunks", ()):
            call = self.calls.setdefault(piece.get("index"), _Call())
            call.name += piece.get("name") or ""
            call.arguments.append(piece.get("args") or "")

    def draft(self, redactor: Redactor) -> Draft:
        """Return what has arrived, without secrets, begun ones included."""
        first = next(iter(self.calls.values()), _Call())
        texts = _texts("".join(first.arguments)[:MOST_DRAFT])
        return Draft(
            text=_shown("".join(self.text)[:MOST_DRAFT], redactor),
            tool=first.name,
            arguments={name: _shown(text, redactor) for name, text in texts.items()},
        )

    def whole(self) -> AIMessage:
        """Return the message that all pieces come to.

        Raises:
            Incomplete: it was cut off, or calls that it announces have not come.
        """
        from langchain_core.messages import AIMessage  # noqa: PLC0415 - as its library, with the first call

        if not self.finish:
            raise Incomplete("the stream ended before the answer did")
        if self.finish == "tool_calls" and not self.calls:
            raise Incomplete("the stream has none of the calls that it announces")
        calls = [
            {
                "type": "invalid_tool_call",
                "id": None,
                "name": c.name,
                "args": "".join(c.arguments),
                "error": None,
            }
            for c in self.calls.values()
        ]
        return AIMessage(
            content="".join(self.text),
            invalid_tool_calls=calls,  # as written: `tool_calls` would be parsed with the library's leniency
            usage_metadata=self.usage,
            response_metadata={"finish_reason": self.finish},
        )


def _texts(arguments: str) -> dict[str, str]:
    """Return the texts among arguments that may be unfinished."""
    from langchain_core.utils.json import parse_partial_json  # noqa: PLC0415 - as its library

    try:
        found = parse_partial_json(arguments)
    except (json.JSONDecodeError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: text for name, text in found.items() if isinstance(text, str)}


def _shown(text: str, redactor: Redactor) -> str:
    """Return the text without secrets, and without an end that a secret may begin with."""
    clean = redactor.text(text)
    ends = (_begun(clean, secret) for secret in redactor.known)
    return clean[: len(clean) - max(ends, default=0)]


def _begun(text: str, secret: str) -> int:
    """Return how many characters at the end of the text are the beginning of the secret."""
    longest = min(len(secret) - 1, len(text))
    return next((n for n in range(longest, 0, -1) if text.endswith(secret[:n])), 0)
