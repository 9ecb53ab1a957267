"""One call of a model behind an OpenAI-compatible endpoint (OpenAI, vLLM, Ollama, llama.cpp's server).

    reply = Client(settings).ask(messages, tools, force=None, seconds=30, output_tokens=700)

The one module that knows langchain-openai. What goes wrong is one exception that says whether trying again
may help; what comes back is plain. The key never appears in either. The library is imported with the first
call, because that takes a second, and its client demands a key even where the server wants none.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agent.llm.settings import OPENAI_URL, ClientSettings
from core.errors import TransientError
from tools.redaction import Redactor

if TYPE_CHECKING:
    import httpx2
    import openai
    from langchain_core.messages import AIMessage
    from langchain_openai import ChatOpenAI

MOST_REASON = 300
"""Characters of a foreign error that are kept."""
MOST_TEXT = 20_000
"""Characters of an answer's text, and of a call's arguments, that are looked at."""
REQUEST_TIMEOUT = 408
TOO_MANY = 429
SERVER_ERROR = 500
REDIRECT = 300, 400


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


class ModelFailed(TransientError):
    """The endpoint gave no usable answer."""

    def __init__(
        self, reason: str, *, passing: bool, retry_after_s: float | None = None, answered: bool = False
    ) -> None:
        super().__init__(reason)
        self.passing = passing
        """Whether the same call may work a moment later."""
        self.retry_after_s = retry_after_s
        self.answered = answered
        """Whether the endpoint took the prompt in, so that it may charge for it."""


class Client:
    """A model, called with a deadline that holds for the whole answer."""

    def __init__(self, settings: ClientSettings) -> None:
        self.settings = settings
        self._redactor = Redactor.of([settings.key.get_secret_value()])
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
    ) -> Reply:
        """Return the model's answer.

        Args:
            messages: As OpenAI's protocol has them.
            tools: The same.
            force: The tool that must be called; None to leave the choice to the settings.
            seconds: The deadline of the whole call.
            output_tokens: The most the answer may have.

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
        message = self._in_time(lambda: self._invoked(model, list(messages), options), seconds)
        return self._reply(message)

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

    def _in_time(self, call: Callable[[], AIMessage], seconds: float) -> AIMessage:
        """Return what *call* does within the deadline; a dripping server keeps other timeouts happy."""
        box: list[AIMessage | Exception] = []

        def run() -> None:
            try:
                box.append(call())
            except Exception as error:  # noqa: BLE001 - handed over to the caller's thread
                box.append(error)

        thread = threading.Thread(target=run, name="model call", daemon=True)
        thread.start()
        thread.join(seconds)
        if not box:
            self._abandon()
            raise ModelFailed(f"no answer within {seconds:.3g} s", passing=True, answered=True)
        if isinstance(box[0], Exception):
            raise box[0] from None
        return box[0]

    def _abandon(self) -> None:
        """Cut the connection and start anew with the next call."""
        http, self._http, self._model = self._http, None, None
        if http is not None:
            http.close()

    def _invoked(
        self, model: ChatOpenAI, messages: list[Mapping[str, Any]], options: dict[str, Any]
    ) -> AIMessage:
        """Call the library, and translate whatever it raises; nothing of the original is chained: it may hold
        the key."""
        import httpx2  # noqa: PLC0415 - as its library
        import openai  # noqa: PLC0415 - as its library

        from agent.llm.transport import BodyRefused  # noqa: PLC0415 - brings httpx2

        try:
            return model.invoke([dict(m) for m in messages], **options)
        except BodyRefused as error:
            raise ModelFailed(str(error), passing=False, answered=True) from None
        except openai.APITimeoutError:
            raise ModelFailed("the endpoint took too long", passing=True, answered=True) from None
        except (openai.APIConnectionError, httpx2.HTTPError) as error:
            reason = self._clean(f"the endpoint cannot be reached: {error.__cause__ or error}")
            raise ModelFailed(reason, passing=True) from None
        except openai.APIStatusError as error:
            raise self._refused(error) from None
        except (
            openai.OpenAIError,
            ValueError,
            LookupError,
            TypeError,
            AttributeError,
            ArithmeticError,
            RecursionError,
        ) as error:
            reason = f"the endpoint's answer is not OpenAI's protocol: {type(error).__name__}: {error}"
            raise ModelFailed(self._clean(reason), passing=True, answered=True) from None

    def _refused(self, error: openai.APIStatusError) -> ModelFailed:
        status = error.status_code
        if REDIRECT[0] <= status < REDIRECT[1]:
            where = f"the endpoint redirects (HTTP {status}), which is not followed; correct OPENAI_BASE_URL"
            return ModelFailed(where, passing=False)
        reason = self._clean(f"the endpoint answers HTTP {status}: {error.message}")
        passing = status in (REQUEST_TIMEOUT, TOO_MANY) or status >= SERVER_ERROR
        return ModelFailed(
            reason, passing=passing, retry_after_s=_seconds(error.response.headers.get("retry-after"))
        )

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


def _choice(force: str | None, tool_choice: str) -> str | dict[str, Any]:
    if force is not None and tool_choice != "auto":
        return {"type": "function", "function": {"name": force}}
    return "auto" if tool_choice == "auto" else "required"


def _seconds(header: str | None) -> float | None:
    """Return the seconds of a Retry-After header; None for a date, which our clock may not agree with."""
    try:
        seconds = float(header or "nan")
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _count(tokens: int) -> int | None:
    """Return the count; None where it cannot be one. Zero for a prompt means: does not count."""
    return tokens if 0 < tokens < 10**9 else None


def _json(arguments: Mapping[str, Any]) -> str:
    return json.dumps(arguments, ensure_ascii=False)
