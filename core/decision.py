"""One turn of the loop, as it is kept: why, what was applied, with which proof, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from core.approval import Approval
from core.assessment import Finding, Signal
from core.belief import Belief
from core.calendar import Event
from core.configuration import Configuration
from core.errors import UsageError
from core.forecast import Forecast
from core.objective import Objective
from core.observation import Observation
from core.problem import Margins, Problem
from core.proposal import Proposal
from core.ruling import Ruling
from core.solution import Optimum
from core.solve import solve
from core.spend import Planning
from core.tooluse import ToolUse
from core.trial import Quarantine, Trial
from core.values import Frozen, Name, NonNegative, Number
from core.verdict import Constraint, Verdict
from core.verify import verify

CERTIFICATE_TOLERANCE = 1e-6
"""Relative difference of objective within which a second solution agrees with the recorded one."""

Mode = Literal["observe", "approve", "auto"]
Outcome = Literal["applied", "held", "recommended", "refused", "failed", "abandoned"]


class Certificate(Frozen):
    """The proof that goes with an applied change: enough to solve the problem again."""

    problem: Problem
    problem_digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    configuration: Configuration
    solver: Name
    status: Literal["optimal", "feasible"]
    """`optimal` for the optimum itself, `feasible` for an accepted proposal with a regret."""
    objective: Number
    """Of the configuration."""
    bound: Number
    """What no configuration can beat, as the solver proved."""
    constraints: tuple[Constraint, ...]
    """Every constraint with its slack."""


class Decision(Frozen):
    """One complete turn of the loop."""

    id: Name
    pipeline: Name
    time_s: NonNegative
    """When the interval ended, in seconds of the loop's clock."""
    mode: Mode
    mode_reason: str = ""
    """What was earned or lost, or is missing; empty where the mode is not to be earned."""
    planner: Name
    observation: Observation | None
    """None where no metrics could be read."""
    forecast: Forecast | None
    running: Configuration | None = None
    """What was last asked for when the turn began; None where that could not be read."""
    findings: tuple[Finding, ...] = ()
    belief: Belief = Belief()
    load_rps: NonNegative | None = None
    """The load that was decided for; None where nothing could be decided."""
    proposals: tuple[Proposal, ...] = ()
    rulings: tuple[Ruling, ...] = ()
    """What became of each proposal; one for each."""
    uses: tuple[ToolUse, ...] = ()
    """The tool results the planner saw, in order."""
    planning: Planning = Planning()
    signals: tuple[Signal, ...] = ()
    margins: Margins = Margins()
    objective: Objective | None = None
    """Another objective than the pipeline's, where its floor was given up."""
    pipeline_digest: str = ""
    """Of the pipeline decided for; the store keeps the pipeline itself."""
    events: tuple[Event, ...] = ()
    """What the calendar said."""
    trial: Trial | None = None
    """The change that was not confirmed yet when the turn ended."""
    quarantine: tuple[Quarantine, ...] = ()
    """What was not to be tried again when the turn ended."""
    approval: Approval | None = None
    """Who said yes or no, where a person was asked."""
    certificate: Certificate | None = None
    """Present exactly where a change was about to be applied, whatever came of it."""
    outcome: Outcome
    degraded: bool = False
    """Nothing was feasible; the best effort was taken."""
    note: str = ""
    """What a person should know in one line."""


def certify(problem: Problem, best: Optimum, verdict: Verdict, chosen: Configuration) -> Certificate:
    """Return the certificate of applying *chosen*, which *verdict* accepted.

    Raises:
        UsageError: the verdict does not accept it.
    """
    if not verdict.accepted or verdict.objective is None:
        raise UsageError("only an accepted configuration can be certified")
    optimal = agrees(verdict.objective, best.objective)
    return Certificate(
        problem=problem,
        problem_digest=problem.digest,
        configuration=chosen,
        solver=best.solver,
        status="optimal" if optimal else "feasible",
        objective=verdict.objective,
        bound=best.bound,
        constraints=verdict.constraints,
    )


def agrees(one: float, other: float) -> bool:
    """Say whether two objectives are the same within the certificate's tolerance."""
    return abs(one - other) <= CERTIFICATE_TOLERANCE * max(1.0, abs(one), abs(other))


def check_certificate(certificate: Certificate) -> tuple[str, ...]:
    """Solve and check the recorded problem again; return every disagreement, none if the proof holds."""
    problem = certificate.problem
    found = []
    if problem.digest != certificate.problem_digest:
        found.append("the problem's hash is not the recorded one: the record was altered")
    match solve(problem):
        case Optimum() as best:
            if not agrees(best.objective, certificate.bound):
                found.append(f"the optimum is {best.objective:.9g}, recorded {certificate.bound:.9g}")
        case _:
            found.append("the problem has no feasible configuration")
    return (*found, *_disagreements(certificate))


def _disagreements(certificate: Certificate) -> Iterator[str]:
    """Yield what a new check of the configuration says otherwise."""
    verdict = verify(certificate.problem, certificate.configuration)
    if verdict.objective is None or not agrees(verdict.objective, certificate.objective):
        yield f"the objective is {verdict.objective}, recorded {certificate.objective:.9g}"
    status = "optimal" if agrees(certificate.objective, certificate.bound) else "feasible"
    if status != certificate.status:
        yield f"recorded as {certificate.status}, but its figures say {status}"
    recorded = {c.constraint: c for c in certificate.constraints}
    if len(recorded) != len(certificate.constraints) or recorded.keys() != {
        c.constraint for c in verdict.constraints
    }:
        yield "the recorded constraints are not those of the problem"
    for constraint in verdict.constraints:
        if not constraint.kept:
            yield f"{constraint.constraint} is broken: {constraint.value} against {constraint.limit}"
        elif constraint.constraint in recorded and not _same(constraint, recorded[constraint.constraint]):
            yield f"{constraint.constraint} has slack {constraint.slack}, recorded otherwise"


def _same(one: Constraint, other: Constraint) -> bool:
    """Say whether two constraints have the same figures within the certificate's tolerance."""
    pairs = ((one.value, other.value), (one.limit, other.limit), (one.slack, other.slack))
    return one.kept == other.kept and all(
        a == b or (a is not None and b is not None and agrees(a, b)) for a, b in pairs
    )
