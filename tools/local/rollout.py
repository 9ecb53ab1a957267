"""What to start and what to retire, so that a stage comes to run what is wanted without a gap.

The rule of the twin: all replicas of a new variant start while the old ones go on serving; the old ones go
once all the new ones are ready. What is too many goes youngest first, those still loading before those that
serve.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tools.local.layout import ReplicaPhase


@dataclass(frozen=True, slots=True)
class Replica:
    """A replica as the roll-out sees it."""

    id: int
    """Grows with every start."""
    variant: str
    phase: ReplicaPhase


@dataclass(frozen=True, slots=True)
class Steps:
    """What is due now."""

    start: int = 0
    """How many replicas of the wanted variant to start."""
    retire: tuple[int, ...] = ()
    """Ids of the replicas to drain."""


def steps(variant: str, wanted: int, replicas: Sequence[Replica]) -> Steps:
    """Return what brings a stage closer to *wanted* replicas of *variant*."""
    alive = [r for r in replicas if r.phase != "draining"]
    ours = [r for r in alive if r.variant == variant]
    others = [r for r in alive if r.variant != variant]
    ready = sum(r.phase == "ready" for r in ours)
    surplus = sorted(ours, key=lambda r: (r.phase != "starting", -r.id))[: max(0, len(ours) - wanted)]
    old = others if ready >= wanted else [r for r in others if r.phase == "starting"]
    return Steps(start=max(0, wanted - len(ours)), retire=tuple(r.id for r in (*surplus, *old)))
