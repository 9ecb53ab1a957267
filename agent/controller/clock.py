"""The loop's clock of a pipeline on Kubernetes: seconds since its first start, across restarts."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from core.errors import StoreError
from core.values import Frozen, NonNegative
from pipelines.files import replaced

FILE = "clock.json"
LIFE_BYTES = 4
"""Enough that two stores of one pipeline never share a mark."""


class Birth(Frozen):
    """When a data folder was first used."""

    zero: NonNegative
    """Unix time of second 0."""
    life: str
    """Mark of this data folder: a new one's decisions begin at 1 again, and are not the old ones."""


@dataclass(slots=True)
class Clock:
    """Never goes back, whatever is done to the machine's clock."""

    birth: Birth
    unix: Callable[[], float]
    _last_s: float = field(default=0.0)

    def __call__(self) -> float:
        """Return the seconds since the birth."""
        self._last_s = max(self._last_s, self.unix() - self.birth.zero)
        return self._last_s


def birth_of(folder: Path, unix: Callable[[], float]) -> Birth:
    """Return when a data folder was first used; that is now where it is new.

    Raises:
        StoreError: the file cannot be read or written.
    """
    path = folder / FILE
    try:
        if path.exists():
            return Birth.model_validate_json(path.read_bytes())
        born = Birth(zero=unix(), life=secrets.token_hex(LIFE_BYTES))
        replaced(path, born.model_dump_json(), sync="none")
    except OSError as error:
        raise StoreError(f"{path}: cannot be used: {error.strerror}") from error
    except ValidationError as error:
        raise StoreError(f"{path}: is damaged; move the folder away to start anew") from error
    return born
