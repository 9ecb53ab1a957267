"""The recorded answers of a model, given again in the same order: the LLM planner without its model.

Everything but the endpoint is the planner's own: its prompts, how it reads an answer, when it falls back.
What was not said then cannot be said now: a planner that asks for more than is on record is stopped, for
the reason that stopped the recorded one, if any did.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.llm.calling import Called, Caller, Stopped
from agent.llm.client import Client, RawCall, Reply
from agent.llm.contract import PROPOSE
from agent.llm.recorder import MemoryRecorder
from agent.llm.settings import ClientSettings, PlannerSettings
from agent.llm.streaming import Draft
from agent.planners.llm import LlmPlanner
from core.decision import Decision
from core.spend import Spend
from tools.flight import Entry
from tools.redaction import Redactor

NO_MORE = "the record has no further answer of the model"
UNKNOWN = "unknown"
OPENING = "open-"
"""How the planner names its calls of the opening tools."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One prompt, tried as often as it was, and what ended it."""

    prompt: Entry
    answers: tuple[Entry, ...] = ()
    """Responses and errors, one for each attempt; empty where it was cut off."""

    @property
    def spend(self) -> Spend:
        """What all attempts cost."""
        total = Spend()
        for answer in self.answers:
            total = total.plus(answer.spend)
        return total


def exchanges(entries: Sequence[Entry]) -> tuple[Exchange, ...]:
    """Return what was said between planner and model; a first attempt begins an exchange."""
    found: list[Exchange] = []
    waiting = False
    for entry in entries:
        if entry.kind == "prompt":
            if not found or entry.body.get("attempt", 1) == 1:
                found.append(Exchange(entry))
            waiting = True
        elif entry.kind in ("response", "error") and waiting:
            found[-1] = Exchange(found[-1].prompt, (*found[-1].answers, entry))
            waiting = False  # an error after a response is the planner's note on it
    return tuple(found)


@dataclass(slots=True)
class Tape:
    """What is still to be answered, and which prompts were others than those on record."""

    left: list[Exchange]
    stopped: str
    """Why the rules decided in the recorded turn; empty where they did not."""
    asked: int = 0
    changed: list[int] = field(default_factory=list)
    """Numbers, from 1, of prompts that are not the recorded ones."""

    def next(self, messages: Sequence[Mapping[str, Any]]) -> Exchange | None:
        """Return the next exchange; None where there is no more."""
        if not self.left and self.stopped:
            return None  # as then: it was stopped before it was sent
        self.asked += 1
        if not self.left:
            return None
        exchange = self.left.pop(0)
        sent = Redactor().redacted([dict(message) for message in messages])
        if not exchange.prompt.left_out and exchange.prompt.body.get("messages") != sent:
            self.changed.append(self.asked)
        return exchange


@dataclass(frozen=True, slots=True)
class TapeCaller(Caller):
    """Takes every answer from the tape."""

    tape: Tape = field(default_factory=lambda: Tape([], ""))

    def stop(self, spend: Spend, day: Spend, needed: Spend = Spend(calls=1)) -> str | None:  # noqa: B008 - frozen
        """Stop where the recorded turn never came to ask."""
        return self.tape.stopped or None if not self.tape.left and not self.tape.asked else None

    def call(
        self,
        decision: str,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]],
        *,
        force: str | None,
        spend: Spend,
        heard: Callable[[Draft], None] | None = None,
    ) -> Called:
        """Return the recorded answer, all of it at once."""
        exchange = self.tape.next(messages)
        if exchange is None or not exchange.answers:
            return Called(Stopped(self.tape.stopped or NO_MORE, failed=True), spend, Spend())
        return Called(self._outcome(exchange.answers[-1]), spend.plus(exchange.spend), Spend())

    def _outcome(self, last: Entry) -> Reply | Stopped:
        if last.kind == "response":
            return reply_of(last)
        reason, stopped = str(last.body.get("reason", "")), self.tape.stopped
        ended = not self.tape.left and stopped.startswith(reason)
        return Stopped(stopped if ended else reason, failed=True)


def reply_of(entry: Entry) -> Reply:
    """Return the answer that an entry recorded."""
    body = entry.body
    return Reply(
        text=body.get("text", ""),
        calls=tuple(RawCall(call["name"], call["arguments"]) for call in body.get("calls", ())),
        finish=body.get("finish", ""),
        refusal=body.get("refusal", ""),
        input_tokens=entry.spend.input_tokens,
        output_tokens=entry.spend.output_tokens,
    )


def taped(
    decision: Decision, entries: Sequence[Entry], tools: Sequence[Mapping[str, Any]] | None = None
) -> tuple[LlmPlanner, Tape]:
    """Return the LLM planner with the recorded answers in place of a model, and the tape that has them.

    Its settings are the defaults, but for what the record shows: the opening tools, and whether every
    answer was forced into a proposal. Of budgets only their effect is on record.
    """
    tape = Tape(list(exchanges(entries)), decision.planning.fell_back)
    forced = bool(tape.left) and all(e.prompt.body.get("force") == PROPOSE for e in tape.left)
    client = ClientSettings(
        model=decision.planning.model or UNKNOWN, tool_choice="propose" if forced else "required"
    )
    opening = tuple(use.tool for use in decision.uses if use.call.startswith(OPENING))
    settings = PlannerSettings(opening=opening)
    recorder = MemoryRecorder(lambda: 0.0)
    planner = LlmPlanner(client, recorder, settings=settings, clock=lambda: 0.0, tools=tools)
    planner._caller = TapeCaller(Client(client), None, recorder, settings, lambda: 0.0, tape=tape)
    return planner, tape
