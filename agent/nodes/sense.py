"""Nodes that read: what was measured, what is to come, what is out of the ordinary."""

from __future__ import annotations

from langgraph.runtime import Runtime

from agent.context import Context
from agent.nodes.shared import plain
from agent.state import Json, TickState, forecast_of, observation_of, running_of
from core.assessment import Assessment, Finding
from core.configuration import Configuration
from core.errors import MetricsUnavailable
from core.forecast import Forecast
from core.observation import Observation
from core.pace import needed_rps
from core.problem import Problem
from core.quarantine import active, quarantined, remembered, shortages
from core.solution import Infeasible
from core.solve import solve
from core.trial import Failed, Kept, Quarantine, Trial, judge
from tools.assess import Moment


def observe(state: TickState, runtime: Runtime[Context]) -> TickState:
    """Read what was measured, and what was last asked for."""
    context = runtime.context
    desired, moved = context.actuator.desired(), context.mode()
    found: TickState = {
        "time_s": context.clock(),
        "mode": state.get("mode") or moved.mode,
        "mode_reason": moved.reason,
        "running": plain(desired.configuration),
        "decided_rps": desired.load_rps,
        "note": "",
    }
    try:
        return {**found, "observation": plain(context.metrics.observe())}
    except MetricsUnavailable as error:
        return {**found, "observation": None, "note": f"held: {error}"}


def forecast(state: TickState, runtime: Runtime[Context]) -> TickState:
    """Tell the forecaster what was seen, missing samples included, and ask it."""
    context, observation = runtime.context, observation_of(state)
    missing = [None] * context.settings.interval_s
    context.forecaster.observe(missing if observation is None else observation.loads_rps)
    try:
        return {"forecast": plain(context.forecaster.forecast(context.horizon_s))}
    except MetricsUnavailable as error:
        return {"forecast": None, "note": state.get("note") or f"held: {error}"}


def assess_interval(state: TickState, runtime: Runtime[Context]) -> TickState:
    """Say what is out of the ordinary. Without metrics or forecast the turn ends in holding still."""
    context, observation, expected = runtime.context, observation_of(state), forecast_of(state)
    assessment = context.assessor.assess(_moment(state, context, observation, expected))
    found: TickState = {
        "events": [plain(e) for e in context.calendar() if e.end_s > state["time_s"]],
        **_carried(context, running_of(state), state["time_s"]),
    }
    if observation is None or expected is None:
        return {**found, "assessment": plain(_missing(assessment, state, context)), "outcome": "held"}
    assessment = _warming(assessment, context, observation)
    found = {**found, **_tried(found, observation, assessment, state["time_s"])}
    assessment = _short(assessment, found, state["time_s"])
    found = {
        **found,
        "assessment": plain(assessment),
        "load_rps": _load_rps(context, expected, observation, state),
    }
    return {**found, "excluded": _excluded(found, state, context, assessment)}


def _moment(
    state: TickState, context: Context, observation: Observation | None, expected: Forecast | None
) -> Moment:
    return Moment(
        time_s=state["time_s"],
        observation=observation,
        forecast=expected,
        running=running_of(state),
        decided_rps=state["decided_rps"],
        settled=context.settled(),
        applied=context.applied(),
    )


def _missing(assessment: Assessment, state: TickState, context: Context) -> Assessment:
    """Return the assessment with the one finding that ends the turn first."""
    others = tuple(f for f in assessment.findings if f.kind != "missing metrics")
    missing = Finding(kind="missing metrics", subject=context.pipeline.name, statement=state["note"])
    return assessment.model_copy(update={"findings": (missing, *others)})


def _warming(assessment: Assessment, context: Context, observation: Observation) -> Assessment:
    """Return the assessment, with the finding that not enough was seen since the start, if that is so."""
    seen_s = context.observed_s + sum(rate is not None for rate in observation.loads_rps)
    needed_s = max(context.horizon_s, context.settings.pace.stabilisation_s)
    if seen_s >= needed_s:
        return assessment
    warming = Finding(
        kind="warming up",
        subject=context.pipeline.name,
        statement=f"{seen_s:g} s of load seen, {needed_s:g} s are one full window",
    )
    return assessment.model_copy(update={"findings": (*assessment.findings, warming)})


def _carried(context: Context, running: Configuration, time_s: float) -> TickState:
    """Return what the last decision left: the change on trial, and what is in quarantine still.

    A change that something else has undone or overwritten is on trial no more.
    """
    last = context.last()
    if last is None:
        return {"trial": None, "quarantine": []}
    kept = remembered(last.quarantine, time_s)
    return {
        "trial": None if last.trial is None or last.trial.after != running else plain(last.trial),
        "quarantine": [plain(q) for q in kept],
    }


def _tried(found: TickState, observation: Observation, assessment: Assessment, time_s: float) -> TickState:
    """Judge the change on trial: it goes on, is kept, or its forerunner comes back."""
    if found["trial"] is None:
        return {}
    match judge(Trial.model_validate(found["trial"]), observation, time_s=time_s, blind=assessment.blind):
        case Trial() as trial:
            return {"trial": plain(trial)}
        case Kept():
            return {"trial": None}
        case Failed() as failed:
            before = tuple(Quarantine.model_validate(q) for q in found["quarantine"])
            quarantine = quarantined(before, failed, time_s=time_s)
            return {
                "trial": None,
                "quarantine": [plain(q) for q in quarantine],
                "failure": f"the change of {failed.trial.decision} failed: {failed.evidence}",
                "rollback": plain(failed.trial.before),
            }


def _short(assessment: Assessment, found: TickState, time_s: float) -> Assessment:
    """Return the assessment with what failed changes have shown cannot be had."""
    caps = shortages(tuple(Quarantine.model_validate(q) for q in found["quarantine"]), time_s)
    if not caps:
        return assessment
    belief = assessment.belief.model_copy(update={"capacity": (*assessment.belief.capacity, *caps)})
    return assessment.model_copy(update={"belief": belief})


def _load_rps(context: Context, expected: Forecast, observation: Observation, state: TickState) -> float:
    """Return the load to decide for."""
    return needed_rps(
        context.pipeline,
        expected,
        [(d.time_s, d.forecast.upper_rps) for d in context.history if d.forecast is not None],
        observation=observation,
        running=running_of(state),
        now_s=state["time_s"],
        window_s=context.settings.pace.stabilisation_s,
    )


def _excluded(found: TickState, state: TickState, context: Context, assessment: Assessment) -> list[Json]:
    """Return the variants in quarantine; none where the problem has no answer without them."""
    quarantine = tuple(Quarantine.model_validate(q) for q in found["quarantine"])
    names = dict.fromkeys(name for q in active(quarantine, state["time_s"]) for name in q.variants)
    if not names:
        return []
    problem = Problem.of(
        context.pipeline,
        found["load_rps"],
        margins=context.margins,
        belief=assessment.belief,
        running=running_of(state),
        excluded=tuple(names),
    )
    return [] if isinstance(solve(problem), Infeasible) else [plain(name) for name in names]
