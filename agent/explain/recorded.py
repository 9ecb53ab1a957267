"""Answers that the records hold: why this configuration, what changed, is it all right."""

from __future__ import annotations

from collections.abc import Iterator

from agent.explain.aftermath import came_of
from agent.explain.reply import Statement
from agent.explain.settled import OUTCOMES
from agent.explain.subject import Subject
from agent.explain.text import difference, figure, settings, share
from core.decision import Decision
from core.solution import Optimum
from core.solve import solve


def why(subject: Subject) -> Iterator[Statement]:
    """Yield the reasons of the decision: load, rationale, ruling, and the limit that binds."""
    decision, chosen = subject.decision, subject.chosen
    source = f"decision {decision.id}"
    outcome = OUTCOMES[decision.outcome]
    yield Statement(f"{settings(chosen)} at {decision.time_s:g} s: {outcome}", source)
    if decision.note:
        yield Statement(decision.note, source)
    if decision.forecast is not None:
        upper = figure(decision.forecast.upper_rps)
        decided = f"decided for {figure(decision.load_rps)} rps"
        yield Statement(f"{decided}; at most {upper} rps are forecast", source)
    yield from (Statement(f"{f.kind} in {f.subject}: {f.statement}", source) for f in decision.findings)
    if decision.proposals:
        yield Statement(f"proposed because: {decision.proposals[-1].rationale}", source)
    if decision.rulings:
        yield Statement(f"checked: {decision.rulings[-1].ruled}, {decision.rulings[-1].reason}", source)
        yield from _standing(decision, source)


def changed(subject: Subject) -> Iterator[Statement]:
    """Yield what this decision changed, and what is different from the decision before it."""
    decision, source = subject.decision, f"decision {subject.decision.id}"
    certificate = decision.certificate
    if certificate is not None and decision.outcome == "applied":
        text = f"changed: {difference(decision.running, certificate.configuration)}"
        yield Statement(text, source)
    else:
        yield Statement(f"it changed nothing: {OUTCOMES[decision.outcome]}", source)
    if not subject.earlier:
        yield Statement("there is no decision before it to compare with", source)
        return
    before = subject.earlier[-1]
    both = f"decisions {before.id} and {decision.id}"
    yield Statement(
        f"load decided for: {figure(before.load_rps)} rps before, {figure(decision.load_rps)} rps now", both
    )
    kinds, now = {f.kind for f in before.findings}, {f.kind for f in decision.findings}
    if now - kinds:
        yield Statement(f"found now, not before: {', '.join(sorted(now - kinds))}", both)
    if kinds - now:
        yield Statement(f"found before, not now: {', '.join(sorted(kinds - now))}", both)
    if before.belief != decision.belief:
        yield Statement("the belief about the profile is another one; `trimtab explain` has both", both)
    last = next((d for d in reversed(subject.earlier) if d.outcome == "applied"), None)
    if last is not None and last.certificate is not None:
        text = f"last change before: {difference(last.running, last.certificate.configuration)}"
        yield Statement(f"{text}, at {last.time_s:g} s", f"decision {last.id}")


def well(subject: Subject) -> Iterator[Statement]:
    """Yield whether the SLO is kept, what was found, and what is still open."""
    decision, source = subject.decision, f"decision {subject.decision.id}"
    yield Statement(_verdict(decision), source)
    observation, slo = decision.observation, subject.pipeline.slo
    if observation is not None and observation.in_time is not None:
        yield Statement(
            f"{share(observation.in_time)} of {observation.judged} requests were served within "
            f"{slo.latency_s:g} s; {share(slo.quantile)} must be",
            source,
        )
    yield from (Statement(f"{f.kind} in {f.subject}: {f.statement}", source) for f in decision.findings)
    unknown = [s.name for s in decision.signals if s.state in ("stale", "missing")]
    if unknown:
        yield Statement(f"not known now: {', '.join(unknown)}", source)
    if decision.trial is not None:
        yield Statement(f"the change of {decision.trial.decision} is still on trial", source)
    for q in decision.quarantine:
        if decision.time_s < q.until_s:
            yield Statement(f"in quarantine until {q.until_s:g} s: {q.evidence}", f"decision {q.decision}")
    if subject.later:
        lines = came_of(decision, subject.pipeline, subject.later, brief=True)
        yield from (Statement(line, f"decisions after {decision.id}") for line in lines)


def _verdict(decision: Decision) -> str:
    """Return yes, no or unknown, and why in one line."""
    if decision.observation is None or decision.observation.in_time is None:
        return "not known: what is served in time was not measured"
    if decision.degraded:
        return f"no: {decision.note or 'nothing is feasible, the best effort runs'}"
    wrong = [f.kind for f in decision.findings if f.kind not in ("warming up", "re-profile")]
    if wrong:
        return f"no: {', '.join(dict.fromkeys(wrong))} found"
    return "yes: nothing out of the ordinary was found"


def _standing(decision: Decision, source: str) -> Iterator[Statement]:
    """Yield the figures of the choice against the optimum, and the limit with least room."""
    verdict = decision.rulings[-1].verdict
    if verdict is None:
        return
    yield Statement(
        f"objective {figure(verdict.objective)}, the exact optimum has {figure(verdict.optimum)}: regret "
        f"{figure(verdict.regret)}; accuracy {figure(verdict.accuracy)}, {figure(verdict.cores)} cores, "
        f"latency {figure(verdict.latency_s, ' s')}",
        source,
    )
    rooms = [
        (c.slack / abs(c.limit), c)
        for c in verdict.constraints
        if c.slack is not None and c.limit and not c.constraint.startswith("replicas")
    ]
    if rooms:
        tightest = min(rooms, key=lambda pair: pair[0])[1]
        text = f"tightest limit: {tightest.constraint} is {figure(tightest.value)}"
        yield Statement(f"{text}, the limit {figure(tightest.limit)}", source)


def optimum_of(subject: Subject) -> Optimum | None:
    """Return the exact optimum of what was decided; None where nothing was, or nothing is feasible."""
    problem = subject.problem()
    found = None if problem is None else solve(problem)
    return found if isinstance(found, Optimum) else None
