"""Nodes that act: ask a person, change the cluster, read back, record."""

from __future__ import annotations

from langgraph.runtime import Runtime
from langgraph.types import interrupt

from agent.context import Context
from agent.nodes.shared import plain, problem_of
from agent.state import (
    TickState,
    approval_of,
    assessment_of,
    candidate_of,
    events_of,
    forecast_of,
    objective_of,
    observation_of,
    planning_of,
    proposals_of,
    quarantine_of,
    rulings_of,
    running_of,
    trial_of,
    uses_of,
)
from core.approval import Approval, proposal_hash
from core.autonomy import LADDER
from core.decision import Decision, certify
from core.errors import ActuationFailed, SolverError
from core.problem import Problem
from core.proposal import Proposal
from core.ruling import Ruling
from core.solution import Infeasible, Optimum
from core.solve import solve
from core.trial import Trial
from core.verdict import Verdict
from core.verify import Approved
from core.verify import approve as check
from tools.requests import Request
from tools.store import Intent


def approve(state: TickState, runtime: Runtime[Context]) -> TickState:
    """Wait for a person's word on exactly this change. Before the interrupt nothing happens.

    The node starts anew on resume. What was measured may be old by then: the change is checked again
    against what is measured now, and `apply` follows only if it is still the one that was agreed to.
    """
    context, request = runtime.context, _request(state, runtime.context)
    word = Approval.model_validate(interrupt(plain(request)))
    said: TickState = {"approval": plain(word)}
    if word.proposal != request.proposal:
        return {**said, "agreed": False, "outcome": "refused", "note": "the answer is to another proposal"}
    if not word.agreed:
        reason = f": {word.comment}" if word.comment else ""
        return {
            **said,
            "agreed": False,
            "outcome": "refused",
            "note": f"{word.approver} said no{reason}",
        }
    age_s = context.clock() - state["time_s"]
    aged = state.get("aged", False) or not 0 <= age_s < context.settings.interval_s
    return {**said, "agreed": True, "aged": aged}


def recheck(state: TickState, runtime: Runtime[Context]) -> TickState:
    """Propose again what a person agreed to, if it still is the change that would be made."""
    word, candidate = approval_of(state), candidate_of(state)
    wanted = proposal_hash(runtime.context.pipeline.name, running_of(state), candidate)
    if word is None or word.proposal != wanted:
        return {"outcome": "refused", "note": "something else runs than when it was agreed to; ask again"}
    again = Proposal(configuration=candidate, rationale=f"{word.approver} agreed to it; checked again")
    return {"proposals": [*state["proposals"], plain(again)]}


def apply(state: TickState, runtime: Runtime[Context]) -> TickState:
    """Store the intent with its certificate after a dry run, then ask for the change under the decision's id.

    Nothing happens where people have commanded, since the turn began, that the loop may do less.
    """
    context, problem = runtime.context, problem_of(state, runtime.context)
    stopped = _stopped(state, context)
    if stopped:
        return {"outcome": "refused", "note": stopped}
    match check(problem, candidate_of(state)):
        case Verdict():
            return {"outcome": "refused", "note": "the check no longer accepts it; nothing changed"}
        case Approved() as change:
            pass
    try:
        context.actuator.dry_run(change, problem.load_rps)
    except ActuationFailed as error:
        return {"outcome": "refused", "note": f"the dry run failed, nothing changed: {error}"}
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
    context.keep(decision)
    return {}


def decision_of(state: TickState, context: Context) -> Decision:
    """Return the decision a finished or abandoned turn amounts to."""
    intent = context.store.intent(state["id"])
    rulings = rulings_of(state)
    assessment = assessment_of(state)
    return Decision(
        id=state["id"],
        pipeline=context.pipeline.name,
        pipeline_digest=context.pipeline.digest,
        time_s=state.get("time_s", 0.0),
        mode=state.get("mode", context.settings.mode),
        mode_reason=state.get("mode_reason", ""),
        planner=context.planner.name,
        observation=observation_of(state),
        forecast=forecast_of(state),
        running=running_of(state) if "running" in state else None,
        findings=assessment.findings,
        signals=assessment.signals,
        belief=assessment.belief,
        events=events_of(state),
        load_rps=state.get("load_rps"),
        margins=context.margins,
        objective=objective_of(state),
        uses=uses_of(state),
        planning=planning_of(state),
        proposals=proposals_of(state),
        rulings=rulings,
        approval=approval_of(state),
        certificate=None if intent is None else intent.certificate,
        trial=_trial(state),
        quarantine=quarantine_of(state),
        outcome=state.get("outcome", "abandoned"),
        degraded=state.get("degraded", False),
        note=_note(state),
    )


def _stopped(state: TickState, context: Context) -> str:
    """Return why the change may no longer be made: what people commanded while it was worked out."""
    context.heeding.look(context.settings.mode)
    limit = context.limit()
    if LADDER.index(limit.mode) >= LADDER.index(state["mode"]):
        return ""
    return f"nothing changed: the mode is {limit.mode} now{f', {limit.reason}' if limit.reason else ''}"


def _request(state: TickState, context: Context) -> Request:
    """Return what a person is asked."""
    running, proposed, now = running_of(state), candidate_of(state), context.unix()
    return Request(
        decision=state["id"],
        pipeline=context.pipeline.name,
        proposal=proposal_hash(context.pipeline.name, running, proposed),
        running=running,
        proposed=proposed,
        effect=_effect(rulings_of(state)[-1]),
        rationale=proposals_of(state)[-1].rationale,
        asked_at=now,
        expires_at=now + context.settings.approval_s,
    )


def _effect(ruling: Ruling) -> str:
    """Return what the check predicts of a change, in one line."""
    verdict = ruling.verdict
    if verdict is None:
        return "nothing is predicted"
    accuracy = "unknown" if verdict.accuracy is None else f"{verdict.accuracy:.4g}"
    latency = "unknown" if verdict.latency_s is None else f"{verdict.latency_s:.3g} s"
    regret = "unknown" if verdict.regret is None else f"{verdict.regret:.3g}"
    return f"accuracy {accuracy}, {verdict.cores:g} cores, latency {latency}, regret {regret}"


def _trial(state: TickState) -> Trial | None:
    """Return the change on trial from now on."""
    if state.get("outcome") != "applied":
        return trial_of(state)
    begun = state.get("next_trial")
    return None if begun is None else Trial.model_validate(begun)


def _note(state: TickState) -> str:
    """Return what a person should know, the failure of a change on trial first."""
    return "; ".join(part for part in (state.get("failure", ""), state.get("note", "")) if part)


def _optimum(problem: Problem) -> Optimum:
    match solve(problem):
        case Optimum() as best:
            return best
        case Infeasible():
            raise SolverError("the check accepted what the solver finds infeasible")
