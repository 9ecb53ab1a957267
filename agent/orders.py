"""What people want of the loop now: their commands folded, oldest first, and how far the loop may go then.

    allowed = the least of what the loop was started with and what was wanted last; nothing while it is paused

A wish for more than the loop was started with is kept, and capped.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from core.autonomy import LADDER, Moved
from core.decision import Mode
from tools.commands import Command


@dataclass(frozen=True, slots=True)
class Orders:
    """What the commands so far amount to."""

    paused: Command | None = None
    """The pause that holds; None where nobody paused."""
    wanted: Command | None = None
    """The last word on the mode."""

    def after(self, command: Command) -> Orders:
        """Return the orders once *command* holds too; a pause that holds is not begun again by another."""
        match command.kind:
            case "pause":
                return replace(self, paused=self.paused or command)
            case "resume":
                return replace(self, paused=None)
            case "mode":
                return replace(self, wanted=command)
            case "announce" | "withdraw":
                return self

    def capped(self, most: Mode, reason: str = "") -> Moved:
        """Return what the loop may do by itself, and why not more.

        Args:
            most: What it was started with.
            reason: Why that is not more.
        """
        found = Moved(most, reason)
        if self.wanted is not None and LADDER.index(self.wanted.mode) < LADDER.index(most):
            found = Moved(self.wanted.mode, _joined(reason, f"set by {self.wanted.who}"))
        if self.paused is not None:
            found = Moved(LADDER[0], _joined(reason, self.pause))
        return found

    @property
    def pause(self) -> str:
        """Who paused it and since when; empty where nobody did."""
        if self.paused is None:
            return ""
        since = datetime.fromtimestamp(self.paused.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return f"paused by {self.paused.who} since {since}"


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
