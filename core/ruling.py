"""What becomes of a proposal: the configuration it comes to, and whether the evidence carries it.

    reference   the exact optimum of the turn's problem
    allowed     |reference| * EPSILON without a cause; |reference| * CAUSED_EPSILON with one
    accepted    feasible in the turn's problem, and no further from the reference than allowed

A cause of load (`CAPACITY_CAUSES`) is a reason for more capacity: what gives up accuracy in its name is
allowed no more than without one.

A cause counts only if its kind was found this turn (or an event is announced inside the horizon) and the
proposal cites a tool result of this turn that shows it. An ask may move what the evidence lets it: the
load up to the announced factor, a latency factor inside its interval. Whatever is proposed, what
is infeasible in the turn's problem is rejected.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from core.asked import asked
from core.assessment import Finding
from core.configuration import Configuration
from core.errors import UsageError
from core.problem import TOLERANCE, Problem
from core.proposal import Ask, Cause, Proposal
from core.solution import Infeasible, Optimum
from core.solve import solve
from core.values import Frozen
from core.verdict import Constraint, Verdict
from core.verify import verify

EPSILON = 0.01
"""Share of the optimum's objective that a proposal may lose without giving a cause."""
CAUSED_EPSILON = 0.5
"""The same with a cause: a wrong diagnosis must stay affordable."""
NO_GROUNDS: tuple[Cause, ...] = ("none", "warming up", "re-profile", "missing metrics", "stale metrics")
"""Causes that never justify to deviate from the optimum."""

CAPACITY_CAUSES: tuple[Cause, ...] = (
    "load surge",
    "slo breach",
    "forecast bias",
    "announced event",
    "flapping",
)
"""Causes that are a reason for more capacity, and none for less accuracy."""

Ruled = Literal["accepted", "infeasible", "unsupported", "impossible"]
"""`unsupported`: feasible, but too far from the optimum for its cause. `impossible`: there is no such
configuration, or the problem asked for has none."""


class Ruling(Frozen):
    """What the check says of one proposal."""

    ruled: Ruled
    candidate: Configuration | None
    """What it comes to; None where it is impossible."""
    verdict: Verdict | None
    """On the candidate, in the turn's problem."""
    caused: bool = False
    """Whether its cause is backed by evidence."""
    allowed: float | None = None
    """Regret that was allowed."""
    reason: str
    """One line for the planner and the record."""


@dataclass(frozen=True, slots=True)
class Grounds:
    """The evidence of a turn."""

    findings: tuple[Finding, ...] = ()
    announced: float = 1.0
    """Largest load factor announced for the horizon."""
    shown: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """For each tool result of this turn that worked, by id: the causes it shows."""


@dataclass(frozen=True, slots=True)
class _Impossible:
    """What was proposed is no configuration, and why."""

    reason: str


def rule(
    problem: Problem,
    proposal: Proposal,
    grounds: Grounds,
    *,
    epsilon: float = EPSILON,
    caused_epsilon: float = CAUSED_EPSILON,
) -> Ruling:
    """Return what becomes of *proposal* in the turn's *problem*, whose `running` is what runs.

    Raises:
        SolverError: a solver ended without a proof.
    """
    wanted = _candidate(problem, proposal, grounds)
    if isinstance(wanted, _Impossible):
        return Ruling(ruled="impossible", candidate=None, verdict=None, reason=wanted.reason)
    verdict = verify(problem, wanted)
    if not verdict.accepted:
        broken = "; ".join(_broken(c) for c in verdict.violations)
        return Ruling(ruled="infeasible", candidate=wanted, verdict=verdict, reason=broken)
    caused = backed(proposal, grounds)
    reference = _reference(problem, proposal, grounds) if caused else problem
    cheapened = caused and _cheapened(reference, proposal, verdict)
    share = caused_epsilon if caused and not cheapened else epsilon
    allowed = share * abs(_best(reference, verdict, problem))
    regret = max(0.0, _regret(reference, problem, wanted, verdict))
    supported = regret <= allowed * (1 + TOLERANCE) + TOLERANCE
    reason = _why(proposal, grounds, regret=regret, allowed=allowed, supported=supported, caused=caused)
    if cheapened and not supported:
        reason = f"{reason}: it is a reason for more capacity, not for less accuracy"
    return Ruling(
        ruled="accepted" if supported else "unsupported",
        candidate=wanted,
        verdict=verdict,
        caused=caused,
        allowed=allowed,
        reason=reason,
    )


def only_feasible(problem: Problem, configuration: Configuration) -> Ruling:
    """Return the ruling on what the loop or a person decided: it must be feasible, and no more.

    Raises:
        UsageError: the configuration names something the pipeline has not.
        SolverError: a solver ended without a proof.
    """
    verdict = verify(problem, configuration)
    broken = "; ".join(_broken(c) for c in verdict.violations)
    return Ruling(
        ruled="accepted" if verdict.accepted else "infeasible",
        candidate=configuration,
        verdict=verdict,
        reason=broken or "feasible",
    )


def backed(proposal: Proposal, grounds: Grounds) -> bool:
    """Say whether the proposal's cause was found this turn and a tool result that it cites shows it."""
    cause = proposal.cause
    if cause in NO_GROUNDS or not _found(cause, grounds):
        return False
    return any(cause in grounds.shown.get(cited, frozenset()) for cited in proposal.evidence)


def _candidate(problem: Problem, proposal: Proposal, grounds: Grounds) -> Configuration | _Impossible:
    try:
        if proposal.ask is not None:
            return _solved(asked(problem, proposal.ask, announced=grounds.announced))
        wanted = proposal.configuration or problem.running
        if wanted is None:
            return _Impossible("there is nothing running that could be held")
        return wanted.checked(problem.pipeline)
    except UsageError as error:
        return _Impossible(str(error))


def _solved(problem: Problem) -> Configuration | _Impossible:
    match solve(problem):
        case Optimum(configuration=configuration):
            return configuration
        case Infeasible(bindings=bindings, relaxations=relaxations):
            fits = "; ".join(r.statement for r in relaxations)
            reason = f"the problem asked for has no feasible configuration: {bindings[0].statement}"
            return _Impossible(f"{reason}; {fits}" if fits else reason)


def _found(cause: Cause, grounds: Grounds) -> bool:
    if cause == "announced event":
        return grounds.announced != 1.0
    return any(finding.kind == cause for finding in grounds.findings)


def _reference(problem: Problem, proposal: Proposal, grounds: Grounds) -> Problem:
    """Return the problem the evidence supports: an announced load, a latency inside its interval."""
    ask = proposal.ask or Ask(
        load_factor=max(1.0, grounds.announced) if proposal.cause == "announced event" else 1.0
    )
    plain = Ask(load_factor=ask.load_factor, latency=ask.latency)
    return asked(problem, plain, announced=grounds.announced)


def _cheapened(reference: Problem, proposal: Proposal, verdict: Verdict) -> bool:
    """Say whether a cause that is none for it would have accuracy given up.

    A larger load or headroom alone is solved exactly, and may well cost accuracy.
    """
    ask = proposal.ask
    chosen = (
        ask is None or bool(ask.excluded or ask.required) or (ask.accuracy_weight, ask.cores_weight) != (1, 1)
    )
    if proposal.cause not in CAPACITY_CAUSES or not chosen or verdict.accuracy is None:
        return False
    match solve(reference):
        case Optimum(prediction=prediction):
            return prediction.accuracy is not None and verdict.accuracy < prediction.accuracy * (1 - EPSILON)
        case Infeasible():
            return False


def _best(reference: Problem, verdict: Verdict, problem: Problem) -> float:
    """Return the optimum of the reference; that of the turn's problem where it has none."""
    if reference is not problem:
        match solve(reference):
            case Optimum(objective=objective):
                return objective
            case Infeasible():
                pass
    return verdict.optimum or 0.0


def _regret(reference: Problem, problem: Problem, candidate: Configuration, verdict: Verdict) -> float:
    found = verdict if reference is problem else verify(reference, candidate, nearest=False)
    if found.regret is None:
        found = verdict
    return found.regret or 0.0


def _broken(constraint: Constraint) -> str:
    if constraint.value is None or constraint.limit is None:
        return f"{constraint.constraint} is broken"
    return f"{constraint.constraint} is {constraint.value:.4g}, the limit is {constraint.limit:.4g}"


def _why(
    proposal: Proposal, grounds: Grounds, *, regret: float, allowed: float, supported: bool, caused: bool
) -> str:
    if supported:
        return f"feasible; loses {regret:.3g}, {allowed:.3g} is allowed"
    if caused:
        return f"loses {regret:.3g} against the optimum, even {proposal.cause!r} allows {allowed:.3g}"
    if proposal.cause in NO_GROUNDS:
        fault = f"cause {proposal.cause!r} is no reason to deviate"
    elif not _found(proposal.cause, grounds):
        fault = f"no {proposal.cause!r} was found this turn"
    else:
        fault = f"no tool result that it cites shows {proposal.cause!r}"
    return f"loses {regret:.3g} against the optimum, {allowed:.3g} is allowed: {fault}"
