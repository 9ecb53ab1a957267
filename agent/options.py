"""What the command line accepts as loads and figures; every refusal is one line with the fix."""

from __future__ import annotations

import math

from core.errors import UsageError
from core.values import LEAST_STATED


def loads(text: str) -> tuple[float, ...]:
    """Return the loads of a comma-separated list, in requests per second.

    Raises:
        UsageError: one of them is not a positive, finite number.
    """
    return tuple(positive(part.strip(), "--load", "requests per second") for part in text.split(","))


def positive(text: str, option: str, unit: str) -> float:
    """Return a positive, finite number.

    Raises:
        UsageError: it is not one, or too small to divide by.
    """
    try:
        value = float(text)
    except ValueError as error:
        raise UsageError(f"{option}: {text!r} is not a number; give {unit}, such as 12.5") from error
    if not math.isfinite(value) or value < LEAST_STATED:
        raise UsageError(f"{option}: {text!r} must be a finite number above 0, in {unit}")
    return value
