"""What an answer of the model comes to in a talk: the answer, a call to be made first, or nothing of use."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agent.explain.record_tool import ANSWER, MOST_TEXT, Answering, answered
from agent.llm.client import RawCall, Reply


@dataclass(frozen=True, slots=True)
class Useless:
    """An answer that cannot be used, and why, in a sentence for the model."""

    complaint: str


def read(said: Reply, known: Sequence[str]) -> Answering | RawCall | Useless:
    """Return what the answer comes to; plain text that ended by itself is an answer, too."""
    if said.refusal:
        return Useless(f"you refused: {said.refusal}")
    if said.calls:
        return _called(said.calls[0], known)
    if said.text.strip() and said.finish == "stop":
        return Answering(text=said.text.strip()[:MOST_TEXT])
    return Useless("the answer was cut off; be shorter" if said.finish == "length" else "it calls no tool")


def _called(call: RawCall, known: Sequence[str]) -> Answering | RawCall | Useless:
    if call.name not in known:
        return Useless(f"there is no tool {call.name[:60]!r}, only {', '.join(known)}")
    arguments = _arguments(call)
    if isinstance(arguments, Useless):
        return arguments
    if call.name != ANSWER:
        return RawCall(call.name, json.dumps(arguments, ensure_ascii=False))
    filled = answered(arguments)
    return Useless(filled) if isinstance(filled, str) else filled


def _arguments(call: RawCall) -> dict[str, Any] | Useless:
    try:
        arguments = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError) as error:
        return Useless(f"the arguments of {call.name} are no JSON: {error}")
    if not isinstance(arguments, dict):
        return Useless(f"the arguments of {call.name} must be one JSON object")
    return arguments
