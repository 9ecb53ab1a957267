"""Which planner decides: the one asked for, or the model behind the endpoint that is set, or the rules.

with chosen_planner(Choice(model="gpt-5-mini"), folder, os.environ) as (planner, line):
    ...                                                 # line: what decides, for the person
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, ValidationError

from agent.explain.talk import QUESTION, Talk
from agent.folder import FLIGHT
from agent.llm.prices import read_prices
from agent.llm.settings import ClientSettings, PlannerSettings, client_settings
from agent.planners import Planner, create
from agent.planners.llm import LlmPlanner
from core.complaints import complaint
from core.errors import InvalidDocument, StoreError, UsageError
from core.values import Frozen
from pipelines.reader import parsed
from tools.flight import FlightRecorder
from tools.redaction import secrets_among

AUTOMATIC, LLM = "auto", "llm"
ENDPOINT = ("OPENAI_BASE_URL", "OPENAI_API_KEY")


class ClientFile(Frozen):
    """How to call the model; whatever is left out is `ClientSettings`' own."""

    timeout_s: float | None = None
    attempts: int | None = None
    tool_choice: str | None = None
    output_tokens: int | None = None
    context_tokens: int | None = None
    temperature: float | None = None


class LlmFile(Frozen):
    """A file of settings for the `llm` planner."""

    client: ClientFile = ClientFile()
    planner: PlannerSettings = Field(default_factory=PlannerSettings)


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person asked for."""

    planner: str = AUTOMATIC
    """`auto`, `llm`, `rules` or `ilp`."""
    model: str | None = None
    settings: Path | None = None
    prices: Path | None = None


@contextmanager
def chosen_planner(
    choice: Choice, folder: Path, environment: Mapping[str, str]
) -> Iterator[tuple[Planner, str]]:
    """Yield the planner, and a line that says what decides.

    Raises:
        UsageError: there is no such planner, or the endpoint, the model or a file is wrong.
        StoreError: what a model says cannot be recorded.
    """
    client = _client(choice, environment)
    if client is None:
        name = "rules" if choice.planner == AUTOMATIC else choice.planner
        if name == LLM:
            raise UsageError(
                "--planner llm: no endpoint is set; set OPENAI_BASE_URL or OPENAI_API_KEY, and --model"
            )
        yield create(name), _line(name, choice, environment)
        return
    settings = read_settings(choice.settings)
    with closing(_recorder(folder, environment)) as recorder:
        planner = LlmPlanner(
            _adjusted(client, settings.client),
            recorder,
            settings=settings.planner,
            prices=read_prices(choice.prices),
        )
        yield planner, f"planner 'llm': {client.model} at {client.host}"


@contextmanager
def chosen_talk(choice: Choice, folder: Path, environment: Mapping[str, str]) -> Iterator[Talk | None]:
    """Yield the model that answers questions; None where none is named: then the record answers.

    Raises:
        UsageError: the endpoint, the model or a file is wrong, or the folder does not exist.
        StoreError: what a model says cannot be recorded.
    """
    client = _client(choice, environment)
    if client is None:
        yield None
        return
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}; `trimtab run` makes one")
    settings = read_settings(choice.settings)
    with closing(_recorder(folder, environment)) as recorder:
        yield Talk(
            _adjusted(client, settings.client),
            recorder,
            settings=QUESTION.model_copy(update={"day": settings.planner.day}),
            prices=read_prices(choice.prices),
        )


def read_settings(path: Path | None) -> LlmFile:
    """Return the settings in a file; the defaults where there is none.

    Raises:
        UsageError: the file cannot be read.
        InvalidDocument: its content is wrong.
    """
    if path is None:
        return LlmFile()
    document = parsed(path)
    try:
        return LlmFile.model_validate(document if document is not None else {})
    except ValidationError as error:
        raise InvalidDocument(f"{path}: {complaint(error, LlmFile)}") from error


def _client(choice: Choice, environment: Mapping[str, str]) -> ClientSettings | None:
    """Return how to reach the model; None where none is to be asked."""
    if choice.planner not in (AUTOMATIC, LLM):
        return None
    if choice.planner == AUTOMATIC and choice.model is None:
        return None
    return client_settings(environment, choice.model)


def _line(name: str, choice: Choice, environment: Mapping[str, str]) -> str:
    if choice.planner != AUTOMATIC:
        return f"planner {name!r}, no language model"
    if any(environment.get(key) for key in ENDPOINT):
        return f"planner {name!r}: an endpoint is set, but no --model, so no language model is asked"
    return f"planner {name!r}: no endpoint is set (OPENAI_BASE_URL or OPENAI_API_KEY, and --model)"


def _adjusted(client: ClientSettings, own: ClientFile) -> ClientSettings:
    values = client.model_dump() | own.model_dump(exclude_none=True)
    try:
        return ClientSettings.model_validate(values)
    except ValidationError as error:
        raise InvalidDocument(f"client: {complaint(error, ClientSettings)}") from error


def _recorder(folder: Path, environment: Mapping[str, str]) -> FlightRecorder:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{folder}: cannot be written: {error.strerror}; give another folder") from error
    return FlightRecorder(folder / FLIGHT, time.time, secrets=secrets_among(environment))
