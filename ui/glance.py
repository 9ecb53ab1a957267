"""One pipeline at a glance: its last decision, its state in a word, and the last hour."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import Literal

import streamlit as st
from pydantic import ValidationError

from agent.asking import pipeline_of
from agent.controller.clock import FILE as CLOCK
from agent.controller.clock import Birth
from agent.controller.states import State, state_of
from agent.folder import DECISIONS
from core.configuration import Configuration
from core.decision import Decision
from core.errors import StoreError
from core.pipeline import Pipeline
from tools.points import Point, Points
from tools.presence import FILE as PRESENCE
from tools.presence import Life, Presence, life_of, read_presence
from tools.store import DecisionStore
from ui.places import BUSY_S, Place
from ui.when import HOUR_S, When

Gone = Literal["silent", "stopped"]
"""How a loop that should decide came to be gone."""
MOST_HELD = 256
"""Pipelines whose last hour is kept; some 100 kB each."""
LATE = 3
"""A turn that waited for a person is recorded after later ones: the last is among so many."""


@dataclass(frozen=True, slots=True)
class Glance:
    """What is to be seen of a pipeline at once."""

    place: Place
    when: When
    decision: Decision
    """The last one."""
    pipeline: Pipeline | None
    """None where the store no longer has it."""
    presence: Presence | None
    """None where a loop of an older version keeps none."""
    recent: tuple[Point, ...]
    """The hour of the loop's clock up to the last decision, oldest first."""

    @property
    def state(self) -> State:
        """Return the state in one word."""
        if self.presence is not None and self.presence.paused_by:
            return "paused"
        return state_of(self.decision, None if self.pipeline is None else self.pipeline.slo)

    @property
    def attainment(self) -> float | None:
        """Return the share of the last hour's requests that were in time; None where nothing counted them."""
        return attainment(self.recent)

    @property
    def cores(self) -> float | None:
        """Return the cores of what runs; None where either is unknown."""
        return cores_of(self.pipeline, self.decision.running)

    def life(self, now: float) -> Life | None:
        """Return whether the loop lives at Unix time *now*; None where it never said."""
        return None if self.presence is None else life_of(self.presence, now)

    def gone(self, now: float) -> Gone | None:
        """Return how a loop that should decide is gone at Unix time *now*; None where it is not."""
        life = self.life(now)
        if life == "silent":
            return "silent"
        stopped = life == "ended" and self.presence is not None and self.presence.real_time
        return "stopped" if stopped else None


def glance(place: Place, zone: tzinfo) -> Glance | None:
    """Return a pipeline at a glance; None where it has no decision.

    Read once, for all who look, as long as its files are as they were.

    Raises:
        StoreError: the store cannot be read.
        UsageError: it is gone.
    """
    return _read(place, str(zone), _stamps(place.folder), _zone=zone)


@st.cache_data(show_spinner=False, max_entries=MOST_HELD, ttl=HOUR_S)
def _read(place: Place, zone_name: str, stamps: tuple[object, ...], *, _zone: tzinfo) -> Glance | None:
    """Return it; the arguments but for the zone itself are what it is kept by."""
    with closing(Points(place.folder / DECISIONS, busy_s=BUSY_S)) as points:
        late = points.last(place.pipeline, LATE)
        if not late:
            return None
        last = max(late, key=lambda p: (len(p.id), p.id))
        now_s = last.time_s
        recent = points.between(place.pipeline, now_s - HOUR_S, now_s)
    with closing(DecisionStore(place.folder / DECISIONS, read_only=True, busy_s=BUSY_S)) as store:
        decision = store.decision(last.id)
        pipeline = pipeline_of(store, decision)
    presence = read_presence(place.folder)
    return Glance(
        place, When(zero_of(place.folder, presence), _zone), decision, pipeline, presence, tuple(recent)
    )


def _stamps(folder: Path) -> tuple[object, ...]:
    """Return what changes whenever the loop has written something; a file that is gone is one, too."""
    return tuple(_stamp(folder / name) for name in (DECISIONS, f"{DECISIONS}-wal", PRESENCE, CLOCK))


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def when_of(place: Place, zone: tzinfo) -> When:
    """Return what the clock of a pipeline's loop means.

    Raises:
        StoreError: what the loop says of itself is damaged.
    """
    return When(zero_of(place.folder, read_presence(place.folder)), zone)


def zero_of(folder: Path, presence: Presence | None) -> float | None:
    """Return the Unix time of second 0 of a loop's clock; None where its run is simulated.

    Raises:
        StoreError: the clock's file is damaged.
    """
    path = folder / CLOCK
    try:
        return Birth.model_validate_json(path.read_bytes()).zero
    except FileNotFoundError:
        pass
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror}; make it readable") from error
    except ValidationError as error:
        raise StoreError(f"{path}: is damaged; move the folder away to start anew") from error
    if presence is None or not presence.real_time:
        return None
    return presence.beat - presence.clock_s


def attainment(points: Sequence[Point]) -> float | None:
    """Return the share of all judged requests that were in time; None where none was."""
    judged = sum(p.judged for p in points if p.in_time is not None)
    if not judged:
        return None
    return sum(p.in_time * p.judged for p in points if p.in_time is not None) / judged


def cores_of(pipeline: Pipeline | None, configuration: Configuration | None) -> float | None:
    """Return the cores of a configuration; None where either is unknown."""
    if pipeline is None or configuration is None:
        return None
    return configuration.checked(pipeline).cores(pipeline)
