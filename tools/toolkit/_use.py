"""Use a tool: JSON in, JSON out, and a sentence instead of an error whatever was asked."""

from __future__ import annotations

import json
import math
import time
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from core.errors import TrimtabError
from core.tooluse import MOST_RESULT, ToolUse
from core.values import Frozen
from tools.toolkit._registry import Tool, known, tool
from tools.toolkit._shapes import harmless
from tools.toolkit.situation import Situation

MOST_ARGUMENTS = 20_000
"""Characters; no honest question is longer."""
DIGITS = 5
"""Significant digits of the figures in a result."""
MOST_FAULTS = 3
"""Faults of the arguments that are named at once."""
MOST_ECHO = 120
"""Characters of a fault or a name that are repeated."""


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
    found = tool(name)
    answer = _unknown(name) if found is None else _answer(found, arguments, situation)
    ok = not isinstance(answer, str)
    result, whole = _shortened(_json(answer) if isinstance(answer, Frozen) else _json_error(answer))
    return ToolUse(
        id=id,
        call=harmless(call, MOST_ECHO).replace(" ", "-") or "unnamed",
        tool=harmless(name, MOST_ECHO),
        arguments=arguments[:MOST_ARGUMENTS],
        ok=ok,
        result=result,
        shows=found.shows(situation) if found is not None and ok and whole else (),
        seconds=time.perf_counter() - started,
    )


def schemas() -> list[dict[str, Any]]:
    """Return the tools as OpenAI's protocol describes functions, always in the same order."""
    found = []
    for name in known():
        known_tool = tool(name)
        if known_tool is not None:
            parameters = compact(known_tool.arguments.model_json_schema())
            function = {"name": name, "description": known_tool.description, "parameters": parameters}
            found.append({"type": "function", "function": function})
    return found


def compact(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a JSON schema without references, titles, nulls and defaults: small servers read only those."""
    found: dict[str, Any] = _compact(schema, schema.get("$defs", {}))
    found.pop("description", None)
    found.setdefault("properties", {})
    return found


def _answer(found: Tool, arguments: str, situation: Situation) -> Frozen | str:
    if len(arguments) > MOST_ARGUMENTS:
        return (
            f"the arguments have {len(arguments)} characters, at most {MOST_ARGUMENTS} are read; ask for less"
        )
    try:
        given = json.loads(arguments) if arguments.strip() else {}
    except (ValueError, RecursionError):
        return f"the arguments of {found.name} are no JSON; give an object such as {{}}"
    if not isinstance(given, dict):
        return f"the arguments of {found.name} must be a JSON object such as {{}}"
    try:
        return found.run(found.arguments.model_validate(given), situation)
    except ValidationError as error:
        return f"{found.name}: {_faults(error)}"
    except TrimtabError as error:
        return harmless(f"{found.name}: {error}")


def _unknown(name: str) -> str:
    near = get_close_matches(name, known(), n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"there is no tool {harmless(name, MOST_ECHO)!r}.{hint} Known: {', '.join(known())}."


def _faults(error: ValidationError) -> str:
    found = []
    for fault in error.errors(include_input=False, include_url=False)[:MOST_FAULTS]:
        where = ".".join(str(part) for part in fault["loc"])
        message = fault["msg"].removeprefix("Value error, ")
        found.append(harmless(f"{where}: {message}" if where else message, MOST_ECHO))
    return "; ".join(found)


def _json(result: Frozen) -> str:
    plain = _rounded(result.model_dump(mode="json", exclude_none=True))
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _json_error(sentence: str) -> str:
    return json.dumps({"error": sentence}, ensure_ascii=False)


def _shortened(text: str) -> tuple[str, bool]:
    """Return the text, cut where it is too long, and whether it is whole."""
    if len(text) <= MOST_RESULT:
        return text, True
    note = json.dumps({"error": "the result is too long; ask for less", "begins": text[: MOST_RESULT // 2]})
    return note[:MOST_RESULT], False


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
    rounded = float(f"{value:.{DIGITS}g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded  # noqa: PLR2004 - exact ints


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
        elif key not in ("$defs", "title", "default", "pattern", "maxLength", "minLength"):
            found[key] = _compact(value, definitions)
    return found
