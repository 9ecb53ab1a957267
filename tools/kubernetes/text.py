"""Objects as YAML that every reader takes for the same: kubectl knows YAML 1.1, we write 1.2."""

from __future__ import annotations

import re
from collections.abc import Iterable
from io import StringIO
from typing import Any

Json = dict[str, Any]

PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./:-]*[A-Za-z0-9_/]|[A-Za-z/]")
NOT_TEXT = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
"""What some reader of YAML takes for something else than text."""
WIDE = 4096
"""No line of a printed object is broken."""


def as_text(objects: Iterable[Json], comment: str) -> str:
    """Return objects as one stream of YAML, a comment first."""
    from ruamel.yaml import YAML  # noqa: PLC0415 - only where YAML is written

    yaml = YAML()
    yaml.width = WIDE
    yaml.explicit_start = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    with StringIO() as file:
        file.write(f"# {comment}\n")
        yaml.dump_all([_quoted(each) for each in objects], file)
        return file.getvalue()


def _quoted(value: Any) -> Any:  # noqa: ANN401 - whatever an object holds
    """Return a value whose texts are quoted wherever a reader might take them for something else."""
    from ruamel.yaml.scalarstring import (  # noqa: PLC0415 - as above
        DoubleQuotedScalarString,
        LiteralScalarString,
    )

    match value:
        case dict():
            return {key: _quoted(each) for key, each in value.items()}
        case list() | tuple():
            return [_quoted(each) for each in value]
        case str() if "\n" in value:
            return LiteralScalarString(value)
        case str() if not PLAIN.fullmatch(value) or value.lower() in NOT_TEXT:
            return DoubleQuotedScalarString(value)
        case _:
            return value
