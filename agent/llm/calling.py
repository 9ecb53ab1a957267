"""Calls of a model under budgets: checked before, bounded by a deadline during, recorded after.

A call that fails in a way that may pass is made again, as often as the settings say and as the seconds left
allow. Whatever is sent is recorded first, with what it may cost, so that a killed process forgets no call.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.llm.client import Client, Reply
from agent.llm.failures import ModelFailed
from agent.llm.prices import Price
from agent.llm.recorder import Recorder
from agent.llm.settings import PlannerSettings
from agent.llm.streaming import Draft
from agent.llm.talk import length, tokens
from core.spend import Budget, Spend

DAY_S = 86_400.0
BACKOFF_S = 0.5
"""Before the second attempt; twice that before the third."""
LEAST_SECONDS = 0.05
"""A call with less time than this is not made."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """No answer, and why."""

    reason: str
    failed: bool
    """Whether that is the endpoint's fault, not a budget's end."""


@dataclass(frozen=True, slots=True)
class Called:
    """What came of a call, with what the turn and the day used since."""

    outcome: Reply | Stopped
    spend: Spend
    day: Spend


@dataclass(frozen=True, slots=True)
class Caller:
    """Makes calls."""

    client: Client
    price: Price | None
    recorder: Recorder
    settings: PlannerSettings
    clock: Callable[[], float]
    """Seconds since 1970."""
    sleep: Callable[[float], None] = time.sleep

    def day(self) -> Spend:
        """Return what the last 24 hours used."""
        return self.recorder.spent(self.clock() - DAY_S)

    def stop(self, spend: Spend, day: Spend, needed: Spend = Spend(calls=1)) -> str | None:  # noqa: B008 - frozen
        """Return why no further call may be made; None where one may."""
        for name, budget, used in (
            ("the decision's budget", self.settings.decision, spend),
            ("the day's budget", self.settings.day, day),
        ):
            over = budget.exceeded(used) or _no_room(budget, used, needed)
            if over is not None:
                return f"{name}: {over}"
        return None

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
        """Return the model's answer, or why there is none; *heard* is called with it as it arrives.

        Raises:
            StoreError: it cannot be recorded.
        """
        day, model = self.day(), self.client.settings.model
        size = length(messages) + length(tools)
        reserved = self._spend(tokens(size), self.client.settings.output_tokens, seconds=0.0)
        fits = self.client.settings.context_tokens
        if reserved.tokens > fits:
            reason = f"prompt and answer take about {reserved.tokens} tokens, the context has {fits}"
            return Called(Stopped(reason, failed=False), spend, day)
        wait_s, failure = 0.0, ""
        attempt, attempts = 0, self.client.settings.attempts
        while attempt < attempts:
            left_s = self._left_s(spend, day) - wait_s
            stop = self.stop(spend, day, reserved)
            if stop is None and left_s < LEAST_SECONDS:
                stop = f"no time is left to try again in {wait_s:.3g} s" if wait_s else "no time is left"
            if stop is not None:
                reason = f"{failure}; {stop}" if failure else stop
                return Called(Stopped(reason, failed=bool(failure)), spend, day)
            body = {"messages": list(messages), "tools": list(tools), "force": force, "attempt": attempt + 1}
            self.recorder.record(decision, "prompt", body, model=model, spend=reserved)
            began = time.perf_counter()
            if wait_s:
                self.sleep(wait_s)
            outcome = self._asked(messages, tools, force, left_s, heard)
            used = self._used(outcome, reserved, time.perf_counter() - began)
            spend, day = spend.plus(used), day.plus(used)
            if isinstance(outcome, Reply):
                self.recorder.record(decision, "response", _body(outcome), model=model, spend=used)
                return Called(outcome, spend, day)
            failure = str(outcome)
            self.recorder.record(decision, "error", {"reason": failure}, model=model, spend=used)
            attempt += 1
            if outcome.unstreamed:
                attempts, wait_s = attempts + 1, 0.0  # the same once more, in the way that it may know
                continue
            if not outcome.passing:
                break
            wait_s = (
                BACKOFF_S * 2 ** (attempt - 1) if outcome.retry_after_s is None else outcome.retry_after_s
            )
        return Called(Stopped(failure, failed=True), spend, day)

    def _asked(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]],
        force: str | None,
        left_s: float,
        heard: Callable[[Draft], None] | None,
    ) -> Reply | ModelFailed:
        settings = self.client.settings
        try:
            return self.client.ask(
                messages,
                tools,
                force=force,
                seconds=min(left_s, settings.timeout_s),
                output_tokens=settings.output_tokens,
                heard=heard,
            )
        except ModelFailed as error:
            return error

    def _used(self, outcome: Reply | ModelFailed, reserved: Spend, seconds: float) -> Spend:
        """Return what the call cost; what the server does not say is estimated."""
        if isinstance(outcome, ModelFailed):
            taken_in = reserved.input_tokens if outcome.answered else 0
            return self._spend(taken_in, 0, seconds=seconds)
        said = tokens(len(outcome.text) + sum(len(c.name) + len(c.arguments) for c in outcome.calls))
        return self._spend(
            reserved.input_tokens if outcome.input_tokens is None else outcome.input_tokens,
            said if outcome.output_tokens is None else outcome.output_tokens,
            seconds=seconds,
        )

    def _spend(self, input_tokens: int, output_tokens: int, *, seconds: float) -> Spend:
        usd = None
        if self.price is not None:
            usd = self.price.usd(input_tokens=input_tokens, output_tokens=output_tokens)
        return Spend(
            calls=1, input_tokens=input_tokens, output_tokens=output_tokens, seconds=seconds, usd=usd
        )

    def _left_s(self, spend: Spend, day: Spend) -> float:
        pairs = ((self.settings.decision, spend), (self.settings.day, day))
        return min((b.seconds - used.seconds for b, used in pairs if b.seconds is not None), default=1e9)


def _no_room(budget: Budget, used: Spend, needed: Spend) -> str | None:
    """Return which limit the next call would break."""
    if budget.tokens is not None and used.tokens + needed.tokens > budget.tokens:
        return f"{used.tokens} of {budget.tokens} tokens are used, the next call needs {needed.tokens}"
    if budget.usd is not None and used.usd is not None and used.usd + (needed.usd or 0.0) > budget.usd:
        return f"{used.usd:.4g} of {budget.usd:g} usd are used, the next call may need {needed.usd or 0:.4g}"
    return None


def _body(reply: Reply) -> dict[str, Any]:
    return {
        "text": reply.text,
        "calls": [{"name": c.name, "arguments": c.arguments} for c in reply.calls],
        "finish": reply.finish,
        "refusal": reply.refusal,
    }
