"""What the loop said, held against what was true: was the cause named, how soon, and what was false alarm.

A thing is named by a finding or a correction of the belief of its kind on its subject, and on its variant
where one variant alone was befallen (the belief says which); an announced crowd by an accepted proposal
that gives the calendar as its cause. That may be before the crowd comes; the time to it is negative then.

A false alarm is a run of turns in which one kind is found on one subject, begun while nothing of that kind
held there, nor within `GRACE_S` before: evidence of what has just ended is no invention. Answers are labelled
for combinations of variants, so a loss of accuracy may fit two stages alike, and the loop then says so and
names both. That is told apart as `ambiguous`: one of them is right, and the other is no invention either.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from core.assessment import FindingKind
from core.decision import Decision
from evals.drift.case import Happening, What

Naming = Literal["right", "wrong", "never"]
"""`wrong`: only things that were not so were named while it lasted."""
Kind = FindingKind | Literal["announced event"]

GRACE_S = 60.0
"""How long after its end a thing may still begin to be found: six intervals."""
FORESEEN_S = 120.0
"""How long before an announced crowd it may be named for it to count."""
DAY_S = 86_400.0
ALARMS: tuple[Kind, ...] = ("latency drift", "accuracy drift", "capacity loss", "forecast bias")
"""Kinds that accuse something. A surge is a comparison, and a breach is what it says."""
SHARED: Kind = "accuracy drift"
"""The kind whose evidence several stages share."""
NAMES: dict[What, tuple[Kind, ...]] = {
    "latency drift": ("latency drift",),
    "accuracy drift": ("accuracy drift",),
    "lost capacity": ("capacity loss",),
    "crash loop": ("capacity loss",),
    "flash crowd": ("load surge",),
    "announced crowd": ("announced event",),
    "metrics outage": ("missing metrics", "stale metrics"),
    "forecast bias": ("forecast bias",),
}
"""What each happening may rightly be called."""


@dataclass(frozen=True, slots=True)
class Named:
    """One thing a decision says."""

    kind: Kind
    subject: str
    variant: str | None = None
    """Where the belief says which."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """Whether one happening was named."""

    happening: Happening
    naming: Naming
    after_s: float | None
    """From its start to the first decision that named it; None where none did."""


@dataclass(frozen=True, slots=True)
class FalseAlarm:
    """Something found that was not so."""

    kind: Kind
    subject: str
    time_s: float
    statement: str
    ambiguous: bool = False
    """Whether the same turn found the same on a subject of which it was so, by labels that both share."""


def attributions(decisions: Sequence[Decision], truth: Sequence[Happening]) -> tuple[Attribution, ...]:
    """Return for each happening whether and when it was named."""
    return tuple(_attribution(decisions, happening, truth) for happening in truth)


def false_alarms(decisions: Sequence[Decision], truth: Sequence[Happening]) -> tuple[FalseAlarm, ...]:
    """Return where something began to be found that was not so."""
    found: list[FalseAlarm] = []
    before: set[tuple[Kind, str]] = set()
    for decision in decisions:
        at_s = decision.time_s
        now = {(f.kind, f.subject): f.statement for f in decision.findings if f.kind in ALARMS}
        for (kind, subject), statement in now.items():
            if (kind, subject) not in before and not _so(kind, subject, at_s, truth):
                shared = kind == SHARED and any(k == kind and _so(k, s, at_s, truth) for k, s in now)
                found.append(FalseAlarm(kind, subject, at_s, statement, ambiguous=shared))
        before = set(now)
    return tuple(found)


def named(decision: Decision) -> Iterator[Named]:
    """Yield what a decision says is so."""
    for finding in decision.findings:
        yield Named(finding.kind, finding.subject)
    for slower in decision.belief.latency:
        yield Named("latency drift", slower.stage, slower.variant)
    for worse in decision.belief.accuracy:
        yield Named("accuracy drift", worse.stage, worse.variant)
    for cap in decision.belief.capacity:
        yield Named("capacity loss", cap.stage)
    for proposal, ruling in zip(decision.proposals, decision.rulings, strict=False):
        if proposal.cause == "announced event" and ruling.ruled == "accepted":
            yield Named("announced event", decision.pipeline)


def _attribution(
    decisions: Sequence[Decision], happening: Happening, truth: Sequence[Happening]
) -> Attribution:
    early_s = FORESEEN_S if happening.what == "announced crowd" else 0.0
    during = [d for d in decisions if happening.start_s - early_s <= d.time_s < happening.end_s + GRACE_S]
    for decision in during:
        if any(_names(said, happening) for said in named(decision)):
            return Attribution(happening, "right", decision.time_s - happening.start_s)
    wrong = any(
        said.kind in ALARMS and not _so(said.kind, said.subject, decision.time_s, truth)
        for decision in during
        for said in named(decision)
    )
    return Attribution(happening, "wrong" if wrong else "never", None)


def _names(said: Named, happening: Happening) -> bool:
    right = said.kind in NAMES[happening.what] and said.subject == happening.subject
    return right and (happening.variant is None or said.variant == happening.variant)


def _so(kind: Kind, subject: str, time_s: float, truth: Sequence[Happening]) -> bool:
    """Say whether something of that kind holds on the subject, or did lately."""
    return any(
        kind in NAMES[h.what] and h.subject == subject and h.holds(time_s, grace_s=GRACE_S) for h in truth
    )
