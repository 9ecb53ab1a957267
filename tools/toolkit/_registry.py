"""The tools by name: one decorator in the tool's own file puts it here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from core.values import Frozen
from tools.toolkit.situation import Situation

Arguments = TypeVar("Arguments", bound=Frozen)
Run = Callable[[Arguments, Situation], Frozen]
Shows = Callable[[Situation], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool: it answers about a situation and changes nothing."""

    name: str
    description: str
    """What a model reads."""
    arguments: type[Frozen]
    run: Callable[[Frozen, Situation], Frozen]
    shows: Shows
    """The causes that its result is evidence for."""


_tools: dict[str, Tool] = {}


def nothing(_: Situation) -> tuple[str, ...]:
    """Show no cause."""
    return ()


def kinds(*wanted: str) -> Shows:
    """Return what shows those of *wanted* that were found in this turn."""

    def shows(situation: Situation) -> tuple[str, ...]:
        found = {finding.kind for finding in situation.assessment.findings}
        return tuple(kind for kind in wanted if kind in found)

    return shows


def register(
    name: str, arguments: type[Arguments], shows: Shows = nothing
) -> Callable[[Run[Arguments]], Run[Arguments]]:
    """Register a tool under *name*; its docstring is the description. A name taken twice is a bug."""

    def keep(run: Run[Arguments]) -> Run[Arguments]:
        if name in _tools:
            raise ValueError(f"two tools are called {name!r}")
        description = " ".join((run.__doc__ or "").split())
        _tools[name] = Tool(name, description, arguments, run, shows)  # type: ignore[arg-type]
        return run

    return keep


def known() -> tuple[str, ...]:
    """Return every registered name, in the order of registration."""
    return tuple(_tools)


def tool(name: str) -> Tool | None:
    """Return the tool called *name*, if there is one."""
    return _tools.get(name)
