"""Use a tool: JSON in, JSON out, and a sentence instead of an error whatever was asked."""

from __future__ import annotations

import json
import math
import time
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from core.complaints import complaint
from core.errors import TrimtabError
from core.tooluse import MOST_RESULT, ToolUse
from tools.toolkit._registry import Result, Tool, known, tool
from tools.toolkit._shapes import MOST_LABEL, harmless
from tools.toolkit.situation import Situation

MOST_ARGUMENTS = 8000
"""Characters; a configuration of 64 stages with long names takes less."""
DIGITS = 5
"""Significant digits of the figures in a result."""
LARGE = 10.0**DIGITS
"""From here on the unit digit is kept: a clock may show Unix seconds."""
EXACT_INTEGERS = 2**53
"""Beyond, a float has no unit digit any more."""
NOT_FOR_MODELS = (
    "$defs",
    "title",
    "default",
    "pattern",
    "maxLength",
    "minLength",
    "maxItems",
    "maximum",
    "le",
)
"""What a schema says that a model has no use for: the arguments are validated anyway."""
BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum"}
"""pydantic writes the bounds of a type with a validator of its own in Python's words."""
MOST_FAULT = 400
"""Characters of a sentence that says what is wrong; it may name what is known."""
MOST_SHOWN_OF_LONG = MOST_RESULT // 8
"""Characters of a result that is too long, which are shown: quoting may make six of one."""


def use(*, id: str, call: str, name: str, arguments: str, situation: Situation) -> ToolUse:
    """Use the tool called *name*; nothing that is asked raises, nothing is changed.

    Args:
        id: How a proposal cites the result, `t1`.
        call: The caller's own name for it.
        name: Of the tool.
        arguments: JSON, or what was meant to be.
        situation: What it is asked about.
    """
    started = time.perf_counter()
    answer = _answer(name, arguments, situation)
    result, whole = _shortened(_written(answer))
    ok = isinstance(answer, Result)
    return ToolUse(
        id=id,
        call=_token(call),
        tool=harmless(name, MOST_LABEL),
        arguments=_kept(arguments),
        ok=ok,
        result=result,
        shows=answer.shows() if isinstance(answer, Result) and whole else (),
        seconds=time.perf_counter() - started,
    )


def schemas() -> list[dict[str, Any]]:
    """Return the tools as OpenAI's protocol describes functions, always in the same order."""
    return [_schema(found) for name in known() for found in [tool(name)] if found is not None]


def compact(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a JSON schema without references, titles, nulls and defaults: small servers read only those."""
    found: dict[str, Any] = _compact(schema, schema.get("$defs", {}))
    found.pop("description", None)
    found.setdefault("properties", {})
    return found


def _schema(found: Tool) -> dict[str, Any]:
    parameters = compact(found.arguments.model_json_schema())
    function = {"name": found.name, "description": found.description, "parameters": parameters}
    return {"type": "function", "function": function}


def _answer(name: str, arguments: str, situation: Situation) -> Result | str:
    """Return the result, or a sentence that says why there is none."""
    found = tool(name)
    if found is None:
        return _unknown(name)
    given = _object(arguments)
    if isinstance(given, str):
        return f"{found.name}: {given}"
    try:
        return found.run(found.arguments.model_validate(given), situation)
    except ValidationError as error:
        return harmless(f"{found.name}: {complaint(error, found.arguments)}", MOST_FAULT)
    except TrimtabError as error:
        return harmless(f"{found.name}: {error}", MOST_FAULT)


def _object(arguments: str) -> dict[str, Any] | str:
    """Return what the arguments say, or what is wrong with them."""
    if len(arguments) > MOST_ARGUMENTS:
        return f"the arguments have {len(arguments)} characters; give {MOST_ARGUMENTS} at most"
    try:
        given = json.loads(arguments) if arguments.strip() else {}
    except (ValueError, RecursionError):
        return "the arguments are no JSON; give one object, such as {}"
    return given if isinstance(given, dict) else "the arguments are no object; give one, such as {}"


def _unknown(name: str) -> str:
    shown = harmless(name, MOST_LABEL)
    near = get_close_matches(shown, known(), n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"there is no tool {shown!r}.{hint} Known: {', '.join(known())}."


def _written(answer: Result | str) -> str:
    """Return an answer as JSON; what is at its default is left out, what is unknown is null."""
    if isinstance(answer, str):
        return _json({"error": answer})
    return _json(_rounded(answer.model_dump(mode="json", exclude_defaults=True)))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _shortened(text: str) -> tuple[str, bool]:
    """Return the text, or its beginning where it is too long, and whether it is whole."""
    if len(text) <= MOST_RESULT:
        return text, True
    cut = {
        "error": f"the result has {len(text)} characters; ask for less",
        "begins": text[:MOST_SHOWN_OF_LONG],
    }
    return _json(cut), False


def _kept(arguments: str) -> str:
    """Return what was given, so much of it as is recorded, without what no file can hold."""
    text = arguments if len(arguments) <= MOST_ARGUMENTS else f"{arguments[:MOST_ARGUMENTS]}…"
    return text.encode("utf-8", "replace").decode("utf-8")


def _token(call: str) -> str:
    """Return the caller's name for its call without spaces; it may have none."""
    return harmless(call, MOST_LABEL).replace(" ", "-") or "unnamed"


def _rounded(value: Any) -> Any:  # noqa: ANN401 - JSON-plain
    if isinstance(value, float):
        return _figure(value)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return value


def _figure(value: float) -> float | int | None:
    if not math.isfinite(value):
        return None
    rounded = float(f"{value:.{DIGITS}g}") if abs(value) < LARGE else float(round(value))
    return int(rounded) if rounded.is_integer() and abs(rounded) < EXACT_INTEGERS else rounded


def _compact(schema: Any, definitions: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON schema
    if isinstance(schema, list):
        return [_compact(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        target = definitions[schema["$ref"].rpartition("/")[2]]
        inner = {k: v for k, v in target.items() if k != "description"}
        return _compact(inner | {k: v for k, v in schema.items() if k != "$ref"}, definitions)
    if "anyOf" in schema:
        kept = [option for option in schema["anyOf"] if option != {"type": "null"}]
        if len(kept) == 1:
            return _compact(kept[0] | {k: v for k, v in schema.items() if k != "anyOf"}, definitions)
    found = {}
    for key, value in schema.items():
        if key == "properties":
            found[key] = {name: _compact(item, definitions) for name, item in value.items()}
        elif key not in NOT_FOR_MODELS:
            found[BOUNDS.get(key, key)] = _compact(value, definitions)
    return found
