"""A language model that answers questions with the read-only tools; the record answers where it does not.

    record of the decision + question -> model -> tool -> model -> ... -> answer

Nothing it can call writes, and there is no `propose`. Calls, tokens and seconds are bounded and recorded as
the planner's are. The question is data to it, delimited and cut. Figures of its answer that no tool result
has are marked. On any failure (endpoint, budget, useless answers) the question is answered without a model.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from agent.explain.answer import answer as by_record
from agent.explain.conversation import MOST_ANSWER, Conversation
from agent.explain.question import MOST_QUESTION, asked
from agent.explain.record_tool import ANSWER, RECORD, Answering, own_schemas, record_use
from agent.explain.reply import Reply, Statement, neutralised
from agent.explain.saying import Useless, read
from agent.explain.steps import Asking, Heard, Used, saying
from agent.explain.subject import Subject
from agent.explain.text import neutral
from agent.llm.calling import Caller, Stopped
from agent.llm.client import Client, RawCall
from agent.llm.client import Reply as Said
from agent.llm.grounding import ungrounded
from agent.llm.prices import Prices, read_prices
from agent.llm.recorder import Recorder
from agent.llm.rendering import correction_text, result_text
from agent.llm.settings import ClientSettings, PlannerSettings
from agent.llm.streaming import Draft
from agent.llm.talk import CHARS_PER_TOKEN, length, sendable
from agent.planners.briefing import Message
from core.spend import Budget, Spend
from core.tooluse import ToolUse
from prompts import load
from tools.toolkit.situation import Situation

QUESTION = PlannerSettings(decision=Budget(calls=7, tokens=50_000, seconds=120.0))
"""Four tools, two slips and the answer."""
MOST_RECORD = 3500
"""Characters of the decision's record in the prompt."""
PROPOSE = "propose"


class Use(Protocol):
    """Uses a tool; `tools.toolkit.use` is one."""

    def __call__(self, *, id: str, call: str, name: str, arguments: str, situation: Situation) -> ToolUse:
        """Return the result; what the tool cannot answer is a sentence in it."""
        ...


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The read-only tools of a talk."""

    schemas: Sequence[Mapping[str, Any]]
    use: Use


@dataclass(slots=True)
class _Course:
    """How far a talk has come."""

    messages: list[Message]
    uses: list[ToolUse]
    situation: Situation | None
    heard: Heard | None
    spend: Spend = field(default_factory=Spend)
    slips: int = 0
    rounds: int = 0

    def hear(self, draft: Draft) -> None:
        """Tell whoever listens what of the answer has arrived."""
        said = saying(draft)
        if said is not None and self.heard is not None:
            self.heard(said)

    def keep(self, use: ToolUse) -> None:
        """Keep the result of a tool, and tell whoever listens."""
        self.uses.append(use)
        if self.heard is not None:
            self.heard(Used(use))

    def ask(self) -> None:
        """Tell whoever listens that the model is being asked."""
        if self.heard is not None:
            self.heard(Asking(self.rounds + self.slips + 1))


class Talk:
    """Answers questions about decisions."""

    def __init__(
        self,
        client: ClientSettings,
        recorder: Recorder,
        *,
        settings: PlannerSettings = QUESTION,
        prices: Prices | None = None,
        toolbox: Toolbox | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Set it up; nothing is called. The toolbox is `tools.toolkit` by default."""
        price = (prices or read_prices()).of(client.model, client.host)
        self._caller = Caller(Client(client), price, recorder, settings, clock, sleep)
        self._settings = settings
        box = toolbox or _toolkit()
        self._use = box.use
        self._tools = [dict(tool) for tool in box.schemas if _name(tool) != PROPOSE]
        self._tools += own_schemas()

    def answer(
        self,
        question: str,
        subject: Subject,
        conversation: Conversation = Conversation(),  # noqa: B008 - frozen
        *,
        heard: Heard | None = None,
    ) -> Reply:
        """Return the model's answer; the record's where it gives none.

        Args:
            question: As a person wrote it.
            subject: The decision it is about.
            conversation: What was asked and answered before.
            heard: Called with each step as it happens, in this thread. The answer is then streamed; what is
                returned replaces what was streamed.

        Raises:
            UsageError: the question is empty or too long.
            SolverError: the record had to answer, and a solver ended without a proof.
            StoreError: a call cannot be recorded.
        """
        text = asked(question)
        course = self._begun(text, subject, conversation, heard)
        found = self._talked(course, subject)
        if isinstance(found, Useless):
            return by_record(question, subject, note=f"the language model gave no answer: {found.complaint}")
        loose = ungrounded(found.text, course.uses)
        note = f"model {self._caller.client.settings.model}, {course.spend.tokens} tokens"
        source = _cited(found, course.uses, subject.decision.id)
        lines = [line for line in found.text.splitlines() if neutral(line)]
        statements = tuple(Statement(line, source) for line in lines)
        return neutralised(Reply(subject.decision.id, text, "model", statements, note, loose))

    def _begun(self, text: str, subject: Subject, conversation: Conversation, heard: Heard | None) -> _Course:
        record = record_use(1, "open-1", "{}", subject)
        names = ", ".join(f"{s.name}/{v.name}" for s in subject.pipeline.stages for v in s.variants)
        prompt = load("question").render(
            record=record.result,
            most_record=MOST_RECORD,
            exchanges=conversation.exchanges,
            most_answer=MOST_ANSWER,
            variants=names,
            question=text,
            most_question=MOST_QUESTION,
        )
        course = _Course([{"role": "user", "content": prompt}], [], subject.situation(), heard)
        course.keep(record)
        return course

    def _talked(self, course: _Course, subject: Subject) -> Answering | Useless:
        """Ask until there is an answer, or the tools, the slips or a budget are at their end."""
        while True:
            last = course.rounds >= self._settings.tool_rounds + 1
            course.ask()
            called = self._caller.call(
                f"ask-{subject.decision.id}"[:253],
                self._sent(course),
                self._tools,
                force=ANSWER if last else None,
                spend=course.spend,
                heard=None if course.heard is None else course.hear,
            )
            course.spend = called.spend
            if isinstance(called.outcome, Stopped):
                return Useless(called.outcome.reason)
            found = self._read(called.outcome, course, last=last)
            if isinstance(found, Answering):
                return found
            if isinstance(found, Useless):
                course.slips += 1
                if course.slips > self._settings.corrections:
                    return found
                course.messages.append(
                    {"role": "user", "content": correction_text(found.complaint, forced=False)}
                )
                continue
            course.rounds += 1
            self._used(found, course, subject)

    def _read(self, said: Said, course: _Course, *, last: bool) -> Answering | RawCall | Useless:
        """Return the answer or the call that the model's words come to."""
        found = read(said, [_name(tool) for tool in self._tools])
        if isinstance(found, RawCall) and last:
            return Useless("no further tool is used; answer now")
        if isinstance(found, RawCall):
            same = (u.id for u in course.uses if (u.tool, u.arguments) == (found.name, found.arguments))
            earlier = next(same, None)
            if earlier is not None:
                return Useless(f"you have that already, in {earlier}; answer, or read something else")
        return found

    def _used(self, call: RawCall, course: _Course, subject: Subject) -> None:
        """Use a tool and put the call and its result into the talk."""
        number, name = len(course.uses) + 1, f"c{course.rounds}"
        if call.name == RECORD:
            use = record_use(number, name, call.arguments, subject)
        elif course.situation is None:
            use = ToolUse(
                id=f"t{number}",
                call=name,
                tool=call.name,
                arguments=call.arguments,
                ok=False,
                result=json.dumps("this decision was made without metrics: only decision_record works"),
            )
        else:
            use = self._use(
                id=f"t{number}",
                call=name,
                name=call.name,
                arguments=call.arguments,
                situation=course.situation,
            )
        course.keep(use)
        function = {"name": call.name, "arguments": call.arguments}
        course.messages += [
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"id": name, "type": "function", "function": function}],
            },
            {"role": "tool", "tool_call_id": name, "content": result_text(use)},
        ]

    def _sent(self, course: _Course) -> list[Message]:
        client = self._caller.client.settings
        room = (client.context_tokens - client.output_tokens) * CHARS_PER_TOKEN
        return sendable(load("ask").render(), course.messages, room - length(self._tools))


def _cited(found: Answering, uses: Sequence[ToolUse], decision: str) -> str:
    """Return the tool results the answer names, all that there are where it names none."""
    named = [use for use in uses if use.id in found.evidence] or list(uses)
    parts = [f"{use.id} {use.tool} {use.arguments}" for use in named]
    return f"decision {decision}: {'; '.join(parts)}"


def _toolkit() -> Toolbox:
    from tools import toolkit  # noqa: PLC0415 - the solver takes most of the start-up time

    return Toolbox(toolkit.schemas(), toolkit.use)


def _name(tool: Mapping[str, Any]) -> str:
    return str(tool["function"]["name"])
