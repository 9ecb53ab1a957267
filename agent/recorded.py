"""A decision as it is on record, and the turn it was made in, opened again: what was known before thinking.

Nothing here writes. What a decision does not hold itself, the failure of a change on trial and the load
before anything was given up, is worked out from the decisions before it, by the functions the loop uses.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from agent.context import REMEMBERED, LoopSettings
from agent.folder import DECISIONS, FLIGHT
from agent.situations import remembered_by, situation_of
from agent.turn import Rollback, Turn
from core.assessment import Assessment
from core.configuration import Configuration
from core.decision import Decision
from core.errors import UsageError
from core.forecast import Forecast
from core.observation import Observation
from core.pace import needed_rps
from core.pipeline import Pipeline
from core.trial import Failed, judge
from tools.flight import Entry, FlightRecorder
from tools.store import DecisionStore
from tools.toolkit.situation import Situation


@dataclass(frozen=True, slots=True)
class Recorded:
    """One decision with all that is on record around it."""

    decision: Decision
    pipeline: Pipeline
    history: tuple[Decision, ...] = ()
    """Decisions of the pipeline before it, oldest first."""
    entries: tuple[Entry, ...] = ()
    """What was said to and by a model; empty where none was asked, or the flight recorder is gone."""

    @property
    def caveats(self) -> Iterator[str]:
        """Yield why the turn may not be the recorded one in every detail."""
        if self.decision.approval is not None:
            yield "a person answered after the planner was asked: what was measured by then is on record"
        if self.decision.outcome == "abandoned":
            yield "the turn was cut off: not all of it is on record"
        if self.decision.planning.model is not None and not self.entries:
            yield "the flight recorder has nothing of this decision: it was pruned or removed"

    def turn(self) -> Turn:
        """Return what came of it, apart from whether it was applied."""
        decision, rulings = self.decision, self.decision.rulings
        running = _running(decision)
        accepted = bool(rulings) and rulings[-1].ruled == "accepted" and decision.outcome != "held"
        return Turn(
            outcome="recommended" if accepted else "held" if decision.outcome == "held" else "refused",
            chosen=(rulings[-1].candidate or running) if accepted else running,
            proposals=decision.proposals,
            rulings=rulings,
            uses=decision.uses,
            planning=decision.planning,
            degraded=decision.degraded,
            note=decision.note,
        )

    def situation(self, settings: LoopSettings) -> Situation:
        """Return what the planner could know: the turn before anything was given up.

        Raises:
            UsageError: the turn ended before a planner could be asked.
        """
        decision = self.decision
        observation, forecast = _measured(decision)
        if decision.degraded:
            load_rps = needed_rps(
                self.pipeline,
                forecast,
                [(d.time_s, d.forecast.upper_rps) for d in self.history if d.forecast is not None],
                observation=observation,
                running=decision.running,
                now_s=decision.time_s,
                window_s=settings.pace.stabilisation_s,
            )
            whole = {"load_rps": load_rps, "objective": None, "degraded": False}
            decision = decision.model_copy(update=whole)
        return situation_of(decision, self.pipeline, self.history)

    def rollback(self) -> Rollback | None:
        """Return what the loop had to bring back in this turn, if a change on trial failed.

        Raises:
            UsageError: the turn ended before a planner could be asked.
        """
        decision, observation = self.decision, _measured(self.decision)[0]
        trial = self.history[-1].trial if self.history else None
        if trial is None:
            return None
        blind = Assessment(signals=decision.signals).blind
        match judge(trial, observation, time_s=decision.time_s, blind=blind):
            case Failed() as failed:
                reason = f"the change of {failed.trial.decision} failed: {failed.evidence}"
                return Rollback(failed.trial.before, reason)
        return None


def read(data: Path, name: str) -> Recorded:
    """Return a decision of a data folder, with its pipeline, its history and what was said to a model.

    Raises:
        UsageError: there is no such folder, decision or pipeline.
        StoreError: a file cannot be read.
    """
    with closing(DecisionStore(data / DECISIONS, read_only=True)) as store:
        decision = store.decision(name)
        pipeline = store.pipeline(decision.pipeline_digest)
        history = remembered_by(decision, store.before(name, REMEMBERED))
    return Recorded(decision, pipeline, history, _said(data / FLIGHT, name))


def _said(path: Path, name: str) -> tuple[Entry, ...]:
    if not path.is_file():
        return ()
    with closing(FlightRecorder(path, lambda: 0.0, read_only=True)) as recorder:
        return recorder.entries(name)


def _running(decision: Decision) -> Configuration:
    if decision.running is None:
        raise UsageError(f"decision {decision.id!r} does not know what ran: there is nothing to think about")
    return decision.running


def _measured(decision: Decision) -> tuple[Observation, Forecast]:
    if decision.observation is None or decision.forecast is None:
        reason = decision.note or "nothing was measured"
        raise UsageError(f"decision {decision.id!r} was {decision.outcome} without a planner: {reason}")
    return decision.observation, decision.forecast
