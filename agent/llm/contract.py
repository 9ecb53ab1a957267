"""The one tool that ends a turn, `propose`: what a model has to fill in, and what becomes of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from core.configuration import Configuration, StageConfiguration
from core.proposal import MOST_TEXT, Ask, Cause, Proposal
from core.values import Fraction, Frozen, Name
from tools.toolkit import compact

PROPOSE = "propose"
MOST_COMPLAINTS = 3
"""Faults a model is told of at once."""
MOST_MESSAGE = 160
"""Characters of each."""


class Proposing(Frozen):
    """Finish: say what to do. It is checked before anything is applied."""

    action: Literal["hold", "solve", "configure"]
    cause: Cause
    diagnosis: Annotated[str, Field(description="what is going on, in a sentence or two")] = ""
    rationale: Annotated[str, Field(description="why this action, in a sentence or two")]
    evidence: Annotated[tuple[Name, ...], Field(description="ids of tool results, as t1")] = ()
    confidence: Fraction | None = None
    ask: Annotated[Ask | None, Field(description="with solve: what to change")] = None
    stages: Annotated[tuple[StageConfiguration, ...], Field(description="with configure: every stage")] = ()

    @model_validator(mode="after")
    def _fits_its_action(self) -> Proposing:
        if self.action == "configure" and not self.stages:
            raise ValueError("action configure needs stages: variant, batch and replicas of every stage")
        if self.action != "configure" and self.stages:
            raise ValueError(f"action {self.action} takes no stages")
        if self.action != "solve" and self.ask is not None and self.ask != Ask():
            raise ValueError(f"action {self.action} takes no ask")
        return self


def proposal_of(arguments: dict[str, Any]) -> Proposal | str:
    """Return the proposal, or what is wrong with the arguments, in a sentence for the model."""
    try:
        filled = Proposing.model_validate(arguments)
        return Proposal(
            configuration=Configuration(stages=filled.stages) if filled.action == "configure" else None,
            ask=(filled.ask or Ask()) if filled.action == "solve" else None,
            rationale=filled.rationale[:MOST_TEXT],
            diagnosis=filled.diagnosis[:MOST_TEXT],
            cause=filled.cause,
            confidence=filled.confidence,
            evidence=filled.evidence,
        )
    except ValidationError as error:
        return f"propose: {'; '.join(_faults(error))}"


def propose_schema() -> dict[str, Any]:
    """Return the tool as OpenAI's protocol describes one, as short as it can be."""
    parameters = compact(Proposing.model_json_schema())
    function = {"name": PROPOSE, "description": Proposing.__doc__, "parameters": parameters}
    return {"type": "function", "function": function}


def _faults(error: ValidationError) -> list[str]:
    found = []
    for fault in error.errors(include_input=False, include_url=False)[:MOST_COMPLAINTS]:
        where = ".".join(str(part) for part in fault["loc"])[:MOST_MESSAGE]
        message = fault["msg"].removeprefix("Value error, ")[:MOST_MESSAGE]
        found.append(f"{where}: {message}" if where else message)
    return found
