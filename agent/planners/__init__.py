"""Planners: what turns a briefing into a proposal. A new one is one file and one line in `_KNOWN`.

    planner = create("rules")
    proposal = planner.plan(briefing)

Whatever a planner proposes is checked before it is applied, so a planner can be wrong but do no harm.
"""

from __future__ import annotations

from collections.abc import Callable

from agent.planners.briefing import Briefing, Planner, Thought, ToolCall
from agent.planners.exact import ExactPlanner
from agent.planners.rules import RulesPlanner
from core.errors import UsageError

__all__ = ["Briefing", "Planner", "Thought", "ToolCall", "create", "names"]

_KNOWN: dict[str, Callable[[], Planner]] = {"ilp": ExactPlanner, "rules": RulesPlanner}


def create(name: str) -> Planner:
    """Return the planner called *name*.

    Raises:
        UsageError: there is none.
    """
    if name not in _KNOWN:
        raise UsageError(f"no planner called {name!r}. Known: {', '.join(names())}")
    return _KNOWN[name]()


def names() -> tuple[str, ...]:
    """Return the names of all planners."""
    return tuple(sorted(_KNOWN))
