"""One decision as a timeline: what was seen, thought, said, proposed, checked and done, and what came of it.

A pure function of the records; a step that has nothing to say is not there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile

from agent.answering import OPENING
from agent.explain.aftermath import came_of
from agent.explain.text import count
from agent.llm.grounding import ungrounded
from core.belief import Belief
from core.configuration import Configuration, StageConfiguration
from core.decision import Decision
from core.observation import Observation
from core.pipeline import Pipeline
from core.proposal import Proposal
from core.trial import Quarantine
from tools.flight import Entry
from ui.decisions.exchanges import Said, said
from ui.decisions.steps import (
    Acted,
    Approved,
    Assessed,
    Author,
    Came,
    Change,
    Checked,
    Expected,
    Foreseen,
    Observed,
    Proposed,
    Proved,
    Revised,
    Spent,
    Step,
)
from ui.struck import written_in

LEAST_AFTER = 6
"""Decisions after this one whose measurements are drawn, however soon another configuration ran."""


def timeline(
    decision: Decision,
    pipeline: Pipeline | None,
    entries: Sequence[Entry] = (),
    later: Sequence[Decision] = (),
) -> tuple[Step, ...]:
    """Return the steps of a decision, in the order in which they happened.

    Args:
        decision: The record.
        pipeline: What was decided for; None where the store no longer has it.
        entries: What the flight recorder has of the decision.
        later: The decisions after it, oldest first.
    """
    return tuple(_steps(decision, pipeline, said(entries), later))


def came(decision: Decision, pipeline: Pipeline | None, later: Sequence[Decision]) -> Came:
    """Return what came of a decision, as far as the decisions after it tell."""
    verdict = decision.rulings[-1].verdict if decision.rulings else None
    runs = decision.running
    if decision.outcome == "applied" and decision.certificate is not None:
        runs = decision.certificate.configuration
    of_it = bool(decision.rulings) and decision.rulings[-1].candidate == runs
    under = [d.time_s for d in takewhile(lambda d: d.running == runs, later)]
    expected = Expected(
        latency_s=verdict.latency_s if verdict is not None and of_it else None,
        accuracy=verdict.accuracy if verdict is not None and of_it else None,
        slo_s=None if pipeline is None else pipeline.slo.latency_s,
        forecast=decision.forecast,
    )
    return Came(
        lines=tuple(came_of(decision, pipeline, later, brief=True)),
        measured=_measured(decision, later, under[-1] if under else 0.0),
        under_s=under[-1] if under else 0.0,
        expected=expected,
        time_s=decision.time_s,
    )


def before_and_after(before: Configuration | None, after: Configuration | None) -> tuple[Change, ...]:
    """Return the two configurations stage by stage."""
    ran: Mapping[str, StageConfiguration] = {} if before is None else before.by_stage
    runs: Mapping[str, StageConfiguration] = {} if after is None else after.by_stage
    return tuple(
        Change(stage, _setting(ran, stage), _setting(runs, stage)) for stage in dict.fromkeys([*ran, *runs])
    )


def _steps(
    decision: Decision, pipeline: Pipeline | None, talk: Sequence[Said], later: Sequence[Decision]
) -> Iterator[Step]:
    yield Observed(decision.observation, decision.signals, None if pipeline is None else pipeline.slo)
    yield Foreseen(decision.forecast, decision.load_rps)
    assessed = Assessed(
        decision.findings, decision.belief, decision.events, _barred(decision), decision.time_s
    )
    if assessed.findings or assessed.events or assessed.quarantine or assessed.belief != Belief():
        yield assessed
    yield from _thought(decision, talk)
    if decision.approval is not None:
        yield Approved(decision.approval)
    yield _acted(decision)
    if decision.certificate is not None:
        yield Proved(decision.certificate)
    yield came(decision, pipeline, later)
    yield Spent(decision.planning)


def _thought(decision: Decision, talk: Sequence[Said]) -> Iterator[Step]:
    """Yield what was said and looked up, in turn, each proposal with its ruling where it was made."""
    uses, authors = list(decision.uses), _authors(decision, talk)
    proposed = 0
    while talk and uses and uses[0].call.startswith(OPENING):
        yield uses.pop(0)
    for exchange in talk:
        yield exchange
        if uses and exchange.call is not None and exchange.call.tool == uses[0].tool:
            yield uses.pop(0)
        elif proposed < len(authors) and exchange.proposes(decision.proposals[proposed].rationale):
            yield from _proposal(decision, proposed, authors)
            proposed += 1
    yield from uses
    for index in range(proposed, len(authors)):
        yield from _proposal(decision, index, authors)


def _proposal(decision: Decision, index: int, authors: Sequence[Author]) -> Iterator[Step]:
    """Yield a proposal, what the check said, and why it was not the last."""
    proposal = decision.proposals[index]
    yield Proposed(index + 1, proposal, authors[index], _loose(decision, proposal, authors[index]))
    if index < len(decision.rulings):
        ruling = decision.rulings[index]
        yield Checked(index + 1, ruling)
        if index + 1 < len(decision.proposals):
            yield Revised(ruling.ruled == "accepted", authors[index + 1])


def _authors(decision: Decision, talk: Sequence[Said]) -> tuple[Author, ...]:
    """Return who made each proposal. The model's come first; others end the turn."""
    planning, proposals = decision.planning, decision.proposals
    own = 0
    for exchange in talk:
        own += own < len(proposals) and exchange.proposes(proposals[own].rationale)
    model: Author = "model"
    other: Author = "no model"
    if planning.model is not None and not own and (planning.ungrounded or not (talk or planning.fell_back)):
        other = "unknown"  # it did propose, and the flight recorder no longer has what
    return (model,) * own + (other,) * (len(proposals) - own)


def _loose(decision: Decision, proposal: Proposal, author: Author) -> tuple[str, ...]:
    """Return the figures that nothing it cites has; the record lists those of the model's last proposal."""
    text = f"{proposal.diagnosis}\n{proposal.rationale}"
    if author == "no model":
        return ()
    flagged = written_in(text, decision.planning.ungrounded)
    if author == "unknown":
        return flagged
    cited = [use for use in decision.uses if use.id in proposal.evidence]
    return tuple(dict.fromkeys((*ungrounded(text, cited), *flagged)))


def _acted(decision: Decision) -> Acted:
    after = decision.running
    if decision.certificate is not None:
        after = decision.certificate.configuration
    elif decision.outcome in ("recommended", "refused") and decision.rulings:
        after = decision.rulings[-1].candidate or after
    changes = before_and_after(decision.running, after)
    return Acted(decision.outcome, decision.degraded, decision.note, changes)


def _measured(decision: Decision, later: Sequence[Decision], under_s: float) -> tuple[Observation, ...]:
    """Return what was measured while the expectations hold, and a little longer."""
    horizon_s = 0.0 if decision.forecast is None else decision.forecast.horizon_s
    until_s = max(under_s, decision.time_s + horizon_s)
    shown = [d for d in later if d.time_s <= until_s]
    found = later[: max(len(shown), LEAST_AFTER)]
    return tuple(d.observation for d in found if d.observation is not None)


def _barred(decision: Decision) -> tuple[Quarantine, ...]:
    return tuple(q for q in decision.quarantine if decision.time_s < q.until_s)


def _setting(by_stage: Mapping[str, StageConfiguration], stage: str) -> str:
    found = by_stage.get(stage)
    return (
        "–" if found is None else f"{found.variant}, batch {found.batch}, {count(found.replicas, 'replica')}"
    )
