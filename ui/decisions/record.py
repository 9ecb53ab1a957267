"""What the decision page reads: one decision with its surroundings, and their list, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import get_args

from agent.asking import pipeline_of
from agent.explain.aftermath import FOLLOWED
from agent.folder import DECISIONS, FLIGHT
from agent.lines import reason_of
from core.decision import Decision, Outcome
from core.errors import StoreError, UsageError
from core.pipeline import Pipeline
from tools.flight import Entry, FlightRecorder
from tools.points import Point, Points
from tools.store import DecisionStore
from ui.places import BUSY_S, Place
from ui.struck import struck

PAGE = 50
"""Decisions of one page of the list: no more are read whole."""
QUIET: tuple[Outcome, ...] = ("held",)
CHANGES: tuple[Outcome, ...] = tuple(o for o in get_args(Outcome) if o not in QUIET)
"""Outcomes in which something was changed, or was meant to be."""


@dataclass(frozen=True, slots=True)
class Opened:
    """One decision with what is on record around it."""

    decision: Decision
    pipeline: Pipeline | None
    """None where the store no longer has it."""
    before: str | None
    """The id of the decision before it."""
    later: tuple[Decision, ...]
    """Those after it, oldest first."""
    entries: tuple[Entry, ...]
    trouble: str
    """Why what was said to a model cannot be shown; empty where it can, or nothing was."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of the list."""

    point: Point
    why: str


def reason(decision: Decision) -> str:
    """Return why it was decided so, in one line; ungrounded figures are struck through."""
    text, planning = reason_of(decision), decision.planning
    if decision.note or planning.fell_back:
        return text  # the loop's own words
    return struck(text, planning.ungrounded)


def opened(place: Place, name: str) -> Opened:
    """Return a decision of that pipeline.

    Raises:
        UsageError: there is none of that name.
        StoreError: the store cannot be read.
    """
    with closing(_store(place)) as store:
        decision = store.decision(name)
        if decision.pipeline != place.pipeline:
            raise UsageError(f"decision {name!r} is one of pipeline {decision.pipeline!r}; open it there")
        before, later = store.before(name, 1), store.after(name, FOLLOWED)
        pipeline = pipeline_of(store, decision)
    entries, trouble = _said(place, decision)
    return Opened(decision, pipeline, before[0].id if before else None, later, entries, trouble)


def after(place: Place, name: str) -> tuple[Decision, ...]:
    """Return the decisions after that one, as they are now.

    Raises:
        UsageError: there is no such decision.
        StoreError: the store cannot be read.
    """
    with closing(_store(place)) as store:
        return store.after(name, FOLLOWED)


def newest(place: Place) -> int | None:
    """Return where the last decision stands in its store; None where there is none.

    Raises:
        StoreError: the store cannot be read.
    """
    with closing(Points(place.folder / DECISIONS, busy_s=BUSY_S)) as points:
        last = points.page(place.pipeline, None, 1)
    return last[0].seq if last else None


def listed(place: Place, up_to_seq: int, outcomes: Sequence[Outcome]) -> tuple[list[Listed], int | None]:
    """Return one page of decisions, newest first, and where the next one begins; None where there is none.

    Raises:
        StoreError: the store cannot be read.
    """
    with closing(Points(place.folder / DECISIONS, busy_s=BUSY_S)) as points:
        found = points.page(place.pipeline, up_to_seq, PAGE + 1, outcomes)
    with closing(_store(place)) as store:
        rows = [Listed(point, reason(store.decision(point.id))) for point in found[:PAGE]]
    return rows, found[PAGE].seq if len(found) > PAGE else None


def _said(place: Place, decision: Decision) -> tuple[tuple[Entry, ...], str]:
    """Return what was said to and by a model. A damaged recorder hides that, and not the decision."""
    if decision.planning.model is None:
        return (), ""
    try:
        with closing(FlightRecorder(place.folder / FLIGHT, lambda: 0.0, read_only=True)) as recorder:
            entries = recorder.entries(decision.id)
    except (StoreError, UsageError) as error:
        return (), str(error)
    return entries, "" if entries else "the flight recorder has nothing of this decision: it was pruned"


def _store(place: Place) -> DecisionStore:
    return DecisionStore(place.folder / DECISIONS, read_only=True, busy_s=BUSY_S)
