"""The `llm` planner: a language model behind an OpenAI-compatible endpoint, that reasons with typed tools.

    quiet interval                       the rules decide; no model is asked
    breaker open, a budget spent         the rules decide, and the record says why
    otherwise                            opening tools -> model -> its tools -> model -> ... -> proposal

What the model says is data. An answer that cannot be used is sent back with one sentence, a bounded number
of times; the last call it may make is a forced proposal; an endpoint that fails is tried again while there is
time. After that the rules decide, which take the exact optimum where something was rejected. Every call is
recorded. What it proposes is checked outside, like any planner's.

All that a turn has to remember is in the briefing, so a killed controller goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from agent.llm.breaker import Breaker
from agent.llm.calling import Caller, Stopped
from agent.llm.client import Client, Reply
from agent.llm.contract import PROPOSE, propose_schema
from agent.llm.grounding import ungrounded
from agent.llm.prices import Prices, read_prices
from agent.llm.recorder import Recorder
from agent.llm.rendering import prompt_label, situation_text, system_text
from agent.llm.settings import ClientSettings, PlannerSettings
from agent.llm.talk import (
    CHARS_PER_TOKEN,
    Useless,
    Wanted,
    caught_up,
    correction,
    corrections,
    length,
    read,
    sendable,
)
from agent.planners.briefing import Briefing, Message, Planner, Thought, ToolCall
from agent.planners.rules import RulesPlanner
from core.errors import UsageError
from core.proposal import Proposal
from core.spend import Planning
from tools.toolkit import schemas

CALENDAR = "upcoming_events"
MOST_REASON = 500
"""Characters of why the rules decided."""


@dataclass(frozen=True, slots=True)
class _Turn:
    """A turn as far as it has come."""

    briefing: Briefing
    talk: list[Message]
    planning: Planning

    def spent(self, **changes: object) -> _Turn:
        return replace(self, planning=self.planning.model_copy(update=changes))


class LlmPlanner:
    """Asks a model where there is something to think about; falls back to the rules."""

    name: ClassVar[str] = "llm"

    def __init__(
        self,
        client: ClientSettings,
        recorder: Recorder,
        *,
        settings: PlannerSettings | None = None,
        fallback: Planner | None = None,
        prices: Prices | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        tools: Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        """Set it up; nothing is called.

        Args:
            client: How to reach the model.
            recorder: Where calls and their cost are kept; the day's spend and past failures come from it.
            settings: When a model is asked and where it ends.
            fallback: Who decides where no model does; the rules.
            prices: What tokens cost; what is shipped.
            clock: Seconds since 1970.
            sleep: Wait that many seconds before trying again.
            tools: The reading tools in OpenAI's form; those of `tools.toolkit`.

        Raises:
            UsageError: money is limited, but the model's price is not known.
        """
        self.settings = settings or PlannerSettings()
        self._fallback: Planner = fallback or RulesPlanner()
        price = (prices or read_prices()).of(client.model, client.host)
        if price is None and (self.settings.decision.usd, self.settings.day.usd) != (None, None):
            raise UsageError(
                f"the budget has a limit in usd, but the price of {client.model!r} at {client.host} is not "
                "known; give one with --prices FILE (agent/llm/prices.yaml has the format)"
            )
        self._caller = Caller(Client(client), price, recorder, self.settings, clock, sleep)
        failures = recorder.failures()
        self.breaker = Breaker(self.settings.most_failures, self.settings.cool_down_s, clock, failures)
        self._tools = [t for t in (schemas() if tools is None else tools) if _name(t) != PROPOSE]
        self._offered = [*([] if client.tool_choice == "propose" else self._tools), propose_schema()]
        self._system = system_text()

    def plan(self, briefing: Briefing) -> Thought:
        """Take one step: ask the model, or let the rules decide.

        Raises:
            StoreError: a call cannot be recorded; then none is made.
        """
        turn = _Turn(briefing, list(briefing.talk), briefing.planning)
        if turn.planning.fell_back:
            return self._by_rules(turn)
        if turn.planning.triggers:
            return self._by_model(turn)
        triggers = self.settings.triggers.of(briefing.situation)
        if not triggers:
            return self._by_rules(turn)
        turn = turn.spent(
            triggers=triggers,
            model=self._caller.client.settings.model,
            prompt=prompt_label(),
            day=self._caller.day(),
        )
        if self.breaker.state == "open":
            return self._fall_back(
                turn, f"the model failed too often; it is left alone for {self.breaker.left_s:.0f} s more"
            )
        stop = self._caller.stop(turn.planning.spend, turn.planning.day)
        if stop is not None:
            return self._fall_back(turn, stop)
        opening = self._opening(briefing)
        return self._thought(turn, calls=opening) if opening else self._by_model(turn)

    def _opening(self, briefing: Briefing) -> tuple[ToolCall, ...]:
        """Return the calls that every turn begins with, so that the model starts with their results."""
        names = self.settings.opening
        if briefing.situation.events and CALENDAR not in names:
            names = (*names, CALENDAR)
        known = self._known()
        return tuple(ToolCall(f"open-{n}", n, "{}") for n in names if n in known)

    def _by_model(self, turn: _Turn) -> Thought:
        """Ask until an answer can be used, or the corrections or a budget are at their end."""
        turn = replace(turn, talk=self._caught_up(turn))
        again = False
        while True:
            force = PROPOSE if again or self._must_propose(turn) else None
            called = self._caller.call(
                turn.briefing.decision,
                self._messages(turn),
                self._offered,
                force=force,
                spend=turn.planning.spend,
            )
            turn = turn.spent(spend=called.spend, day=called.day)
            match called.outcome:
                case Stopped(reason=reason, failed=failed):
                    return self._fall_back(turn, reason, failed=failed)
                case reply:
                    found = self._read(turn, reply, force)
            if isinstance(found, Wanted):
                return self._done(turn, found)
            self._note(turn, found)
            if corrections(turn.talk) >= self.settings.corrections:
                return self._fall_back(turn, f"the answer cannot be used: {found.complaint}", failed=True)
            again = again or found.repeated
            turn = replace(turn, talk=[*turn.talk, *correction(reply, found, forced=again)])

    def _caught_up(self, turn: _Turn) -> list[Message]:
        if turn.talk:
            return caught_up(turn.briefing)
        text = situation_text(turn.briefing.situation, turn.planning.triggers, turn.briefing.uses)
        return [{"role": "user", "content": text}]

    def _must_propose(self, turn: _Turn) -> bool:
        """Say whether the model's next answer has to be its proposal: no tool or no call is left."""
        if self._caller.client.settings.tool_choice == "propose":
            return True
        asked = sum(_called(m) not in (None, PROPOSE) for m in turn.talk)
        calls = self.settings.decision.calls
        return asked >= self.settings.tool_rounds or (
            calls is not None and turn.planning.spend.calls + 1 >= calls
        )

    def _messages(self, turn: _Turn) -> list[Message]:
        client = self._caller.client.settings
        room = (client.context_tokens - client.output_tokens) * CHARS_PER_TOKEN
        return sendable(self._system, turn.talk, room - length(self._offered))

    def _read(self, turn: _Turn, reply: Reply, force: str | None) -> Wanted | Useless:
        found = read(reply, turn.briefing, turn.talk, self._known())
        if isinstance(found, Wanted) and found.proposal is None and force is not None:
            return Useless("no further tool is used in this turn; propose now", repeated=True)
        return found

    def _done(self, turn: _Turn, found: Wanted) -> Thought:
        turn = replace(turn, talk=[*turn.talk, found.message])
        if found.proposal is None:
            return self._thought(turn, calls=found.calls)
        self.breaker.succeeded()
        cited = [use for use in turn.briefing.uses if use.id in found.proposal.evidence]
        text = f"{found.proposal.diagnosis}\n{found.proposal.rationale}"
        return self._thought(turn.spent(ungrounded=ungrounded(text, cited)), found.proposal)

    def _fall_back(self, turn: _Turn, reason: str, *, failed: bool = False) -> Thought:
        """Let the rules decide for the rest of the turn, and say why."""
        if failed:
            self.breaker.failed()
        return self._by_rules(turn.spent(fell_back=reason[:MOST_REASON]))

    def _by_rules(self, turn: _Turn) -> Thought:
        thought = self._fallback.plan(turn.briefing)
        return self._thought(turn, thought.proposal, thought.calls)

    def _thought(
        self, turn: _Turn, proposal: Proposal | None = None, calls: tuple[ToolCall, ...] = ()
    ) -> Thought:
        planning = turn.planning.model_copy(update={"breaker": self.breaker.state})
        return Thought(proposal, calls, tuple(turn.talk), planning)

    def _note(self, turn: _Turn, useless: Useless) -> None:
        body = {"reason": useless.complaint}
        caller = self._caller
        caller.recorder.record(turn.briefing.decision, "error", body, model=caller.client.settings.model)

    def _known(self) -> tuple[str, ...]:
        return tuple(_name(tool) for tool in self._tools)


def _name(tool: Mapping[str, Any]) -> str:
    return str(tool["function"]["name"])


def _called(message: Message) -> str | None:
    """Return the tool a message of the model calls."""
    calls = message.get("tool_calls")
    return str(calls[0]["function"]["name"]) if calls else None
