"""A recorded decision as the situation it was made in, so that the tools can read it afterwards.

It is the situation of the end of the turn: where a best effort was due, the problem is the one that was
solved at last. What a decision does not hold itself, the change on trial when it began and the loads before
it, is worked out from the decisions before it, by the functions the loop uses.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from agent.context import REMEMBERED, at_hand
from agent.folder import DECISIONS
from core.assessment import Assessment
from core.calendar import Event, announced_ratio
from core.configuration import Configuration
from core.decision import Decision
from core.errors import UsageError
from core.observation import Observation
from core.pipeline import Pipeline
from core.problem import Problem, VariantName
from core.quarantine import active
from core.solution import Infeasible
from core.solve import solve
from core.trial import Trial, judge
from tools.cadence import horizon_s
from tools.store import DecisionStore
from tools.toolkit.situation import Situation


def situation_of(
    decision: Decision,
    pipeline: Pipeline,
    history: Sequence[Decision],
    events: tuple[Event, ...] | None = None,
) -> Situation:
    """Return the situation that *decision* was made in.

    Args:
        decision: Any that rests on metrics.
        pipeline: The one it was made for.
        history: The decisions before it, oldest first.
        events: What the calendar says; what it said then by default.

    Raises:
        UsageError: the decision was made without metrics, or for another pipeline.
    """
    observation, load_rps, running = _measured(decision)
    if pipeline.digest != decision.pipeline_digest:
        raise UsageError(f"decision {decision.id!r} was made for another version of {pipeline.name!r}")
    events = decision.events if events is None else events
    horizon = float(horizon_s(pipeline, observation.interval_s))
    assessment = Assessment(findings=decision.findings, belief=decision.belief, signals=decision.signals)
    return Situation(
        problem=_problem(decision, pipeline, load_rps, running),
        observation=observation,
        forecast=decision.forecast,
        assessment=assessment,
        running=running,
        time_s=decision.time_s,
        horizon_s=horizon,
        history=tuple(at_hand(d, pipeline) for d in history),
        events=events,
        announced=announced_ratio(
            events,
            [(d.time_s, d.forecast.upper_rps) for d in history if d.forecast is not None],
            load_rps=load_rps,
            now_s=decision.time_s,
            horizon_s=horizon,
        ),
        trial=_trial(history, observation, assessment, decision.time_s),
        quarantine=decision.quarantine,
    )


def latest_situation(data: Path, decision: str | None = None) -> Situation:
    """Return the situation of a decision of a data folder, of the last one by default.

    Raises:
        UsageError: there is no such folder or decision, or it was made without metrics.
        StoreError: the store cannot be read.
    """
    with closing(DecisionStore(data / DECISIONS, read_only=True)) as store:
        found = _latest(store) if decision is None else store.decision(decision)
        _measured(found)
        return situation_of(
            found,
            store.pipeline(found.pipeline_digest),
            remembered_by(found, store.before(found.id, REMEMBERED)),
        )


def remembered_by(decision: Decision, before: Sequence[Decision]) -> tuple[Decision, ...]:
    """Return those of *before* that the loop knew of when it made *decision*, oldest first.

    Where the loop was started anew and its clock with it, what lies in the new clock's future is forgotten:
    that is a decision whose successor by number is earlier. One that waited for a person is recorded late,
    but keeps its number.
    """
    kept, later = [], [decision]
    for one in reversed(before):
        if not any(_number(one) < _number(other) and other.time_s <= one.time_s for other in later):
            kept.append(one)
        later.append(one)
    return tuple(reversed(kept))


def _number(decision: Decision) -> tuple[int, str]:
    return len(decision.id), decision.id


def _latest(store: DecisionStore) -> Decision:
    found = store.latest(1)
    if not found:
        raise UsageError(f"{store.path} holds no decision yet; `trimtab run` makes them")
    return found[0]


def _measured(decision: Decision) -> tuple[Observation, float, Configuration]:
    """Return what was measured, the load decided for, and what ran."""
    if decision.observation is None or decision.load_rps is None or decision.running is None:
        why = decision.note or decision.outcome
        raise UsageError(
            f"decision {decision.id!r} was made without metrics ({why}); name another with --decision, "
            "`trimtab decisions` lists them"
        )
    return decision.observation, decision.load_rps, decision.running


def _problem(decision: Decision, pipeline: Pipeline, load_rps: float, running: Configuration) -> Problem:
    """Return the problem of the turn: without the variants in quarantine, unless nothing is left then."""
    problem = Problem.of(
        pipeline,
        load_rps,
        objective=decision.objective,
        margins=decision.margins,
        belief=decision.belief,
        running=running,
    )
    names = _quarantined(decision)
    if decision.degraded or not names:
        return problem  # a best effort is due where not even these are enough
    without = problem.replaced(excluded=names)
    return problem if isinstance(solve(without), Infeasible) else without


def _quarantined(decision: Decision) -> tuple[VariantName, ...]:
    in_force = active(decision.quarantine, decision.time_s)
    return tuple(dict.fromkeys(name for q in in_force for name in q.variants))


def _trial(
    history: Sequence[Decision], observation: Observation, assessment: Assessment, time_s: float
) -> Trial | None:
    """Judge again what was on trial when the turn began; None where that ended it."""
    carried = history[-1].trial if history else None
    if carried is None:
        return None
    judged = judge(carried, observation, time_s=time_s, blind=assessment.blind)
    return judged if isinstance(judged, Trial) else None
