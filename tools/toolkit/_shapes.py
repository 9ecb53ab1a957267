"""What several tools take and give: settings of stages, limits with figures, and text made harmless."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Literal

from pydantic import Field

from core.configuration import Configuration
from core.pipeline import Pipeline
from core.problem import VariantName
from core.solution import Infeasible
from core.values import Frozen, Name, Positive
from core.verdict import Constraint
from tools.toolkit.situation import Situation

MOST_TEXT = 300
"""Characters of a text from outside that a result carries."""
MOST_NAMES = 32
"""Variants that one question may exclude or require."""

Load = Literal["decided", "point", "upper"]
"""Which load a question is about: that of the turn, or the forecast's point or upper quantile."""
Names = Annotated[tuple[VariantName, ...], Field(max_length=MOST_NAMES)]
LoadRps = Annotated[Positive, Field(le=1e9, description="requests per second; the turn's load by default")]


class StageRow(Frozen):
    """One stage of a configuration."""

    stage: Name
    variant: Name
    batch: int
    replicas: int
    cores: float | None = None


class Limit(Frozen):
    """A constraint with its figures; slack is negative where it is broken."""

    constraint: str
    value: float | None
    limit: float | None
    slack: float | None


class Reason(Frozen):
    """Why nothing is feasible, or what would be."""

    statement: str


def rows(configuration: Configuration, pipeline: Pipeline) -> tuple[StageRow, ...]:
    """Return a configuration stage by stage."""
    return tuple(
        StageRow(
            stage=s.stage,
            variant=s.variant,
            batch=s.batch,
            replicas=s.replicas,
            cores=s.replicas * pipeline.stage(s.stage).variant(s.variant).cores,
        )
        for s in configuration.stages
    )


def limit(constraint: Constraint) -> Limit:
    """Return a constraint as a tool gives it."""
    return Limit(
        constraint=constraint.constraint,
        value=constraint.value,
        limit=constraint.limit,
        slack=constraint.slack,
    )


def reasons(answer: Infeasible) -> tuple[Reason, ...]:
    """Return why nothing is feasible."""
    return tuple(Reason(statement=b.statement) for b in answer.bindings)


def would_fit(answer: Infeasible) -> tuple[Reason, ...]:
    """Return what would make it feasible."""
    return tuple(Reason(statement=r.statement) for r in answer.relaxations)


def load_of(situation: Situation, load: Load) -> float:
    """Return the load that is meant, in requests per second; the turn's where there is no forecast."""
    if situation.forecast is None or load == "decided":
        return situation.problem.load_rps
    return situation.forecast.point_rps if load == "point" else situation.forecast.upper_rps


def harmless(text: str, most: int = MOST_TEXT) -> str:
    """Return a text from outside on one line, without characters that are not seen, at most so long."""
    seen = (" " if c.isspace() else "" if unicodedata.category(c).startswith("C") else c for c in text)
    line = " ".join("".join(seen).split())
    return line if len(line) <= most else f"{line[:most]}…"
