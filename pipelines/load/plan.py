"""What a load run is to send and when, and what came of each request: files shared with the generator."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, model_validator

from core.errors import UsageError
from core.values import Count, Fraction, Frozen, Name, NonNegative, Positive, PositiveCount


class Worse(Frozen):
    """A time in which the inputs are worse."""

    start_s: NonNegative
    end_s: Positive
    drift: Fraction

    @model_validator(mode="after")
    def _in_order(self) -> Worse:
        if self.start_s >= self.end_s:
            raise ValueError(f"ends at {self.end_s:g} s, before it starts; swap them")
        return self


class Plan(Frozen):
    """All requests of a run."""

    kit: Name
    pipeline: Name
    """Its name at the router."""
    arrivals_s: Annotated[tuple[NonNegative, ...], Field(min_length=1)]
    """Seconds from the start, ascending."""
    worse: tuple[Worse, ...] = ()
    examples: PositiveCount = 100
    """Different inputs at each drift; requests draw among them."""
    seed: Count = 0
    timeout_s: Positive = 30.0
    """After which a client gives up."""
    labels: bool = True
    """Whether requests bring their right answers along."""
    cases_share: Fraction = 0.0
    """Share of the requests that also bring cases for the stages alone."""

    def drift_at(self, second: float) -> float:
        """Return how bad the inputs are then: 0 is clean."""
        return max((w.drift for w in self.worse if w.start_s <= second < w.end_s), default=0.0)


class Sent(Frozen):
    """One request and what came of it."""

    at: NonNegative
    """Unix time at which it was due."""
    late_s: NonNegative
    """How much later it was really sent."""
    latency_s: NonNegative
    """From when it was due to its answer."""
    status: Count
    """Of HTTP; 0 where there was no answer."""
    right: bool | None
    """None where there was no answer to judge."""
    drift: Fraction
    variants: str
    """That answered, by blank; empty where none did."""


COLUMNS = tuple(Sent.model_fields)


def read_plan(path: Path) -> Plan:
    """Return the plan in a file.

    Raises:
        UsageError: there is none.
    """
    try:
        return Plan.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise UsageError(f"{path}: is no plan of a load run") from error


def read_sent(path: Path) -> list[Sent]:
    """Return the requests that a results file lists, in the order they were due.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [_sent(row) for row in csv.DictReader(file)]
    except (OSError, ValidationError, ValueError, KeyError) as error:
        raise UsageError(f"{path}: is no result of a load run") from error
    return sorted(rows, key=lambda sent: sent.at)


def _sent(row: dict[str, str]) -> Sent:
    return Sent(
        at=float(row["at"]),
        late_s=float(row["late_s"]),
        latency_s=float(row["latency_s"]),
        status=int(row["status"]),
        right={"True": True, "False": False, "": None}[row["right"]],
        drift=float(row["drift"]),
        variants=row["variants"],
    )
