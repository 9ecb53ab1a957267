"""What the planner needs of a flight recorder, and one that remembers only as long as the process lives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from core.spend import Spend

Kind = Literal["prompt", "response", "tool call", "tool result", "error"]
NOTHING = Spend()


class Recorder(Protocol):
    """Keeps what is said to and by a model, and what it cost. `tools.flight.FlightRecorder` is one.

    The spend of a prompt is what to reserve until its response or error is recorded. A decision whose last
    response or error is an error has failed.
    """

    def record(
        self,
        decision: str,
        kind: Kind,
        body: Mapping[str, Any],
        *,
        model: str | None = None,
        spend: Spend = NOTHING,
    ) -> object:
        """Record one thing; kept when this returns."""
        ...

    def spent(self, since_unix: float) -> Spend:
        """Return what was used since then, in seconds since 1970."""
        ...

    def failures(self) -> int:
        """Return how many of the newest decisions in a row have failed."""
        ...


@dataclass(frozen=True, slots=True)
class Noted:
    """One thing that was recorded."""

    unix_s: float
    decision: str
    kind: Kind
    body: Mapping[str, Any]
    model: str | None
    spend: Spend


@dataclass(slots=True)
class MemoryRecorder:
    """Remembers until the process ends: for what has no folder."""

    clock: Callable[[], float]
    noted: list[Noted] = field(default_factory=list)

    def record(
        self,
        decision: str,
        kind: Kind,
        body: Mapping[str, Any],
        *,
        model: str | None = None,
        spend: Spend = NOTHING,
    ) -> object:
        """Remember one thing."""
        self.noted.append(Noted(self.clock(), decision, kind, body, model, spend))
        return self.noted[-1]

    def spent(self, since_unix: float) -> Spend:
        """Add up what answers and errors cost."""
        total = Spend()
        for note in self.noted:
            if note.kind != "prompt" and note.unix_s >= since_unix:
                total = total.plus(note.spend)
        return total

    def failures(self) -> int:
        """Count the newest decisions in a row whose last word is an error."""
        last: dict[str, Kind] = {}
        for note in self.noted:
            if note.kind in ("response", "error"):
                last.pop(note.decision, None)
                last[note.decision] = note.kind
        count = 0
        for kind in reversed(last.values()):
            if kind != "error":
                break
            count += 1
        return count
