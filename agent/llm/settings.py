"""How a model is reached and how far it may go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from agent.llm.triggers import Triggers
from core.errors import UsageError
from core.spend import Budget
from core.values import Count, Frozen, NonNegative, Number, Positive, PositiveCount

OPENAI_URL = "https://api.openai.com/v1"
DECISION = Budget(calls=8, tokens=60_000, seconds=120.0)
"""Three tools, a proposal, two revisions and two slips; eight prompts that just fit the context."""
DUMMY_KEY = "none-needed"
"""The library demands a key at construction even where the server wants none."""


class ClientSettings(Frozen):
    """One model behind an OpenAI-compatible endpoint."""

    model: Annotated[str, Field(min_length=1, max_length=253)]
    base_url: str = OPENAI_URL
    key: SecretStr = SecretStr(DUMMY_KEY)
    timeout_s: Positive = 60.0
    """For one whole call, however slowly the answer drips."""
    attempts: PositiveCount = 3
    """Times a call is made where the endpoint fails in a way that may pass."""
    tool_choice: Literal["required", "auto", "propose"] = "required"
    """`auto` for servers that cannot be made to call a tool; `propose` to have every answer forced into a
    proposal, for models too weak to choose tools."""
    output_tokens: PositiveCount = 700
    context_tokens: PositiveCount = 8192
    """What prompt and answer together may take."""
    temperature: Annotated[Number, Field(ge=0, le=2)] | None = None
    """None: 0, but for OpenAI's own models, some of which take none."""

    @property
    def host(self) -> str:
        """Where the prompts go, without credentials."""
        return urlsplit(self.base_url).hostname or ""


class PlannerSettings(Frozen):
    """When a model is asked, and where it ends."""

    triggers: Triggers = Triggers()
    decision: Budget = DECISION
    day: Budget = Budget()
    """For the last 24 hours."""
    opening: tuple[str, ...] = ("read_metrics", "solve")
    """Tools used before the model is asked, without arguments; the calendar too where there are events."""
    tool_rounds: Count = 3
    """Tools a model may ask for in a turn; then it must propose."""
    corrections: Count = 2
    """Times in a turn that a model hears why its answer cannot be used."""
    most_failures: PositiveCount = 3
    """Failed decisions in a row that open the breaker."""
    cool_down_s: NonNegative = 300.0
    """How long it stays open before one decision tries again."""


def client_settings(environment: Mapping[str, str], model: str | None) -> ClientSettings | None:
    """Return how to reach the model that the environment and *model* name; None where no endpoint is set.

    Raises:
        UsageError: an endpoint without a model, or an address that is none.
    """
    base_url, key = environment.get("OPENAI_BASE_URL", ""), environment.get("OPENAI_API_KEY", "")
    if not base_url and not key:
        if model:
            raise UsageError(
                "--model names a model, but no endpoint is set: set OPENAI_API_KEY, or OPENAI_BASE_URL"
            )
        return None
    if not model:
        raise UsageError("an endpoint is set, but no model: name one with --model")
    address = base_url or OPENAI_URL
    try:
        parts = urlsplit(address)
        wrong = parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0
    except ValueError:
        wrong = True
    if wrong:
        raise UsageError("OPENAI_BASE_URL is no address such as http://127.0.0.1:8080/v1; correct it")
    if parts.username or parts.password:
        raise UsageError("OPENAI_BASE_URL has credentials in it; put the key in OPENAI_API_KEY")
    return ClientSettings(model=model, base_url=address, key=SecretStr(key or DUMMY_KEY))
