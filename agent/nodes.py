"""The nodes of the state machine, in the order of a turn. Each does one thing and returns what it found.

Only `apply` changes anything outside, under the id of the decision and after its intent is stored.
"""

from __future__ import annotations

from langgraph.runtime import Runtime
from langgraph.types import interrupt

from agent.context import Context
from agent.planners import Briefing
from agent.state import (
    Json,
    TickState,
    belief_of,
    candidate_of,
    findings_of,
    forecast_of,
    objective_of,
    observation_of,
    proposals_of,
    running_of,
    verdicts_of,
)
from core.assessment import Finding, assess
from core.decision import Decision, certify
from core.proposal import Proposal
from core.effort import best_effort
from core.errors import ActuationFailed, MetricsUnavailable, SolverError, UsageError
from core.problem import Problem
from core.solution import Infeasible, Optimum
from core.solve import solve
from core.values import Frozen
from core.verdict import Verdict
from core.verify import Approved
from core.verify import approve as check
from core.verify import verify as judge
from tools.store import Intent


def observe(state: TickState, runtime: Runtime[Context]) -> TickState:
    """Read what was measured, and what was last asked for."""
    context = runtime.context
    desired = context.actuator.desired()
    found: TickState = {
        "time_s": context.clock(),
        "running": plain(desired.configuration),
        "decided_rps": desired.load_rps,
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
    if observation is None or expected is None:
        missing = Finding(kind="missing metrics", subject=context.pipeline.name, statement=state["note"])
        return {"findings": [plain(missing)], "outcome": "held"}
    found = assess(
        context.pipeline,
        observation,
        running_of(state),
        decided_rps=state["decided_rps"],
        settled=context.settled(),
    )
    seen_s = context.observed_s + sum(rate is not None for rate in observation.loads_rps)
    if seen_s < context.horizon_s:
        found = (*found, _warming_up(context, seen_s))
    return {"findings": [plain(f) for f in found], "belief": {}, "load_rps": expected.upper_rps}


def plan(state: TickState, runtime: Runtime[Context]) -> TickState:
    """Ask the planner. While warming up what runs is kept as long as it is feasible."""
    context, observation, expected = runtime.context, observation_of(state), forecast_of(state)
    if observation is None or expected is None:
        raise SolverError("planning without metrics: the graph is wired wrongly")
    problem, running = problem_of(state, context), running_of(state)
    findings = findings_of(state)
    if any(f.kind == "warming up" for f in findings) and judge(problem, running).accepted:
        proposal = Proposal(configuration=None, rationale="warming up: what runs is feasible")
    else:
        proposal = context.planner.plan(
            Briefing(
                problem=problem,
                observation=observation,
                forecast=expected,
                findings=findings,
                running=running,
                time_s=state["time_s"],
                history=tuple(context.history),
                rejected=tuple(zip(proposals_of(state), verdicts_of(state), strict=True)),
            )
        )
    return {"proposals": [*state.get("proposals", []), plain(_named(proposal, context))]}


def verify(state: TickState, runtime: Runtime[Context]) -> TickState:
    """Hold the last proposal against the problem; accepted ones that change nothing end the turn."""
    context, candidate = runtime.context, candidate_of(state)
    verdict = judge(problem_of(state, context), candidate)
    found: TickState = {"verdicts": [*state.get("verdicts", []), plain(verdict)]}
    if not verdict.accepted:
        return found
    if candidate == running_of(state):
        return {**found, "outcome": "held"}
    if context.settings.mode == "observe":
        return {**found, "outcome": "recommended"}
    return found


def revise(state: TickState, runtime: Runtime[Context]) -> TickState:
    """After a rejection: back to the planner, or the solver's own answer if its turns are used up.

    Where nothing is feasible the best effort is proposed and the decision marked degraded.
    """
    context = runtime.context
    problem, verdict = problem_of(state, context), verdicts_of(state)[-1]
    if state.get("last_word"):
        return {"outcome": "refused", "note": "the solver's own answer failed the check; nothing changed"}
    if verdict.optimum is None:
        return _best_effort(state, problem)
    if len(state["proposals"]) <= context.settings.max_revisions:
        return {}
    match solve(problem):
        case Optimum(configuration=configuration):
            reason = "the exact optimum: the planner's proposals were rejected"
            return _last_word(state, Proposal(configuration=configuration, rationale=reason))
        case Infeasible():
            raise SolverError("the check found an optimum where the solver finds none")


def approve(state: TickState, runtime: Runtime[Context]) -> TickState:
    """Wait for a person. Nothing happens before the interrupt: the node starts anew on resume."""
    agreed = bool(
        interrupt(
            {
                "id": state["id"],
                "running": state["running"],
                "proposal": state["proposals"][-1],
                "verdict": state["verdicts"][-1],
            }
        )
    )
    return {"agreed": True} if agreed else {"agreed": False, "outcome": "refused", "note": "a person said no"}


def apply(state: TickState, runtime: Runtime[Context]) -> TickState:
    """Store the intent with its certificate, then ask for the change under the decision's id."""
    context, problem = runtime.context, problem_of(state, runtime.context)
    match check(problem, candidate_of(state)):
        case Verdict():
            return {"outcome": "refused", "note": "the check no longer accepts it; nothing changed"}
        case Approved() as change:
            pass
    context.store.intend(
        Intent(
            decision=state["id"],
            pipeline=context.pipeline.name,
            time_s=state["time_s"],
            certificate=certify(problem, _optimum(problem), change.verdict, change.configuration),
        )
    )
    try:
        context.actuator.apply(state["id"], change, problem.load_rps)
    except ActuationFailed as error:
        return {"note": str(error), "failed": True}
    return {}


def confirm(state: TickState, runtime: Runtime[Context]) -> TickState:
    """Read back what is asked for now: the one proof, also after a failure, that the change was taken."""
    if state.get("outcome"):
        return {}
    desired = runtime.context.actuator.desired()
    if desired.change == state["id"]:
        return {"outcome": "applied"}
    if state.get("failed"):
        return {"outcome": "failed"}
    return {"outcome": "failed", "note": f"read back change {desired.change!r} instead of this one"}


def record(state: TickState, runtime: Runtime[Context]) -> TickState:
    """Store the complete decision; only now the turn is done."""
    context = runtime.context
    decision = decision_of(state, context)
    context.store.record(decision)
    context.history.append(decision)
    return {}


def problem_of(state: TickState, context: Context) -> Problem:
    """Return the problem of this turn."""
    return Problem.of(
        context.pipeline,
        state["load_rps"],
        objective=objective_of(state),
        margins=context.settings.margins,
        belief=belief_of(state),
        running=running_of(state),
    )


def decision_of(state: TickState, context: Context) -> Decision:
    """Return the decision a finished or abandoned turn amounts to."""
    intent = context.store.intent(state["id"])
    return Decision(
        id=state["id"],
        pipeline=context.pipeline.name,
        time_s=state.get("time_s", 0.0),
        mode=context.settings.mode,
        planner=context.planner.name,
        observation=observation_of(state),
        forecast=forecast_of(state),
        running=running_of(state) if "running" in state else None,
        findings=findings_of(state),
        belief=belief_of(state),
        load_rps=state.get("load_rps"),
        proposals=proposals_of(state),
        verdicts=verdicts_of(state),
        certificate=None if intent is None else intent.certificate,
        outcome=state["outcome"],
        degraded=state.get("degraded", False),
        note=state.get("note", ""),
    )


def plain(value: Frozen) -> Json:
    """Return the JSON object of a value."""
    return value.model_dump(mode="json")


def _named(proposal: Proposal, context: Context) -> Proposal:
    """Return the proposal in stage order; to hold still where it names what the pipeline has not."""
    if proposal.configuration is None:
        return proposal
    try:
        checked = proposal.configuration.checked(context.pipeline)
    except UsageError as error:
        return Proposal(configuration=None, rationale=f"held, because what was proposed is unknown: {error}")
    return Proposal(configuration=checked, rationale=proposal.rationale)


def _warming_up(context: Context, seen_s: float) -> Finding:
    return Finding(
        kind="warming up",
        subject=context.pipeline.name,
        statement=f"{seen_s:g} s of load seen, {context.horizon_s:g} s are one full window",
    )


def _best_effort(state: TickState, problem: Problem) -> TickState:
    effort = best_effort(problem)
    if effort is None:
        note = "degraded: nothing can be served within the SLO at any load; what runs is kept"
        return {"degraded": True, "outcome": "held", "note": note}
    needed = "; ".join(effort.needed)
    reason = f"best effort, gives up {effort.given_up}"
    found = _last_word(
        state, Proposal(configuration=effort.optimum.configuration, rationale=f"{reason}; {needed}")
    )
    objective = effort.problem.objective
    return {
        **found,
        "degraded": True,
        "load_rps": effort.problem.load_rps,
        "objective": None if objective == problem.objective else plain(objective),
        "note": f"degraded: gives up {effort.given_up}; {needed}",
    }


def _last_word(state: TickState, proposal: Proposal) -> TickState:
    return {"last_word": True, "proposals": [*state["proposals"], plain(proposal)]}


def _optimum(problem: Problem) -> Optimum:
    match solve(problem):
        case Optimum() as best:
            return best
        case Infeasible():
            raise SolverError("the check accepted what the solver finds infeasible")
