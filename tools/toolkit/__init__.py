"""The typed tools a planner sees: all of them read a `Situation`, none of them writes anything.

    done = use(id="t1", call="c1", name="solve", arguments='{"load_factor": 2}', situation=situation)
    done.ok, done.result          # True, JSON

A new tool is one file with `@register(...)` and its name in the import below. The terminal tool `propose`
is no tool of these: it ends a planner's turn (`agent.llm.contract`), and never runs.
"""

from tools.toolkit import (
    cluster_status,
    decision_history,
    forecast_load,
    frontier,
    read_metrics,
    solve,
    upcoming_events,
    verify_configuration,
)
from tools.toolkit._registry import known as names
from tools.toolkit._use import compact, schemas, use

__all__ = [
    "cluster_status",
    "compact",
    "decision_history",
    "forecast_load",
    "frontier",
    "names",
    "read_metrics",
    "schemas",
    "solve",
    "upcoming_events",
    "use",
    "verify_configuration",
]
