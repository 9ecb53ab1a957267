"""The loop's ear: reads what people command, does what concerns the calendar, and says what came of each.

Nothing that a person commands may stop the loop: what cannot be read, is not allowed or does not work has
that for its outcome. Only a file that cannot be used ends a turn, as nobody knows then whether it is paused.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from agent.orders import Orders
from core.autonomy import LADDER
from core.calendar import Event
from core.decision import Mode
from core.errors import TrimtabError, UsageError
from core.roles import require
from tools.calendar import Calendar, cleaned
from tools.commands import Command, Commanded, Commands, Outcome

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Heeding:
    """Reads each command once and keeps what they amount to."""

    commands: Commands
    calendar: Calendar
    pipeline: str
    unix: Callable[[], float]
    """Seconds since 1970."""
    orders: Orders = field(default_factory=Orders)
    _read: int = field(default=0)
    """Number of the last command that was read."""

    def look(self, most: Mode) -> Orders:
        """Read what is new and return what holds now.

        A command whose outcome is on record is not carried out again, but what it asked for still holds.

        Args:
            most: What the loop was started with.

        Raises:
            StoreError: the commands cannot be read, or an outcome cannot be kept.
        """
        for given in self.commands.after(self._read):
            if given.outcome is None:
                outcome = self._heard(given, most)
                self.commands.settle(given.seq, outcome)
                if not outcome.ok:
                    logger.warning("command %d was not followed: %s", given.seq, outcome.note)
            elif given.outcome.ok and given.command is not None:
                self.orders = self.orders.after(given.command)
            self._read = given.seq
        return self.orders

    def _heard(self, given: Commanded, most: Mode) -> Outcome:
        """Follow a command; return what came of it."""
        if given.command is None:
            return self._outcome(False, f"it cannot be read: {given.problem}")
        try:
            require(given.command.who, given.command.role, given.command.kind)
            note = self._followed(given.command, most)
        except TrimtabError as error:
            return self._outcome(False, str(error))
        return self._outcome(True, note)

    def _outcome(self, ok: bool, note: str) -> Outcome:
        return Outcome(ok=ok, note=" ".join(note.split()), at=self.unix())

    def _followed(self, command: Command, most: Mode) -> str:
        """Do what is wanted; return what to tell.

        Raises:
            TrimtabError: it cannot be done.
        """
        before, self.orders = self.orders, self.orders.after(command)
        match command.kind:
            case "announce":
                return self._announced(command.event)
            case "withdraw":
                self.calendar.remove(command.body)
                return f"{command.body} is withdrawn; the loop does without it"
            case "pause" if before.paused is not None:
                return f"it was {before.pause} already"
            case "resume" if before.paused is None:
                return "nobody had paused it"
        return _stands(self.orders, most)

    def _announced(self, event: Event) -> str:
        """Put an event into the calendar; one that a crash kept from its outcome is there already.

        Raises:
            UsageError: it is of another pipeline, or the calendar does not take it.
            StoreError: the calendar cannot be used.
        """
        if event.pipeline != self.pipeline:
            raise UsageError(f"this loop decides for {self.pipeline!r}, the event is of {event.pipeline!r}")
        kept = cleaned(event)
        if kept not in self.calendar.events():
            self.calendar.add(event)
        return f"{kept.id} is in the calendar"


def _stands(orders: Orders, most: Mode) -> str:
    """Say how the loop stands after a command, and what is left of a wish for more."""
    allowed, wanted = orders.capped(most), orders.wanted
    reason = f": {allowed.reason}" if allowed.reason else ""
    told = f"{allowed.mode} is the most the loop may do now{reason}"
    if wanted is None or LADDER.index(wanted.mode) <= LADDER.index(most):
        return told
    return f"{told}; it may never do more than {most}, so {wanted.mode} stays a wish"
