"""A validation error in plain words: the path as the file writes it, what is wrong, the fix."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

UNITS = {
    "latency": "seconds",
    "loadTime": "seconds",
    "median": "seconds",
    "throughput": "requests per second",
    "cores": "CPU cores",
    "maxCores": "CPU cores",
    "accuracy": "a fraction such as 0.9",
    "minAccuracy": "a fraction such as 0.9",
}
_MAPPING = "must be a mapping, not {shown}"
_LIST = "must be a list, not {shown}"
_NUMBER = "must be a number, not {shown}{unit}"
_WHOLE = "must be a whole number, not {shown}"
_NAME = "must be a name of 1 to 253 characters without spaces, not {shown}"
MESSAGES = {
    "missing": "is missing; add it",
    "too_short": "is empty; give at least one entry",
    "greater_than": "must be above {gt:g}, not {shown}{unit}",
    "greater_than_equal": "must be at least {ge:g}, not {shown}{unit}",
    "less_than": "must be below {lt:g}, not {shown}{unit}",
    "less_than_equal": "must be at most {le:g}, not {shown}{unit}",
    "finite_number": "must be a finite number, not {shown}{unit}",
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "literal_error": "must be {expected}, not {shown}",
    "tuple_type": _LIST,
    "list_type": _LIST,
    "model_type": _MAPPING,
    "dict_type": _MAPPING,
    "mapping_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "string_type": "must be text, not {shown}; put quotes around it",
    "string_pattern_mismatch": _NAME,
    "string_too_short": _NAME,
    "string_too_long": _NAME,
}
"""What to say of each kind of error pydantic reports in these models."""

MAX_SHOWN = 60
"""Characters of an offending value that a message repeats."""


def complaint(error: ValidationError, model: type[BaseModel]) -> str:
    """Return one line about the first error, saying how many more there are."""
    details = [d for d in error.errors(include_url=False) if not _follows(d)]
    first = details[0]
    path = path_of(first["loc"])
    text = f"{path}: {_what(first, model)}" if path else _what(first, model)
    more = len(details) - 1
    return text if not more else f"{text} (and {more} more)"


def _follows(error: ErrorDetails) -> bool:
    """Say whether pydantic counts a list as empty only because its entries are wrong."""
    return error["type"] == "too_short" and bool(error["input"])


def path_of(location: Sequence[str | int]) -> str:
    """Return a location as `spec.stages[1].variants[0].accuracy`."""
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{_key(part)}"
    return path.removeprefix(".")


def _key(part: str) -> str:
    """Return a key as it is where it keeps to the line, else as `_shown`."""
    return part if part.isprintable() and len(part) <= MAX_SHOWN else _shown(part)


def _what(error: ErrorDetails, model: type[BaseModel]) -> str:
    context = error.get("ctx", {})
    if error["type"] == "extra_forbidden":
        return f"unknown field{_known_fields(error['loc'], model)}"
    if error["type"] == "value_error" and "error" in context:
        return str(context["error"])
    field = str(error["loc"][-1]) if error["loc"] else ""
    template = MESSAGES.get(error["type"], "{message}, not {shown}")
    message = f"{error['msg'][:1].lower()}{error['msg'][1:]}"
    return template.format(
        **(context | {"message": message, "shown": _shown(error["input"]), "unit": _unit(field)})
    )


def _unit(field: str) -> str:
    return f"; give {UNITS[field]}" if field in UNITS else ""


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def _known_fields(location: Sequence[str | int], model: type[BaseModel]) -> str:
    """Return what could have been meant by the unknown last part of *location*."""
    owner = _model_at(location[:-1], model)
    if owner is None:
        return "; remove it"
    names = [info.alias or name for name, info in owner.model_fields.items()]
    close = get_close_matches(str(location[-1]), names, n=1)
    did_you_mean = f"; did you mean {close[0]!r}?" if close else ";"
    return f"{did_you_mean} known: {', '.join(names)}"


def _model_at(location: Sequence[str | int], model: type[BaseModel]) -> type[BaseModel] | None:
    found: type[BaseModel] | None = model
    for part in location:
        if isinstance(part, int) or found is None:
            continue
        named = {info.alias or name: info for name, info in found.model_fields.items()}
        found = _model_in(named[part].annotation) if part in named else None
    return found


def _model_in(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - whatever a field declares
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_model_in(argument) for argument in get_args(annotation))
    return next((m for m in inner if m is not None), None)
