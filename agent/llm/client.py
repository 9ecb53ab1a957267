"""One call of a model behind an OpenAI-compatible endpoint (OpenAI, vLLM, Ollama, llama.cpp's server).

    reply = Client(settings).ask(messages, tools, force=None, seconds=30, output_tokens=700)

The one module that knows langchain-openai. What goes wrong is one exception that says whether trying again
may help; what comes back is plain. The key never appears in either. The library is imported with the first
call, because that takes a second, and its client demands a key even where the server wants none.

Where somebody listens the answer is streamed; an endpoint that cannot do that is asked without from then on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agent.llm.deadline import OutOfTime, in_time
from agent.llm.failures import ModelFailed, translating
from agent.llm.settings import OPENAI_URL, ClientSettings
from agent.llm.streaming import Arriving, Draft
from tools.redaction import Redactor

if TYPE_CHECKING:
    import httpx2
    from langchain_core.messages import AIMessage
    from langchain_openai import ChatOpenAI

MOST_REASON = 300
"""Characters of a foreign error that are kept."""
MOST_TEXT = 20_000
"""Characters of an answer's text, and of a call's arguments, that are looked at."""


@dataclass(frozen=True, slots=True)
class RawCall:
    """A tool call as the model wrote it."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answered."""

    text: str
    calls: tuple[RawCall, ...]
    finish: str
    """`stop`, `length`, `tool_calls`, `content_filter`, or whatever the server says; empty if nothing."""
    refusal: str
    input_tokens: int | None
    """None where the server does not say."""
    output_tokens: int | None


class Client:
    """A model, called with a deadline that holds for the whole answer."""

    def __init__(self, settings: ClientSettings) -> None:
        self.settings = settings
        self._redactor = Redactor.of([settings.key.get_secret_value()])
        self._streams = True
        """False once the endpoint has shown that it cannot."""
        self._model: ChatOpenAI | None = None
        self._http: httpx2.Client | None = None

    def ask(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]],
        *,
        force: str | None,
        seconds: float,
        output_tokens: int,
        heard: Callable[[Draft], None] | None = None,
    ) -> Reply:
        """Return the model's answer.

        Args:
            messages: As OpenAI's protocol has them.
            tools: The same.
            force: The tool that must be called; None to leave the choice to the settings.
            seconds: The deadline of the whole call.
            output_tokens: The most the answer may have.
            heard: Called with the answer as it arrives, in this thread; None to take it as a whole.

        Raises:
            ModelFailed: there is none.
        """
        model = self._built()
        options: dict[str, Any] = {
            "tools": list(tools),
            "tool_choice": _choice(force, self.settings.tool_choice),
            "parallel_tool_calls": False,
            "timeout": seconds,
        }
        if self.settings.base_url == OPENAI_URL:
            options["max_completion_tokens"] = output_tokens
        else:
            options["extra_body"] = {"max_tokens": output_tokens}  # what older servers know it by
        sent = [dict(message) for message in messages]
        if heard is None or not self._streams:
            return self._reply(
                self._in_time(lambda _: self._invoked(model, sent, options), seconds, _unheard)
            )
        return self._reply(
            self._in_time(lambda tell: self._streamed(model, sent, options, tell), seconds, heard)
        )

    def _built(self) -> ChatOpenAI:
        if self._model is None:
            from langchain_openai import ChatOpenAI  # noqa: PLC0415 - takes a second to import

            from agent.llm.transport import http_client  # noqa: PLC0415 - brings httpx2

            self._http = http_client()
            own = self.settings.base_url == OPENAI_URL
            temperature = self.settings.temperature
            self._model = ChatOpenAI(
                model=self.settings.model,
                base_url=self.settings.base_url,
                api_key=self.settings.key,
                max_retries=0,
                timeout=self.settings.timeout_s,
                temperature=0.0 if temperature is None and not own else temperature,
                use_responses_api=False,
                http_client=self._http,
            )
        return self._model

    def _in_time(
        self,
        call: Callable[[Callable[[Draft], None]], AIMessage],
        seconds: float,
        heard: Callable[[Draft], None],
    ) -> AIMessage:
        """Return what *call* does within the deadline; whatever else ends the wait cuts the connection."""
        try:
            return in_time(call, seconds, heard)
        except OutOfTime:
            self._abandon()
            raise ModelFailed(f"no answer within {seconds:.3g} s", passing=True, answered=True) from None
        except ModelFailed as error:
            self._streams = self._streams and not error.unstreamed
            raise
        except BaseException:
            self._abandon()
            raise

    def _abandon(self) -> None:
        """Cut the connection and start anew with the next call."""
        http, self._http, self._model = self._http, None, None
        if http is not None:
            http.close()

    def _invoked(
        self, model: ChatOpenAI, messages: list[dict[str, Any]], options: dict[str, Any]
    ) -> AIMessage:
        with translating(Arriving(), self._clean, streamed=False):
            return model.invoke(messages, **options)

    def _streamed(
        self,
        model: ChatOpenAI,
        messages: list[dict[str, Any]],
        options: dict[str, Any],
        tell: Callable[[Draft], None],
    ) -> AIMessage:
        arriving = Arriving()
        with translating(arriving, self._clean, streamed=True):
            for chunk in model.stream(messages, stream_usage=True, **options):
                arriving.add(chunk)
                tell(arriving.draft(self._redactor))
            return arriving.whole()

    def _reply(self, message: AIMessage) -> Reply:
        calls = [RawCall(c["name"], _json(c["args"])) for c in message.tool_calls]
        calls += [RawCall(c.get("name") or "", c.get("args") or "") for c in message.invalid_tool_calls]
        usage = message.usage_metadata
        return Reply(
            text=self._clean(str(message.text), MOST_TEXT),
            calls=tuple(RawCall(self._clean(c.name), self._clean(c.arguments, MOST_TEXT)) for c in calls),
            finish=self._clean(str(message.response_metadata.get("finish_reason") or "")),
            refusal=self._clean(str(message.additional_kwargs.get("refusal") or "")),
            input_tokens=_count(usage["input_tokens"]) if usage else None,
            output_tokens=_count(usage["output_tokens"]) if usage else None,
        )

    def _clean(self, text: str, most: int = MOST_REASON) -> str:
        return self._redactor.text(text)[:most]


def _unheard(_: Draft) -> None:
    """Nobody listens, and nothing is told."""


def _choice(force: str | None, tool_choice: str) -> str | dict[str, Any]:
    if force is not None and tool_choice != "auto":
        return {"type": "function", "function": {"name": force}}
    return "auto" if tool_choice == "auto" else "required"


def _count(tokens: int) -> int | None:
    """Return the count; None where it cannot be one. Zero for a prompt means: does not count."""
    return tokens if 0 < tokens < 10**9 else None


def _json(arguments: Mapping[str, Any]) -> str:
    return json.dumps(arguments, ensure_ascii=False)
