"""What one turn of the loop carries from node to node: JSON-plain, so that a checkpoint can hold it.

Values of the domain are kept as the JSON objects they are written as, and read back by the nodes that
need them. One turn is one thread of the checkpointer, named after its decision.
"""

from __future__ import annotations

from typing import Any, TypedDict

from core.approval import Approval
from core.assessment import Assessment
from core.calendar import Event
from core.configuration import Configuration
from core.decision import Mode, Outcome
from core.forecast import Forecast
from core.objective import Objective
from core.observation import Observation
from core.proposal import Proposal
from core.ruling import Ruling
from core.spend import Planning
from core.tooluse import ToolUse
from core.trial import Quarantine, Trial

Json = dict[str, Any]


class TickState(TypedDict, total=False):
    """One turn. Keys appear as the nodes that fill them have run."""

    id: str
    time_s: float
    mode: Mode
    mode_reason: str
    running: Json
    """`Configuration` last asked for."""
    decided_rps: float
    """The load that was decided for then."""
    observation: Json | None
    forecast: Json | None
    assessment: Json
    events: list[Json]
    load_rps: float
    """The load this turn decides for."""
    objective: Json | None
    """Another objective than the pipeline's; only where its floor was given up."""
    excluded: list[Json]
    """Variants in quarantine."""
    trial: Json | None
    """The change that is not confirmed yet; that of this turn once it is applied."""
    quarantine: list[Json]
    failure: str
    """Why the change on trial failed; empty where none did."""
    rollback: Json | None
    """`Configuration` to come back, because the change on trial failed."""
    next_trial: Json | None
    """The trial that begins once the change of this turn is applied."""
    rounds: int
    """Times tools were used for the planner."""
    calls: list[Json]
    """Tools the planner waits for."""
    uses: list[Json]
    talk: list[Json]
    planning: Json
    proposals: list[Json]
    rulings: list[Json]
    """One for each proposal."""
    last_word: bool
    """The last proposal is the solver's own or the loop's, not the planner's."""
    degraded: bool
    approval: Json | None
    agreed: bool
    aged: bool
    """A person agreed, but what was measured before is too old to act upon."""
    failed: bool
    """The cluster refused the change, or did not answer."""
    outcome: Outcome
    note: str


def observation_of(state: TickState) -> Observation | None:
    """Return the observation, if there is one."""
    found = state.get("observation")
    return None if found is None else Observation.model_validate(found)


def forecast_of(state: TickState) -> Forecast | None:
    """Return the forecast, if there is one."""
    found = state.get("forecast")
    return None if found is None else Forecast.model_validate(found)


def running_of(state: TickState) -> Configuration:
    """Return what was last asked for when the turn began."""
    return Configuration.model_validate(state["running"])


def assessment_of(state: TickState) -> Assessment:
    """Return what was assessed; empty before."""
    return Assessment.model_validate(state.get("assessment", {}))


def events_of(state: TickState) -> tuple[Event, ...]:
    """Return what the calendar says."""
    return tuple(Event.model_validate(e) for e in state.get("events", []))


def trial_of(state: TickState) -> Trial | None:
    """Return the change on trial."""
    found = state.get("trial")
    return None if found is None else Trial.model_validate(found)


def quarantine_of(state: TickState) -> tuple[Quarantine, ...]:
    """Return what is not to be tried again."""
    return tuple(Quarantine.model_validate(q) for q in state.get("quarantine", []))


def uses_of(state: TickState) -> tuple[ToolUse, ...]:
    """Return the tool results of the turn."""
    return tuple(ToolUse.model_validate(u) for u in state.get("uses", []))


def planning_of(state: TickState) -> Planning:
    """Return how the proposals came about."""
    return Planning.model_validate(state.get("planning", {}))


def proposals_of(state: TickState) -> tuple[Proposal, ...]:
    """Return all proposals of the turn, oldest first."""
    return tuple(Proposal.model_validate(p) for p in state.get("proposals", []))


def rulings_of(state: TickState) -> tuple[Ruling, ...]:
    """Return the rulings on them."""
    return tuple(Ruling.model_validate(r) for r in state.get("rulings", []))


def approval_of(state: TickState) -> Approval | None:
    """Return a person's word, if there is one."""
    found = state.get("approval")
    return None if found is None else Approval.model_validate(found)


def objective_of(state: TickState) -> Objective | None:
    """Return the objective that replaces the pipeline's, if one does."""
    found = state.get("objective")
    return None if found is None else Objective.model_validate(found)


def candidate_of(state: TickState) -> Configuration:
    """Return the configuration that the last ruling is about; what runs where there is none."""
    rulings = rulings_of(state)
    candidate = rulings[-1].candidate if rulings else None
    return candidate or running_of(state)
