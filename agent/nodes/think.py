"""Nodes that think: propose with tools, hold the proposal against the evidence, revise what is rejected."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from agent.context import CALLS_PER_ROUND, Context
from agent.nodes.shared import grounds_of, plain, problem_of, situation_of
from agent.planners import Briefing, ToolCall
from agent.state import (
    Json,
    TickState,
    approval_of,
    assessment_of,
    planning_of,
    proposals_of,
    quarantine_of,
    rulings_of,
    running_of,
    trial_of,
    uses_of,
)
from core.configuration import Configuration
from core.effort import best_effort
from core.pace import Paced, paced
from core.problem import Problem
from core.proposal import MOST_TEXT, Proposal
from core.quarantine import barring
from core.ruling import Ruling, only_feasible, rule
from core.solution import Infeasible, Optimum
from core.solve import solve
from core.trial import begin
from core.verify import feasible
from core.verify import verify as judge
from tools.toolkit import use

UNSUPPORTED = "the exact optimum: the planner's proposal is unsupported"
REJECTED = "the exact optimum: the planner's proposals were rejected"
UNSEEN = "nothing is scaled down before a full window was seen since the start"
SILENT = "the exact optimum: the planner proposed nothing"
ENDLESS = "the exact optimum: the planner did not come to an end"


def plan(state: TickState, runtime: Runtime[Context]) -> TickState:
    """Take one step of the planner, unless the loop itself has to bring back or to keep what runs."""
    context, problem = runtime.context, problem_of(state, runtime.context)
    if not state.get("proposals"):
        own = _own(state, problem)
        if own is not None:
            return _last_word(state, own)
    if state.get("rounds", 0) > context.settings.max_rounds:
        return _last_word(state, _optimum(problem, ENDLESS))
    thought = context.planner.plan(
        Briefing(
            decision=state["id"],
            situation=situation_of(state, context),
            rejected=tuple(zip(proposals_of(state), rulings_of(state), strict=True)),
            uses=uses_of(state),
            talk=tuple(state.get("talk", [])),
            planning=planning_of(state),
        )
    )
    found: TickState = {"talk": list(thought.talk), "planning": plain(thought.planning), "calls": []}
    if thought.proposal is None and not thought.calls:
        return {**found, **_last_word(state, _optimum(problem, SILENT))}
    if thought.proposal is None:
        calls = [_call(call) for call in thought.calls[:CALLS_PER_ROUND]]
        return {**found, "calls": calls, "rounds": state.get("rounds", 0) + 1}
    return {**found, "proposals": [*state.get("proposals", []), plain(thought.proposal)]}


def use_tools(state: TickState, runtime: Runtime[Context]) -> TickState:
    """Use the tools the planner asked for. They read the situation and nothing else."""
    situation, uses = situation_of(state, runtime.context), list(state.get("uses", []))
    for call in state["calls"]:
        done = use(
            id=f"t{len(uses) + 1}",
            call=call["id"],
            name=call["tool"],
            arguments=call["arguments"],
            situation=situation,
        )
        uses.append(plain(done))
    return {"uses": uses, "calls": []}


def verify(state: TickState, runtime: Runtime[Context]) -> TickState:
    """Rule on the last proposal; what is accepted and changes nothing ends the turn."""
    context, problem, proposal = runtime.context, problem_of(state, runtime.context), proposals_of(state)[-1]
    if state.get("last_word") or approval_of(state) is not None:
        ruling = only_feasible(problem, proposal.configuration or running_of(state))
    else:
        ruling = rule(problem, proposal, grounds_of(state, context), epsilon=context.settings.epsilon)
    found: TickState = {"rulings": [*state.get("rulings", []), plain(ruling)]}
    if ruling.ruled != "accepted" or ruling.candidate is None:
        return found
    found, candidate = _slowed(state, context, problem, found, ruling.candidate)
    if candidate == running_of(state):
        return {**found, "outcome": "held"}
    if state["mode"] == "observe":
        return {**found, "outcome": "recommended"}
    return {**found, "next_trial": _next_trial(state, context, problem, candidate)}


def revise(state: TickState, runtime: Runtime[Context]) -> TickState:
    """After a rejection: back to the planner, or the solver's own answer.

    An unsupported deviation gets the optimum at once. Where nothing is feasible the best effort is proposed
    and the decision marked degraded.
    """
    context, problem, ruling = runtime.context, problem_of(state, runtime.context), rulings_of(state)[-1]
    if approval_of(state) is not None:
        return {"outcome": "refused", "note": f"agreed to, but no longer possible: {ruling.reason}"}
    if state.get("last_word"):
        return _no_way(state, problem, ruling)
    verdict = ruling.verdict or judge(problem, running_of(state), nearest=False)
    if verdict.optimum is None:
        return _best_effort(state, problem)
    if ruling.ruled == "unsupported":
        return _last_word(state, _optimum(problem, UNSUPPORTED))
    if len(state["proposals"]) <= context.settings.max_revisions:
        return {}
    return _last_word(state, _optimum(problem, REJECTED))


def _own(state: TickState, problem: Problem) -> Proposal | None:
    """Return what the loop does without asking the planner; None where it is the planner's turn."""
    running = running_of(state)
    if state.get("rollback"):
        before = Configuration.model_validate(state["rollback"])
        if feasible(problem, before):
            reason = f"{state['failure']}; the last good configuration comes back"
            return Proposal(configuration=before, rationale=_short(reason))
        return None
    if _warming(state):
        return _held(problem, running, "warming up: what runs is feasible")
    trial = trial_of(state)
    if trial is not None:
        return _held(problem, running, f"the change of {trial.decision} is on trial, what runs is feasible")
    return None


def _warming(state: TickState) -> bool:
    """Say whether less than a full window was seen since the start."""
    return any(f.kind == "warming up" for f in assessment_of(state).findings)


def _held(problem: Problem, running: Configuration, reason: str) -> Proposal | None:
    return Proposal(rationale=reason) if feasible(problem, running) else None


def _slowed(
    state: TickState, context: Context, problem: Problem, found: TickState, candidate: Configuration
) -> tuple[TickState, Configuration]:
    """Hold the change against the limits on its rate; what they make of it is checked like any other."""
    if state.get("rollback") and state.get("last_word"):
        return found, candidate
    running = running_of(state)
    if _warming(state) and candidate.cores(context.pipeline) < running.cores(context.pipeline):
        return _instead(state, found, problem, Paced(running, UNSEEN))
    barred = barring(quarantine_of(state), candidate, state["time_s"])
    if barred is not None and feasible(problem, running):
        reason = f"in quarantine until {barred.until_s:g} s, since {barred.decision}: {barred.evidence}"
        return _instead(state, found, problem, Paced(running, _short(reason)))
    slowed = paced(
        problem,
        candidate,
        context.settings.pace,
        running=running,
        applied=context.applied(),
        now_s=state["time_s"],
        blind=assessment_of(state).blind,
    )
    if slowed.configuration == candidate:
        return found, candidate
    holds = slowed.configuration == running
    if not holds and not feasible(problem, slowed.configuration):
        return found, candidate
    return _instead(state, found, problem, slowed)


def _instead(
    state: TickState, found: TickState, problem: Problem, slowed: Paced
) -> tuple[TickState, Configuration]:
    """Record what is done in place of what was proposed."""
    proposal = Proposal(configuration=slowed.configuration, rationale=slowed.reason)
    ruling = only_feasible(problem, slowed.configuration)
    return {
        "proposals": [*state["proposals"], plain(proposal)],
        "rulings": [*found["rulings"], plain(ruling)],
    }, slowed.configuration


def _next_trial(
    state: TickState, context: Context, problem: Problem, candidate: Configuration
) -> Json | None:
    """Return the trial that begins once *candidate* is applied.

    None for what is known to be good, and for a best effort: there is nothing better to come back to.
    """
    confirm_s = context.settings.confirm_s
    if state.get("rollback") or state.get("degraded") or not confirm_s:
        return None
    observation, open_trial = state.get("observation"), trial_of(state)
    trial = begin(
        state["id"],
        problem,
        before=running_of(state) if open_trial is None else open_trial.before,
        before_rps=state["decided_rps"] if open_trial is None else open_trial.before_rps,
        after=candidate,
        time_s=state["time_s"],
        interval_s=context.settings.interval_s,
        baseline_in_time=None if observation is None else observation["in_time"],
    )
    return plain(trial.model_copy(update={"confirm_s": confirm_s}))


def _no_way(state: TickState, problem: Problem, ruling: Ruling) -> TickState:
    """The loop's own proposal is not possible: a best effort is due, or nothing is changed."""
    if ruling.verdict is not None and ruling.verdict.optimum is None and not state.get("degraded"):
        return _best_effort(state, problem)
    return {"outcome": "refused", "note": "the solver's own answer failed the check; nothing changed"}


def _best_effort(state: TickState, problem: Problem) -> TickState:
    effort = best_effort(problem)
    if effort is None:
        note = "degraded: nothing can be served within the SLO at any load; what runs is kept"
        return {"degraded": True, "outcome": "held", "note": note}
    needed = "; ".join(effort.needed)
    reason = f"best effort, gives up {effort.given_up}"
    found = _last_word(
        state,
        Proposal(configuration=effort.optimum.configuration, rationale=_short(f"{reason}; {needed}")),
    )
    objective = effort.problem.objective
    return {
        **found,
        "degraded": True,
        "load_rps": effort.problem.load_rps,
        "objective": None if objective == problem.objective else plain(objective),
        "note": f"degraded: gives up {effort.given_up}; {needed}",
    }


def _optimum(problem: Problem, reason: str) -> Proposal:
    match solve(problem):
        case Optimum(configuration=configuration):
            return Proposal(configuration=configuration, rationale=reason)
        case Infeasible():
            return Proposal(rationale=reason)


def _last_word(state: TickState, proposal: Proposal) -> TickState:
    return {"last_word": True, "calls": [], "proposals": [*state.get("proposals", []), plain(proposal)]}


def _short(text: str) -> str:
    return text if len(text) <= MOST_TEXT else f"{text[: MOST_TEXT - 1]}…"


def _call(call: ToolCall) -> Json:
    found: dict[str, Any] = {"id": call.id, "tool": call.tool, "arguments": call.arguments}
    return found
