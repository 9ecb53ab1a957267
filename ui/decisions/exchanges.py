"""What was said to and by a model in one decision, each thing once: a prompt repeats the whole talk."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agent.answering import Exchange, exchanges
from agent.llm.contract import PROPOSE
from agent.llm.talk import written_out
from core.proposal import MOST_TEXT
from core.spend import Spend
from tools.flight import Entry

Role = Literal["system", "user", "tool"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message to the model that it had not been sent before."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call as the model wrote it."""

    tool: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Said:
    """One exchange with the model: what was new in the prompt, what came back, and what was wrong with it."""

    number: int
    model: str | None
    sent: tuple[Message, ...]
    text: str
    calls: tuple[Call, ...]
    refusal: str
    failures: tuple[str, ...]
    """Attempts that brought no answer, and what the planner could not use in the one that came."""
    answered: bool
    spend: Spend
    left_out: int
    """Characters that the flight recorder did not keep."""

    def proposes(self, rationale: str) -> bool:
        """Say whether the model made a proposal with that rationale."""
        return self.call is not None and self.call.tool == PROPOSE and _rationale(self.call) == rationale

    @property
    def call(self) -> Call | None:
        """The call that the planner followed: the first, or the one that a weak model wrote as text."""
        if self.calls:
            return self.calls[0]
        written = written_out(self.text)
        return None if written is None else Call(written.name, written.arguments)


def said(entries: Sequence[Entry]) -> tuple[Said, ...]:
    """Return the exchanges of a decision in the order in which they happened."""
    found: list[Said] = []
    known: list[dict[str, Any]] = []
    all_exchanges = exchanges(entries)
    for number, exchange in enumerate(all_exchanges, start=1):
        following = all_exchanges[number : number + 1]
        until = following[0].prompt.seq if following else None
        messages = _messages(exchange.prompt)
        found.append(
            _said(number, exchange, messages[_shared(known, messages) :], _notes(entries, exchange, until))
        )
        known = messages or known
    return tuple(found)


def _said(number: int, exchange: Exchange, new: list[dict[str, Any]], notes: tuple[str, ...]) -> Said:
    answers = exchange.answers
    failures = [str(a.body.get("reason", "")) for a in answers if a.kind == "error"]
    answer = answers[-1] if answers and answers[-1].kind == "response" else None
    body = {} if answer is None else answer.body
    if not answers:
        failures.append("no answer is on record: the turn was cut off while it waited")
    kept = (exchange.prompt, *answers)
    return Said(
        number=number,
        model=exchange.prompt.model,
        sent=tuple(_message(m) for m in new if m.get("role") != "assistant"),
        text=_text(body.get("text")),
        calls=tuple(_call(c) for c in _dicts(body.get("calls"))),
        refusal=_text(body.get("refusal")),
        failures=(*failures, *notes),
        answered=answer is not None,
        spend=exchange.spend,
        left_out=sum(entry.left_out for entry in kept),
    )


def _shared(known: list[dict[str, Any]], messages: list[dict[str, Any]]) -> int:
    """Return how many messages the prompt before had, too: a talk only grows, though old results may go."""
    roles = [m.get("role") for m in known]
    return len(known) if [m.get("role") for m in messages[: len(known)]] == roles else 0


def _notes(entries: Sequence[Entry], exchange: Exchange, until: int | None) -> tuple[str, ...]:
    """Return what the planner noted on the answer: errors after it that are no attempt's."""
    last = exchange.answers[-1].seq if exchange.answers else exchange.prompt.seq
    return tuple(
        str(e.body.get("reason", ""))
        for e in entries
        if e.kind == "error" and e.seq > last and (until is None or e.seq < until)
    )


def _messages(prompt: Entry) -> list[dict[str, Any]]:
    """Return the messages of a prompt; what was too long to keep has none, and its text instead."""
    if "shortened" in prompt.body:
        return [{"role": "user", "content": _text(prompt.body["shortened"])}]
    return _dicts(prompt.body.get("messages"))


def _message(message: dict[str, Any]) -> Message:
    role = message.get("role")
    return Message(
        "system" if role == "system" else "tool" if role == "tool" else "user", _text(message.get("content"))
    )


def _call(call: dict[str, Any]) -> Call:
    return Call(_text(call.get("name")), _text(call.get("arguments")))


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


def _rationale(call: Call) -> str | None:
    try:
        found = json.loads(call.arguments)
    except (ValueError, RecursionError):
        return None
    rationale = found.get("rationale") if isinstance(found, dict) else None
    return rationale[:MOST_TEXT] if isinstance(rationale, str) else None
