"""The planners that are judged: by name, or a language model behind an OpenAI-compatible endpoint.

A model is asked in every situation, also a quiet one, where the loop would let the rules decide: else the
rules' answers would be counted as its own. Each turn gets a planner without a past, so that no turn depends
on how an earlier one went (the loop's breaker would leave a model alone that failed three times).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from agent.choosing import LLM, read_settings
from agent.choosing import Choice as Asked
from agent.llm.prices import Prices, read_prices
from agent.llm.recorder import MemoryRecorder
from agent.llm.settings import ClientSettings, PlannerSettings, client_settings
from agent.llm.triggers import Triggers
from agent.planners import Briefing, Planner, Thought, create
from agent.planners.llm import LlmPlanner
from core.complaints import complaint
from core.errors import InvalidDocument, UsageError
from tools.toolkit.situation import Situation

EVERY = "every situation is put to the model"


class Always(Triggers):
    """Asks a model whatever there is."""

    def of(self, situation: Situation) -> tuple[str, ...]:
        """Return the one reason."""
        return (EVERY,)


@dataclass(frozen=True, slots=True)
class Model:
    """A language model under judgement."""

    client: ClientSettings
    planner: PlannerSettings = field(default_factory=PlannerSettings)
    """Its budgets and bounds; the triggers are replaced."""
    prices: Prices = field(default_factory=read_prices)

    @property
    def label(self) -> str:
        """What rows and tables call it."""
        return f"{LLM} {self.client.model}"

    def planner_for_a_turn(self, recorder: MemoryRecorder | None = None) -> LlmPlanner:
        """Return a planner that remembers nothing."""
        settings = self.planner.model_copy(update={"triggers": Always()})
        keeps = recorder or MemoryRecorder(time.time)
        return LlmPlanner(self.client, keeps, settings=settings, prices=self.prices)


@dataclass(slots=True)
class Heard:
    """A planner under judgement; all it said is kept."""

    subject: Planner
    said: list[Thought] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What the record calls it."""
        return self.subject.name

    def plan(self, briefing: Briefing) -> Thought:
        """Pass it on."""
        thought = self.subject.plan(briefing)
        self.said.append(thought)
        return thought


def model_of(choice: Asked, environment: Mapping[str, str]) -> Model | None:
    """Return the model that the environment and a person's choice name; None where no endpoint is set.

    Raises:
        UsageError: an endpoint without a model or the other way round, or a file that cannot be read.
        InvalidDocument: a file's content is wrong.
    """
    client = client_settings(environment, choice.model)
    if client is None:
        return None
    told = read_settings(choice.settings)
    values = client.model_dump() | told.client.model_dump(exclude_none=True)
    try:
        client = ClientSettings.model_validate(values)
    except ValidationError as error:
        raise InvalidDocument(f"client: {complaint(error, ClientSettings)}") from error
    return Model(client, told.planner, read_prices(choice.prices))


def checked(planners: Sequence[str], model: Model | None, known: Sequence[str]) -> tuple[str, ...]:
    """Return the planners' names, each once; `llm` is one where there is a model.

    Raises:
        UsageError: one is not known, there is none, or no model for `llm`.
    """
    if not planners:
        raise UsageError(f"no planner is named; known: {', '.join((*known, LLM))}")
    for name in planners:
        if name == LLM and model is None:
            raise UsageError(
                "planner 'llm' needs a model: set OPENAI_BASE_URL or OPENAI_API_KEY, and --model"
            )
        if name not in (*known, LLM):
            raise UsageError(f"no planner called {name!r}. Known: {', '.join((*known, LLM))}")
    return tuple(dict.fromkeys(planners))


def label_of(planner: str, model: Model | None) -> str:
    """Return what rows and tables call a planner: a model has a name of its own."""
    return model.label if planner == LLM and model is not None else planner


def planner_of(name: str, model: Model | None) -> Planner:
    """Return the planner for one turn.

    Raises:
        UsageError: there is none.
    """
    return model.planner_for_a_turn() if name == LLM and model is not None else create(name)
