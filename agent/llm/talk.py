"""What was said in a turn, as OpenAI's messages, and what the last answer of the model comes to.

The system message is not part of it: it is the same every time. Every message of ours has a `why` that is not
sent. Calls get names of our own: servers name every call alike, and a talk with two of a name is refused.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agent.llm.client import RawCall, Reply
from agent.llm.contract import PROPOSE, proposal_of
from agent.llm.rendering import correction_text, rejected_text, result_text
from agent.planners.briefing import Briefing, Message, ToolCall
from core.proposal import Proposal

CORRECTION = "correction"
MOST_ECHOED = 300
"""Characters of a useless answer that the model is shown again."""
LEFT_OUT = "(left out: it is too long ago)"
CHARS_PER_TOKEN = 3
"""Of JSON and figures; English has four. Counting low keeps a prompt inside the context."""


@dataclass(frozen=True, slots=True)
class Useless:
    """An answer that cannot be used, and why, in a sentence for the model."""

    complaint: str
    repeated: bool = False
    """It asked for what it has already."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A usable answer: a proposal, or calls to be made first."""

    message: Message
    proposal: Proposal | None = None
    calls: tuple[ToolCall, ...] = ()


def read(reply: Reply, briefing: Briefing, talk: Sequence[Message], known: Sequence[str]) -> Wanted | Useless:
    """Return what the answer comes to. *known* are the tools there are, without `propose`."""
    call = reply.calls[0] if reply.calls else written_out(reply.text)
    if call is None or reply.refusal:
        return Useless(_no_call(reply))
    if call.name != PROPOSE and call.name not in known:
        return Useless(f"there is no tool {call.name[:60]!r}, only {', '.join((*known, PROPOSE))}")
    arguments = _arguments(call, reply)
    if isinstance(arguments, Useless):
        return arguments
    if call.name == PROPOSE:
        return _proposed(arguments, talk)
    earlier = _earlier(call.name, arguments, briefing)
    if earlier is not None:
        return Useless(f"you have that already, in {earlier}; propose, or read something else", repeated=True)
    text = json.dumps(arguments, ensure_ascii=False)
    message = _assistant(call.name, text, talk)
    return Wanted(message, calls=(ToolCall(message["tool_calls"][0]["id"], call.name, text),))


def caught_up(briefing: Briefing) -> list[Message]:
    """Return the talk with what came of the model's last answer: a result, or a rejection."""
    talk = list(briefing.talk)
    if not talk or not talk[-1].get("tool_calls"):
        return talk
    call = talk[-1]["tool_calls"][0]
    if call["function"]["name"] == PROPOSE:
        content = rejected_text(briefing.rejected[-1][1]) if briefing.rejected else LEFT_OUT
    else:
        content = next((result_text(u) for u in briefing.uses if u.call == call["id"]), LEFT_OUT)
    return [*talk, {"role": "tool", "tool_call_id": call["id"], "content": content}]


def correction(reply: Reply, useless: Useless, *, forced: bool) -> list[Message]:
    """Return what the model said, shortened, and what is wrong with it."""
    said = reply.text[:MOST_ECHOED] or " ".join(f"{c.name} {c.arguments}" for c in reply.calls)[:MOST_ECHOED]
    return [
        {"role": "assistant", "content": said or "(nothing)"},
        {"role": "user", "content": correction_text(useless.complaint, forced=forced), "why": CORRECTION},
    ]


def corrections(talk: Sequence[Message]) -> int:
    """Return how often the model was corrected."""
    return sum(message.get("why") == CORRECTION for message in talk)


def sendable(system: str, talk: Sequence[Message], most_chars: int) -> list[Message]:
    """Return the messages as they are sent; the oldest results go where they are too long together."""
    messages: list[Message] = [{"role": "system", "content": system}]
    messages += [{k: v for k, v in message.items() if k != "why"} for message in talk]
    for index, message in enumerate(messages[:-1]):
        if length(messages) <= most_chars:
            break
        if message["role"] == "tool":
            messages[index] = {**message, "content": LEFT_OUT}
    return messages


def length(value: object) -> int:
    """Return how many characters something takes as JSON."""
    return len(json.dumps(value, ensure_ascii=False))


def tokens(chars: int) -> int:
    """Return about how many tokens that is, rather too many."""
    return -(-chars // CHARS_PER_TOKEN)


def _arguments(call: RawCall, reply: Reply) -> dict[str, Any] | Useless:
    try:
        arguments = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError) as error:
        cut = "; the answer was cut off, be shorter" if reply.finish == "length" else ""
        return Useless(f"the arguments of {call.name} are no JSON: {error}{cut}")
    if not isinstance(arguments, dict):
        return Useless(f"the arguments of {call.name} must be one JSON object")
    return arguments


def _proposed(arguments: dict[str, Any], talk: Sequence[Message]) -> Wanted | Useless:
    proposal = proposal_of(arguments)
    if isinstance(proposal, str):
        return Useless(proposal)
    text = json.dumps(arguments, ensure_ascii=False)
    return Wanted(_assistant(PROPOSE, text, talk), proposal=proposal)


def _assistant(name: str, arguments: str, talk: Sequence[Message]) -> Message:
    number = 1 + sum(bool(message.get("tool_calls")) for message in talk)
    call = {"id": f"c{number}", "type": "function", "function": {"name": name, "arguments": arguments}}
    return {"role": "assistant", "content": "", "tool_calls": [call]}


def _earlier(name: str, arguments: dict[str, Any], briefing: Briefing) -> str | None:
    """Return the id of the result that the same call had in this turn; the situation is still the same."""
    for use in briefing.uses:
        if use.tool == name and _same(use.arguments, arguments):
            return use.id
    return None


def _same(written: str, arguments: dict[str, Any]) -> bool:
    try:
        return bool(json.loads(written or "{}") == arguments)
    except ValueError:
        return False


def written_out(text: str) -> RawCall | None:
    """Return the call that a weak model wrote as text.

    Either `{"name": ..., "arguments": {...}}`, or, as corrections show it, `propose {...}`.
    """
    start = text.find("{")
    if start < 0:
        return None
    try:
        found, _ = json.JSONDecoder().raw_decode(text[start:])
    except (ValueError, RecursionError):
        return None
    if text[:start].strip() == PROPOSE and isinstance(found, dict):
        return RawCall(PROPOSE, json.dumps(found))
    if not isinstance(found, dict) or not isinstance(found.get("arguments"), dict):
        return None
    return RawCall(str(found.get("name", "")), json.dumps(found["arguments"]))


def _no_call(reply: Reply) -> str:
    if reply.refusal:
        return f"you refused: {reply.refusal}"
    if reply.finish == "length":
        return "the answer was cut off before a tool was called; be shorter"
    if reply.finish == "content_filter":
        return "the answer was filtered"
    return "it calls no tool" if reply.text.strip() else "it is empty"
