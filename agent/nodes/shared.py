"""What several nodes work out from the state: the problem, the situation, the evidence."""

from __future__ import annotations

from agent.context import Context
from agent.state import (
    Json,
    TickState,
    assessment_of,
    events_of,
    forecast_of,
    objective_of,
    observation_of,
    quarantine_of,
    running_of,
    trial_of,
    uses_of,
)
from core.calendar import announced_ratio
from core.problem import Problem, VariantName
from core.ruling import Grounds
from core.values import Frozen
from tools.toolkit.situation import Situation


def plain(value: Frozen) -> Json:
    """Return a value as JSON-plain data."""
    return value.model_dump(mode="json")


def problem_of(state: TickState, context: Context) -> Problem:
    """Return the problem of this turn."""
    return Problem.of(
        context.pipeline,
        state["load_rps"],
        objective=objective_of(state),
        margins=context.margins,
        belief=assessment_of(state).belief,
        running=running_of(state),
        excluded=tuple(VariantName.model_validate(e) for e in state.get("excluded", [])),
    )


def situation_of(state: TickState, context: Context) -> Situation:
    """Return what the tools and the planner may read."""
    return Situation(
        problem=problem_of(state, context),
        observation=observation_of(state),
        forecast=forecast_of(state),
        assessment=assessment_of(state),
        running=running_of(state),
        time_s=state["time_s"],
        horizon_s=context.horizon_s,
        history=context.recent(),
        events=events_of(state),
        announced=announced_of(state, context),
        trial=trial_of(state),
        quarantine=quarantine_of(state),
    )


def announced_of(state: TickState, context: Context) -> float:
    """Return how many times the load of the turn the calendar lets a proposal ask for."""
    earlier = [(d.time_s, d.forecast.upper_rps) for d in context.recent() if d.forecast is not None]
    return announced_ratio(
        events_of(state),
        earlier,
        load_rps=state["load_rps"],
        now_s=state["time_s"],
        horizon_s=context.horizon_s,
    )


def grounds_of(state: TickState, context: Context) -> Grounds:
    """Return the evidence of this turn."""
    return Grounds(
        findings=assessment_of(state).findings,
        announced=announced_of(state, context),
        shown={use.id: frozenset(use.shows) for use in uses_of(state) if use.ok},
    )
