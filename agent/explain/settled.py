"""What was proposed, what the check said of it, and what was done."""

from __future__ import annotations

from collections.abc import Iterator

from agent.explain.text import count, difference, figure, settings
from core.approval import Approval
from core.decision import Decision
from core.proposal import Ask, Proposal
from core.ruling import Ruling
from core.verdict import Constraint, Verdict

OUTCOMES = {
    "applied": "applied",
    "held": "held what runs",
    "recommended": "recommended only, nothing was changed",
    "refused": "refused, nothing was changed",
    "failed": "failed: it was asked for and could not be made real",
    "abandoned": "abandoned: the turn was cut off before it changed anything",
}
TABLE = "{:<26} {:>10} {:>10} {:>10}"
"""Columns of the constraints: name, value, limit, slack."""


def proposed(decision: Decision) -> Iterator[str]:
    """Yield every proposal with its reasons, and the figures in it that nothing supports."""
    if not decision.proposals:
        yield "nothing"
    for number, proposal in enumerate(decision.proposals, start=1):
        mark = f"{number}. " if len(decision.proposals) > 1 else ""
        yield f"{mark}{wish(proposal)}: {proposal.rationale or 'no reason given'}"
        if proposal.diagnosis:
            yield f"diagnosis: {proposal.diagnosis}"
        reasons = stated(proposal)
        if reasons:
            yield reasons
    if decision.planning.ungrounded:
        figures = ", ".join(decision.planning.ungrounded)
        yield f"not grounded: no tool result it cites has {figures}"


def checked(decision: Decision, *, brief: bool) -> Iterator[str]:
    """Yield what became of each proposal, and how the last one stands to every limit."""
    if not decision.rulings:
        yield "nothing: no proposal came to the check"
        return
    for number, ruling in enumerate(decision.rulings, start=1):
        mark = f"{number}. " if len(decision.rulings) > 1 else ""
        yield f"{mark}{_ruled(ruling)}"
    verdict = decision.rulings[-1].verdict
    if verdict is None:
        return
    yield _figures(verdict)
    if brief:
        yield from _tightest(verdict)
        return
    told = [c for c in verdict.constraints if not _idle(c)]
    yield TABLE.format("constraint", "value", "limit", "slack")
    yield from (_row(constraint) for constraint in told)
    if len(told) < len(verdict.constraints):
        yield f"and {count(len(verdict.constraints) - len(told), 'replica bound')} with room to spare"


def done(decision: Decision) -> Iterator[str]:
    """Yield what was done, and the difference it makes to what ran."""
    yield OUTCOMES[decision.outcome] + _note(decision)
    certificate = decision.certificate
    if certificate is not None:
        changes = difference(decision.running, certificate.configuration)
        meant = "changed" if decision.outcome == "applied" else "was to change"
        yield f"{meant}: {changes}"
        yield (
            f"proof: {certificate.status} by {certificate.solver}, problem {certificate.problem_digest[:12]} "
            f"(trimtab decisions --verify {decision.id})"
        )
    elif decision.outcome == "recommended" and decision.rulings and decision.rulings[-1].candidate:
        yield f"would change: {difference(decision.running, decision.rulings[-1].candidate)}"
    elif decision.running is not None:
        yield f"runs on: {settings(decision.running)}"
    if decision.approval is not None:
        yield _approval(decision.approval)


def spent(decision: Decision) -> Iterator[str]:
    """Yield what the planner used; nothing where it used nothing."""
    spend, day = decision.planning.spend, decision.planning.day
    if not spend.calls:
        return
    yield (
        f"{count(spend.calls, 'call')}, {spend.input_tokens} tokens in, {spend.output_tokens} out, "
        f"{spend.seconds:.3g} s, {money(spend.usd)}; breaker {decision.planning.breaker}"
    )
    yield f"last 24 hours: {count(day.calls, 'call')}, {day.tokens} tokens, {money(day.usd)}"


def wish(proposal: Proposal) -> str:
    """Return what is wanted, in words."""
    if proposal.configuration is not None:
        return settings(proposal.configuration)
    return "hold what runs" if proposal.ask is None else f"solve {_ask(proposal.ask)}"


def _ask(ask: Ask) -> str:
    parts = []
    if ask.headroom is not None:
        parts.append(f"headroom {ask.headroom:g}")
    if ask.load_factor != 1:
        parts.append(f"{ask.load_factor:g} times the load")
    parts += [f"without {name.stage}/{name.variant}" for name in ask.excluded]
    parts += [f"with {name.stage}/{name.variant}" for name in ask.required]
    if ask.accuracy_weight != 1:
        parts.append(f"accuracy weighed {ask.accuracy_weight:g} times")
    if ask.cores_weight != 1:
        parts.append(f"cores weighed {ask.cores_weight:g} times")
    parts += [f"{m.stage}/{m.variant} taking {m.factor:g} times its profile" for m in ask.latency]
    return "for " + ", ".join(parts) if parts else "the problem of the turn as it is"


def stated(proposal: Proposal) -> str:
    """Return what a proposal says it rests on; empty where it says nothing."""
    parts = []
    if proposal.cause != "none":
        parts.append(f"cause: {proposal.cause}")
    if proposal.confidence is not None:
        parts.append(f"confidence {proposal.confidence:g}")
    if proposal.evidence:
        parts.append(f"rests on {', '.join(proposal.evidence)}")
    return "; ".join(parts)


def _ruled(ruling: Ruling) -> str:
    backed = ", its cause is backed by evidence" if ruling.caused else ""
    return f"{ruling.ruled}{backed}: {ruling.reason}"


def _figures(verdict: Verdict) -> str:
    return (
        f"objective {figure(verdict.objective)} of {figure(verdict.optimum)} at best, regret "
        f"{figure(verdict.regret)}; accuracy {figure(verdict.accuracy)}, {figure(verdict.cores)} cores, "
        f"latency {figure(verdict.latency_s, ' s')}"
    )


def _tightest(verdict: Verdict) -> Iterator[str]:
    """Yield the limit with the least room, as a share of itself."""
    rooms = [
        (c.slack / abs(c.limit), c)
        for c in verdict.constraints
        if c.slack is not None and c.limit and not c.constraint.startswith("replicas")
    ]
    if rooms:
        room, tightest = min(rooms, key=lambda pair: pair[0])
        yield (
            f"{count(len(verdict.constraints), 'constraint')} kept; tightest is {tightest.constraint}: "
            f"{figure(tightest.value)} against {figure(tightest.limit)}, {room:.0%} to spare"
        )


def _idle(constraint: Constraint) -> bool:
    """Say whether this is a replica bound that plays no part."""
    slack = constraint.slack
    return constraint.constraint.startswith("replicas") and slack is not None and slack > 0


def _row(constraint: Constraint) -> str:
    slack = "-" if constraint.slack is None else f"{constraint.slack:.4g}"
    value = "-" if constraint.value is None else f"{constraint.value:.4g}"
    limit = "-" if constraint.limit is None else f"{constraint.limit:.4g}"
    return TABLE.format(constraint.constraint, value, limit, slack) + ("" if constraint.kept else "  broken")


def _note(decision: Decision) -> str:
    return f"; {decision.note}" if decision.note else ""


def _approval(approval: Approval) -> str:
    word = "said yes" if approval.agreed else "said no"
    comment = f": {approval.comment}" if approval.comment else ""
    return f"{approval.approver} {word}, to proposal {approval.proposal[:12]}{comment}"


def money(usd: float | None) -> str:
    """Return an amount, or that it is unknown."""
    return "price unknown" if usd is None else f"{usd:.4f} USD"
