"""The thinking of one turn by itself: plan, use tools, rule, revise. Nothing is read, applied or recorded.

    turn = think(create("rules"), "video-000012", situation)

It runs the loop's own nodes by the loop's own routes, as in mode `observe`, so a replay or an evaluation
thinks exactly as the loop does. No port is within reach: what a node asked of one would be refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from langgraph.runtime import Runtime

from agent.context import Context, LoopSettings
from agent.graph import STEPS_LIMIT, after_plan, after_revise, after_verify
from agent.nodes import think as nodes
from agent.nodes.shared import plain
from agent.planners import Planner
from agent.state import TickState, candidate_of, planning_of, proposals_of, rulings_of, running_of, uses_of
from core.configuration import Configuration
from core.decision import Outcome
from core.errors import TrimtabError
from core.pipeline import Pipeline
from core.proposal import Proposal
from core.ruling import Ruling
from core.spend import Planning
from core.tooluse import ToolUse
from tools.toolkit.situation import Situation

Node = Callable[[TickState, Runtime[Context]], TickState]
Route = Callable[[TickState], str]
STEPS: dict[str, tuple[Node, Route]] = {
    "plan": (nodes.plan, after_plan),
    "use_tools": (nodes.use_tools, lambda _: "plan"),
    "verify": (nodes.verify, after_verify),
    "revise": (nodes.revise, after_revise),
}
"""The nodes that think, and the way from each; every other name ends the thinking."""


@dataclass(frozen=True, slots=True)
class Rollback:
    """A change that failed: the loop itself brings back what ran before."""

    configuration: Configuration
    reason: str


@dataclass(frozen=True, slots=True)
class Turn:
    """What a planner made of a situation, and what the check made of that."""

    outcome: Outcome
    """`recommended`, `held` or `refused`."""
    chosen: Configuration
    """What would run: what was accepted, or what runs already."""
    proposals: tuple[Proposal, ...] = ()
    """The last may be the loop's own."""
    rulings: tuple[Ruling, ...] = ()
    uses: tuple[ToolUse, ...] = ()
    planning: Planning = field(default_factory=Planning)
    degraded: bool = False
    note: str = ""


def think(
    planner: Planner,
    decision: str,
    situation: Situation,
    *,
    settings: LoopSettings | None = None,
    rollback: Rollback | None = None,
) -> Turn:
    """Return what *planner* comes to in *situation*, within the bounds of the loop.

    Args:
        planner: It may be asked several times.
        decision: Id of the turn.
        situation: What it may know.
        settings: The loop's; margins and interval are those of the situation.
        rollback: What the loop has to bring back in this turn.

    Raises:
        TrimtabError: whatever a planner, a tool or a solver reports.
    """
    context = _context(planner, situation, settings or LoopSettings())
    state, step = _state(decision, situation, rollback), "plan"
    for _ in range(STEPS_LIMIT):
        node, route = STEPS[step]
        state.update(node(state, Runtime(context=context)))
        step = route(state)
        if step not in STEPS:
            return _turn(state)
    raise TrimtabError(f"turn {decision!r} did not end within {STEPS_LIMIT} steps; report this as a bug")


@dataclass(frozen=True, slots=True)
class _Unreachable:
    """Stands where the loop has a port."""

    port: str

    def __getattr__(self, name: str) -> NoReturn:
        raise TrimtabError(f"thinking reached for {self.port}.{name}: report this as a bug")


def _context(planner: Planner, situation: Situation, settings: LoopSettings) -> Context:
    problem = situation.problem
    ports: dict[str, Any] = {
        port: _Unreachable(port)
        for port in ("metrics", "actuator", "forecaster", "assessor", "store", "requests", "heeding")
    }
    return Context(
        **ports,
        pipeline=problem.pipeline,
        planner=planner,
        clock=lambda: situation.time_s,
        unix=lambda: 0.0,
        calendar=lambda: situation.events,
        settings=replace(settings, margins=problem.margins, interval_s=_interval_s(situation)),
        earlier=situation.history,
    )


def _interval_s(situation: Situation) -> int:
    """Return the seconds between decisions: what the horizon has beyond the slowest start."""
    slowest_s = _slowest_start_s(situation.problem.pipeline)
    return max(1, math.floor(situation.horizon_s - slowest_s))


def _slowest_start_s(pipeline: Pipeline) -> float:
    return max(variant.load_time_s for stage in pipeline.stages for variant in stage.variants)


def _state(decision: str, situation: Situation, rollback: Rollback | None) -> TickState:
    problem, observation, forecast = situation.problem, situation.observation, situation.forecast
    state: TickState = {
        "id": decision,
        "time_s": situation.time_s,
        "mode": "observe",
        "running": plain(situation.running),
        "decided_rps": problem.load_rps,
        "observation": None if observation is None else plain(observation),
        "forecast": None if forecast is None else plain(forecast),
        "assessment": plain(situation.assessment),
        "events": [plain(event) for event in situation.events],
        "load_rps": problem.load_rps,
        "excluded": [plain(name) for name in problem.excluded],
        "trial": None if situation.trial is None else plain(situation.trial),
        "quarantine": [plain(q) for q in situation.quarantine],
        "note": "",
    }
    if problem.objective != problem.pipeline.objective:
        state["objective"] = plain(problem.objective)
    if rollback is not None:
        state["rollback"], state["failure"] = plain(rollback.configuration), rollback.reason
    return state


def _turn(state: TickState) -> Turn:
    outcome = state["outcome"]
    return Turn(
        outcome=outcome,
        chosen=candidate_of(state) if outcome == "recommended" else running_of(state),
        proposals=proposals_of(state),
        rulings=rulings_of(state),
        uses=uses_of(state),
        planning=planning_of(state),
        degraded=state.get("degraded", False),
        note=state.get("note", ""),
    )
