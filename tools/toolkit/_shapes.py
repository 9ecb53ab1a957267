"""What several tools take and give: a load, findings, limits with figures, and text made harmless."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field

from core.assessment import Finding
from core.configuration import Configuration
from core.errors import UsageError
from core.problem import Problem
from core.solution import Infeasible
from core.values import Frozen, Number
from core.verdict import Constraint
from tools.toolkit.situation import Situation

MOST_TEXT = 240
"""Characters of a text from outside that a result carries."""
MOST_LABEL = 64
"""Characters of a name from outside, such as a metric's label."""
MOST_FINDINGS = 12
"""Findings in one result."""
MOST_LOAD_RPS, MOST_LOAD_TIMES, MOST_HEADROOM = 1e9, 100.0, 10.0
"""A question may go further than a proposal."""


class AtLoad(Frozen):
    """Which load a question is about; that of the turn where nothing is said."""

    load: Annotated[Literal["decided", "point", "upper"], Field(description="point, upper: forecast")] = (
        "decided"
    )
    load_rps: Annotated[Number, Field(ge=0, le=MOST_LOAD_RPS)] | None = None
    """In place of *load*."""
    load_factor: Annotated[Number, Field(ge=0, le=MOST_LOAD_TIMES)] = 1.0
    """Times that load."""
    headroom: Annotated[Number, Field(ge=1, le=MOST_HEADROOM)] | None = None
    """Capacity as a multiple of the load; None for the loop's own."""

    def of(self, situation: Situation) -> Problem:
        """Return the turn's problem at that load, with that headroom.

        Raises:
            UsageError: two loads are given, or the forecast's where there is none.
        """
        problem, margins = situation.problem, situation.problem.margins
        if self.headroom is not None:
            margins = margins.model_copy(update={"headroom": self.headroom})
        load_rps = self._rps(situation) * self.load_factor
        if load_rps > MOST_LOAD_RPS:
            raise UsageError(f"a load of {load_rps:g} rps is no question; give at most {MOST_LOAD_RPS:g}")
        if load_rps == problem.load_rps and margins == problem.margins:
            return problem
        return problem.replaced(load_rps=load_rps, margins=margins)

    def _rps(self, situation: Situation) -> float:
        if self.load == "decided":
            return situation.problem.load_rps if self.load_rps is None else self.load_rps
        if self.load_rps is not None:
            raise UsageError("give load or load_rps, not both")
        if situation.forecast is None:
            raise UsageError("there is no forecast now; leave load out, or give load_rps")
        return situation.forecast.point_rps if self.load == "point" else situation.forecast.upper_rps


def fitting(situation: Situation) -> Configuration | None:
    """Return what runs; None where the pipeline has no such configuration, as after its file changed."""
    try:
        return situation.running.checked(situation.problem.pipeline)
    except UsageError:
        return None


class Limit(Frozen):
    """A constraint with its figures; slack is negative where it is broken."""

    constraint: str
    value: float | None
    limit: float | None
    slack: float | None


class Found(Frozen):
    """A finding; the figure is in the unit that the statement names."""

    kind: str
    subject: str
    statement: str
    since_s: float | None = None
    figure: float | None = None
    low: float | None = None
    high: float | None = None


def found(findings: Iterable[Finding]) -> tuple[Found, ...]:
    """Return findings as tools give them."""
    return tuple(
        Found(
            kind=f.kind,
            subject=harmless(f.subject, MOST_LABEL),
            statement=harmless(f.statement),
            since_s=f.since_s,
            figure=f.figure,
            low=f.low,
            high=f.high,
        )
        for f in list(findings)[:MOST_FINDINGS]
    )


def of_kinds(situation: Situation, *kinds: str) -> tuple[Found, ...]:
    """Return the findings of this turn that are of those kinds."""
    return found(f for f in situation.assessment.findings if f.kind in kinds)


def causes(findings: Iterable[Found]) -> tuple[str, ...]:
    """Return the kinds of findings, each once: what a result that lists them shows."""
    return tuple(dict.fromkeys(f.kind for f in findings))


def limit(constraint: Constraint) -> Limit:
    """Return a constraint as tools give it."""
    return Limit(
        constraint=constraint.constraint,
        value=constraint.value,
        limit=constraint.limit,
        slack=constraint.slack,
    )


def line(configuration: Configuration) -> str:
    """Return a configuration as `find: large batch 2 x 3; read: only batch 1 x 4`."""
    return "; ".join(
        f"{harmless(s.stage, MOST_LABEL)}: {harmless(s.variant, MOST_LABEL)} batch {s.batch} x {s.replicas}"
        for s in configuration.stages
    )


def reasons(answer: Infeasible) -> tuple[str, ...]:
    """Return why nothing is feasible, a sentence for each limit."""
    return tuple(b.statement for b in answer.bindings)


def would_fit(answer: Infeasible) -> tuple[str, ...]:
    """Return what would make it feasible, a sentence for each limit."""
    return tuple(r.statement for r in answer.relaxations)


def harmless(text: str, most: int = MOST_TEXT) -> str:
    """Return a text from outside on one line, without characters that are not seen, at most so long."""
    looked_at = text[: 4 * most]
    seen = (" " if c.isspace() else "" if unicodedata.category(c).startswith("C") else c for c in looked_at)
    kept = " ".join("".join(seen).split())
    whole = len(kept) <= most and len(looked_at) == len(text)
    return kept if whole else f"{kept[:most]}…"
