"""What `trimtab tool` does: one of the planner's tools, used on what the loop knew in a decision."""

from __future__ import annotations

import json
from pathlib import Path

from agent.situations import latest_situation
from core.tooluse import ToolUse
from tools.toolkit import use

BY_HAND = "by-hand"
"""In place of a model's name for its call."""


def used(data: Path, name: str, arguments: str, *, decision: str | None, as_json: bool) -> bool:
    """Print the result of a tool, and say whether it could answer.

    Raises:
        UsageError: there is no such decision, or it was made without metrics.
        StoreError: the store cannot be read.
    """
    situation = latest_situation(data, decision)
    found = use(id="t1", call=BY_HAND, name=name, arguments=arguments, situation=situation)
    if as_json:
        print(json.dumps(found.model_dump(mode="json"), allow_nan=False))  # noqa: T201 - the output
    else:
        print(_readable(found))  # noqa: T201 - the output
    return found.ok


def _readable(found: ToolUse) -> str:
    """Return the result with one figure a line, as it is where it is no JSON; it steers no terminal."""
    try:
        text = json.dumps(json.loads(found.result), indent=2, ensure_ascii=False)
    except ValueError:
        text = found.result
    return "".join(c if c == "\n" or c.isprintable() else " " for c in text)
