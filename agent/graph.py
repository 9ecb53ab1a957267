"""The state machine of one turn (DESIGN section 3).

    observe -> forecast -> assess -> plan -> verify -> approve -> apply -> confirm -> record
                             |      ^ |  ^     |           |
                             |  use_tools +- revise        |
                             |    (bounded, then the solver's own answer)
                             +-> recheck -> verify         |
                                    ^                      |
                                    +--- observe <---------+   (agreed to, but what was measured is old)

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

from agent.context import Context
from agent.nodes import act, sense, think
from agent.state import TickState

STEPS_LIMIT = 100
"""More than any turn takes: eleven nodes, two for every round of tools, three for every revision, and
four to look again after a person's answer."""

Machine = CompiledStateGraph[TickState, Context, TickState, TickState]


def build(checkpointer: BaseCheckpointSaver[str]) -> Machine:
    """Return the compiled state machine."""
    graph = StateGraph(TickState, context_schema=Context)
    for name, node in (
        ("observe", sense.observe),
        ("forecast", sense.forecast),
        ("assess", sense.assess_interval),
        ("plan", think.plan),
        ("use_tools", think.use_tools),
        ("verify", think.verify),
        ("revise", think.revise),
        ("approve", act.approve),
        ("recheck", act.recheck),
        ("apply", act.apply),
        ("confirm", act.confirm),
        ("record", act.record),
    ):
        graph.add_node(name, node)
    graph.add_edge(START, "observe")
    graph.add_edge("observe", "forecast")
    graph.add_edge("forecast", "assess")
    graph.add_conditional_edges("assess", after_assess)
    graph.add_conditional_edges("plan", after_plan)
    graph.add_edge("use_tools", "plan")
    graph.add_conditional_edges("verify", after_verify)
    graph.add_conditional_edges("revise", after_revise)
    graph.add_conditional_edges("approve", after_approve)
    graph.add_conditional_edges("recheck", after_recheck)
    graph.add_edge("apply", "confirm")
    graph.add_edge("confirm", "record")
    graph.set_finish_point("record")
    return graph.compile(checkpointer=checkpointer, name="turn")


def after_assess(state: TickState) -> Literal["plan", "recheck", "record"]:
    """Plan, unless there is nothing to plan on, or a person has agreed to something already."""
    if state.get("outcome"):
        return "record"
    return "recheck" if state.get("approval") else "plan"


def after_plan(state: TickState) -> Literal["use_tools", "verify"]:
    """Use the tools the planner waits for."""
    return "use_tools" if state.get("calls") else "verify"


def after_verify(state: TickState) -> Literal["revise", "approve", "apply", "record"]:
    """Revise what was rejected; a person decides first where the mode says so."""
    if state.get("outcome"):
        return "record"
    if state["rulings"][-1]["ruled"] != "accepted":
        return "revise"
    if state["mode"] == "approve" and not state.get("approval"):
        return "approve"
    return "apply"


def after_revise(state: TickState) -> Literal["plan", "verify", "record"]:
    """Check the solver's own answer too, like any other."""
    if state.get("outcome"):
        return "record"
    return "verify" if state.get("last_word") else "plan"


def after_approve(state: TickState) -> Literal["apply", "observe", "record"]:
    """Apply what a person agreed to; after a while only on new measurements."""
    if not state["agreed"]:
        return "record"
    return "observe" if state["aged"] else "apply"


def after_recheck(state: TickState) -> Literal["verify", "record"]:
    """Check it again."""
    return "record" if state.get("outcome") else "verify"
