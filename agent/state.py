"""What one turn of the loop carries from node to node: JSON-plain, so that a checkpoint can hold it.

Values of the domain are kept as the JSON objects they are written as, and read back by the nodes that
need them. One turn is one thread of the checkpointer, named after its decision.
"""

from __future__ import annotations

from typing import Any, TypedDict

from core.assessment import Finding
from core.belief import Belief
from core.configuration import Configuration
from core.decision import Outcome
from core.proposal import Proposal
from core.forecast import Forecast
from core.objective import Objective
from core.observation import Observation
from core.verdict import Verdict

Json = dict[str, Any]


class TickState(TypedDict, total=False):
    """One turn. Keys appear as the nodes that fill them have run."""

    id: str
    time_s: float
    running: Json
    """`Configuration` last asked for."""
    decided_rps: float
    """The load that was decided for then."""
    observation: Json | None
    forecast: Json | None
    findings: list[Json]
    belief: Json
    load_rps: float
    """The load this turn decides for."""
    objective: Json | None
    """Another objective than the pipeline's; only where its floor was given up."""
    proposals: list[Json]
    verdicts: list[Json]
    """One for each proposal."""
    last_word: bool
    """The last proposal is the solver's own, not the planner's."""
    degraded: bool
    agreed: bool
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


def belief_of(state: TickState) -> Belief:
    """Return the belief; empty before the assessment."""
    return Belief.model_validate(state.get("belief", {}))


def findings_of(state: TickState) -> tuple[Finding, ...]:
    """Return what was assessed."""
    return tuple(Finding.model_validate(f) for f in state.get("findings", []))


def proposals_of(state: TickState) -> tuple[Proposal, ...]:
    """Return all proposals of the turn, oldest first."""
    return tuple(Proposal.model_validate(p) for p in state.get("proposals", []))


def verdicts_of(state: TickState) -> tuple[Verdict, ...]:
    """Return the verdicts on them."""
    return tuple(Verdict.model_validate(v) for v in state.get("verdicts", []))


def objective_of(state: TickState) -> Objective | None:
    """Return the objective that replaces the pipeline's, if one does."""
    found = state.get("objective")
    return None if found is None else Objective.model_validate(found)


def candidate_of(state: TickState) -> Configuration:
    """Return the configuration last proposed; what runs where it is to be held."""
    return proposals_of(state)[-1].configuration or running_of(state)
