"""The tools by name: one decorator in the tool's own file puts it here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from core.values import Frozen
from tools.toolkit.situation import Situation


class Result(Frozen):
    """What a tool answers. A field without a default is always there, null where it is unknown."""

    def shows(self) -> tuple[str, ...]:
        """Return the causes (`core.proposal.CAUSES`) that this result is evidence for: what stands in it."""
        return ()


Arguments = TypeVar("Arguments", bound=Frozen)
Run = Callable[[Arguments, Situation], Result]


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool: it answers about a situation and changes nothing."""

    name: str
    description: str
    """What a model reads."""
    arguments: type[Frozen]
    run: Callable[[Frozen, Situation], Result]


_tools: dict[str, Tool] = {}


def register(name: str, arguments: type[Arguments]) -> Callable[[Run[Arguments]], Run[Arguments]]:
    """Register a tool under *name*; its docstring is the description. A name taken twice is a bug."""

    def keep(run: Run[Arguments]) -> Run[Arguments]:
        if name in _tools:
            raise ValueError(f"two tools are called {name!r}")
        description = " ".join((run.__doc__ or "").split())
        _tools[name] = Tool(name, description, arguments, run)  # type: ignore[arg-type] # read as *arguments*
        return run

    return keep


def known() -> tuple[str, ...]:
    """Return every registered name, in the order of registration."""
    return tuple(_tools)


def tool(name: str) -> Tool | None:
    """Return the tool called *name*, if there is one."""
    return _tools.get(name)
