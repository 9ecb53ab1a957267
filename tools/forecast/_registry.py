"""The methods by name: one decorator in the method's own file puts it here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Protocol

from core.errors import UsageError
from tools.forecast._windows import Window

MEDIAN = 0.5
"""The quantile that a point forecast is."""
Numbers = Mapping[str, list[float]]
"""What a method has learned, JSON-plain."""


@dataclass(frozen=True, slots=True)
class Guess:
    """What a method says of one window, before calibration."""

    point_rps: float
    base_rps: float
    """What the conformal margin is put on: the point, or a first idea of the upper quantile."""
    note: str = ""
    """What the method fell back to, and why; empty when it did what its name says."""
    parts: tuple[float, ...] = ()
    """What a method made of methods needs when the target is known."""


class Method(Protocol):
    """A way to guess the maximum over one fixed horizon from one window. One per horizon."""

    def guess(self, window: Window) -> Guess:
        """Guess from *window*, of which at least one block is known."""
        ...

    def learn(self, window: Window, guess: Guess, target_rps: float) -> None:
        """Take in that *window*, for which *guess* was made, was followed by *target_rps*."""
        ...

    def numbers(self) -> Numbers:
        """Return everything learned."""
        ...

    def take(self, numbers: Numbers) -> None:
        """Continue from what `numbers` returned."""
        ...


Maker = Callable[[int, float], Method]
"""Makes a method for a horizon in whole seconds and a quantile."""

_makers: dict[str, Maker] = {}


def register(name: str) -> Callable[[Maker], Maker]:
    """Register a method's maker, usually its class, under *name*; a name taken twice is a bug."""

    def keep(maker: Maker) -> Maker:
        if name in _makers:
            raise ValueError(f"two forecasters are called {name!r}")
        _makers[name] = maker
        return maker

    return keep


def known() -> tuple[str, ...]:
    """Return every registered name, sorted."""
    return tuple(sorted(_makers))


def maker_of(name: str) -> Maker:
    """Return the maker called *name*, or raise `UsageError` with the nearest name."""
    if name not in _makers:
        near = get_close_matches(name, _makers, n=1, cutoff=0.5)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise UsageError(f"no forecaster called {name!r}.{hint} Known: {', '.join(known())}.")
    return _makers[name]
