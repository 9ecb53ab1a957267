"""The state machine of one turn (DESIGN section 3).

    observe -> forecast -> assess -> plan -> verify -> approve -> apply -> confirm -> record
                                      ^        |
                                      +- revise+   (at most N times, then the solver's own answer)

Routes go by what is in the state: a turn whose outcome is known goes straight to `record`.
"""

from __future__ import annotations

import os

# The checkpoint may hold only what the typed state declares; must be set before langgraph is imported.
os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")

from typing import Literal

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from agent import nodes
from agent.context import Context
from agent.state import TickState

STEPS_LIMIT = 40
"""More than any turn takes: nine nodes and three for every revision."""

Machine = CompiledStateGraph[TickState, Context, TickState, TickState]


def build(checkpointer: BaseCheckpointSaver[str]) -> Machine:
    """Return the compiled state machine."""
    graph = StateGraph(TickState, context_schema=Context)
    for name, node in (
        ("observe", nodes.observe),
        ("forecast", nodes.forecast),
        ("assess", nodes.assess_interval),
        ("plan", nodes.plan),
        ("verify", nodes.verify),
        ("revise", nodes.revise),
        ("approve", nodes.approve),
        ("apply", nodes.apply),
        ("confirm", nodes.confirm),
        ("record", nodes.record),
    ):
        graph.add_node(name, node)
    graph.add_edge(START, "observe")
    graph.add_edge("observe", "forecast")
    graph.add_edge("forecast", "assess")
    graph.add_conditional_edges("assess", after_assess)
    graph.add_edge("plan", "verify")
    graph.add_conditional_edges("verify", after_verify)
    graph.add_conditional_edges("revise", after_revise)
    graph.add_conditional_edges("approve", after_approve)
    graph.add_edge("apply", "confirm")
    graph.add_edge("confirm", "record")
    graph.set_finish_point("record")
    return graph.compile(checkpointer=checkpointer, name="turn")


def after_assess(state: TickState) -> Literal["plan", "record"]:
    """Plan, unless there is nothing to plan on."""
    return "record" if state.get("outcome") else "plan"


def after_verify(
    state: TickState, runtime: Runtime[Context]
) -> Literal["revise", "approve", "apply", "record"]:
    """Revise what was rejected; a person decides first where the mode says so."""
    if state.get("outcome"):
        return "record"
    if not state["verdicts"][-1]["accepted"]:
        return "revise"
    return "approve" if runtime.context.settings.mode == "approve" else "apply"


def after_revise(state: TickState) -> Literal["plan", "verify", "record"]:
    """Check the solver's own answer too, like any other."""
    if state.get("outcome"):
        return "record"
    return "verify" if state.get("last_word") else "plan"


def after_approve(state: TickState) -> Literal["apply", "record"]:
    """Apply what a person agreed to."""
    return "apply" if state["agreed"] else "record"
