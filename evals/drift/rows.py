"""What an episode of the drift suite adds to its row, as JSON: what was named when, and the false alarms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from core.complaints import complaint
from core.errors import InvalidDocument
from core.values import Count, Frozen, NonNegative, Number
from evals.drift.case import What
from evals.drift.judging import Naming
from evals.frames import Row

if TYPE_CHECKING:  # who reads rows needs nothing of what makes them
    from evals.drift.running import DriftResult


class NamedRow(Frozen):
    """Whether one happening was named."""

    what: What
    subject: str
    start_s: NonNegative
    naming: Naming
    after_s: Number | None
    """From its start to the first decision that named it; None where none did."""


class AlarmRow(Frozen):
    """One false alarm."""

    kind: str
    subject: str
    time_s: NonNegative
    statement: str
    ambiguous: bool
    """Whether it shares its evidence with one that was right."""


class DriftExtra(Frozen):
    """The `extra` of a row of the suite."""

    named: tuple[NamedRow, ...] = ()
    alarms: tuple[AlarmRow, ...] = ()
    assessed_s: NonNegative = 0.0
    """How long something was there to raise alarms: the episode for a loop, 0 for a replayed policy."""
    fell_back: Count = 0
    """Decisions for which the planner gave up and another took over."""


def extra_of(result: DriftResult) -> DriftExtra:
    """Return what the judgement of an episode comes to."""
    named = tuple(
        NamedRow(
            what=a.happening.what,
            subject=a.happening.subject,
            start_s=a.happening.start_s,
            naming=a.naming,
            after_s=a.after_s,
        )
        for a in result.attributions
    )
    alarms = tuple(
        AlarmRow(
            kind=a.kind,
            subject=a.subject,
            time_s=a.time_s,
            statement=a.statement,
            ambiguous=a.ambiguous,
        )
        for a in result.alarms
    )
    return DriftExtra(
        named=named,
        alarms=alarms,
        assessed_s=result.decisions[-1].time_s if result.decisions else 0.0,
        fell_back=sum(bool(d.planning.fell_back) for d in result.decisions),
    )


def read_extra(row: Row) -> DriftExtra:
    """Return the `extra` of a row of the suite.

    Raises:
        InvalidDocument: it is not of this suite, or of another version.
    """
    try:
        return DriftExtra.model_validate(row.extra)
    except ValidationError as error:
        where = f"{row.scenario}, {row.policy}, seed {row.seed}"
        raise InvalidDocument(f"{where}: extra: {complaint(error, DriftExtra)}") from error
