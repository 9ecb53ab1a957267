"""The two tools that only a talk has: `decision_record`, which reads, and `answer`, which ends it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationError

from agent.explain.account import account
from agent.explain.subject import Subject
from core.tooluse import MOST_RESULT, ToolUse
from core.values import Frozen, Name

RECORD, ANSWER = "decision_record", "answer"
MOST_TEXT = 4000
"""Characters of an answer that are kept."""


class Reading(Frozen):
    """Read what a decision saw, considered, checked and did, and what came of it."""

    decision: Annotated[Name | None, Field(description="id; the one asked about by default")] = None


class Answering(Frozen):
    """Finish: answer the question, with figures from tool results only."""

    text: Annotated[str, Field(min_length=1)]
    evidence: Annotated[tuple[Name, ...], Field(description="ids of tool results, as t1")] = ()


def own_schemas() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return both tools as OpenAI's protocol describes them, `answer` last."""
    return _schema(RECORD, Reading), _schema(ANSWER, Answering)


def record_use(number: int, call: str, arguments: str, subject: Subject) -> ToolUse:
    """Return the record of a decision as a tool's result; a sentence where it cannot be read."""
    try:
        text, ok = _record(Reading.model_validate_json(arguments or "{}").decision, subject), True
    except (ValidationError, LookupError):
        known = ", ".join(d.id for d in (*subject.earlier[-3:], subject.decision, *subject.later[:3]))
        text, ok = json.dumps(f"give the id of a decision nearby, for example: {known}"), False
    result = text[:MOST_RESULT]
    return ToolUse(id=f"t{number}", call=call, tool=RECORD, arguments=arguments, ok=ok, result=result)


def answered(arguments: Mapping[str, Any]) -> Answering | str:
    """Return the answer, or what is wrong with the arguments, in a sentence for the model."""
    try:
        filled = Answering.model_validate(arguments)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        return f"answer: {'.'.join(str(part) for part in first['loc'])[:80]}: {first['msg']}"
    return filled.model_copy(update={"text": filled.text[:MOST_TEXT]})


def _record(wanted: str | None, subject: Subject) -> str:
    """Return the account of a decision as JSON.

    Raises:
        LookupError: it is not at hand.
    """
    decisions = (*subject.earlier, subject.decision, *subject.later)
    name = wanted or subject.decision.id
    index = next((k for k, d in enumerate(decisions) if d.id == name), None)
    if index is None:
        raise LookupError(name)
    found = account(decisions[index], subject.pipeline, decisions[index + 1 :])
    lines = {section.title: section.lines for section in found.sections}
    return json.dumps({"decision": found.head} | lines, ensure_ascii=False)


def _schema(name: str, arguments: type[Frozen]) -> dict[str, Any]:
    """Return a tool whose arguments are texts, or lists of them."""
    schema = arguments.model_json_schema()
    properties = {}
    for key, value in schema["properties"].items():
        kind = {"type": "array", "items": {"type": "string"}} if "items" in value else {"type": "string"}
        described = {"description": value["description"]} if "description" in value else {}
        properties[key] = kind | described
    parameters = {"type": "object", "properties": properties, "required": schema.get("required", [])}
    function = {"name": name, "description": arguments.__doc__, "parameters": parameters}
    return {"type": "function", "function": function}
