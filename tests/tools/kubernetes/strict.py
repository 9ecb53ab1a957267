"""Whether an API server took every field of an object: before 1.25 it drops what it does not know unsaid."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

Json = dict[str, Any]
SUFFIXES = {"m": Decimal("0.001"), "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30)}


def lost(sent: Any, taken: Any, path: str = "") -> Iterator[str]:  # noqa: ANN401 - any part of an object
    """Yield the paths of what was sent and is not in the answer as it was sent, quantities by their value."""
    match sent, taken:
        case dict(), dict():
            for key, value in sent.items():
                if key not in taken:
                    if value is not False:  # which is as good as nothing
                        yield f"{path}.{key} is gone"
                else:
                    yield from lost(value, taken[key], f"{path}.{key}")
        case list(), list():
            if len(sent) != len(taken):
                yield f"{path} has {len(taken)} items, not {len(sent)}"
            for k, (one, other) in enumerate(zip(sent, taken, strict=False)):
                yield from lost(one, other, f"{path}[{k}]")
        case _:
            if sent != taken and quantity(sent) != quantity(taken):
                yield f"{path} is {taken!r}, not {sent!r}"


def quantity(value: object) -> Decimal | str:
    """Return the value of a quantity; other texts as they are."""
    text = str(value)
    for suffix, factor in SUFFIXES.items():
        if text.endswith(suffix) and text.removesuffix(suffix).isdigit():
            return Decimal(text.removesuffix(suffix)) * factor
    return Decimal(text) if text.isdigit() else text
