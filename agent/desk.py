"""Where people write: every answer and command of a person goes through here, after a check of their role.

The console and the command line differ in how they know who somebody is; what that person may do, and how it
is written, is the same for both. Nothing here acts: the loop does, in its next turn.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from agent.folder import REQUESTS
from core.approval import Approval
from core.calendar import Event
from core.decision import Mode
from core.roles import Role, require
from tools.commands import Command, CommandKind, Commands
from tools.requests import Requests
from tools.store import BUSY_S


@dataclass(frozen=True, slots=True)
class Person:
    """Who writes, and with what right."""

    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Desk:
    """What one person may write to one loop.

    Raises:
        NotAllowed: the person's role does not cover it; no file was touched.
        UsageError: no loop has used the folder, or what is said cannot be kept.
        StoreError: the file cannot be used.
    """

    folder: Path
    """The loop's data folder."""
    person: Person
    unix: Callable[[], float] = time.time
    busy_s: float = BUSY_S
    """How long to wait for another writer, in seconds."""

    def approve(self, decision: str, *, shown: str, comment: str = "") -> Approval:
        """Agree to exactly the change that was shown.

        Args:
            decision: Its id.
            shown: The whole hash of the change, as it was displayed.
            comment: Why; may be empty.

        Raises:
            UsageError: there is no such request, it asks about another change, or it is over.
        """
        return self._answer(decision, shown, comment, agreed=True)

    def refuse(self, decision: str, *, shown: str, comment: str = "") -> Approval:
        """Say no to exactly the change that was shown; as `approve`."""
        return self._answer(decision, shown, comment, agreed=False)

    def pause(self) -> Command:
        """Have the loop change nothing until somebody resumes; it goes on looking and recommending."""
        return self._put("pause")

    def resume(self) -> Command:
        """Let the loop act again, as far as its mode allows."""
        return self._put("resume")

    def mode(self, mode: Mode) -> Command:
        """Set how far the loop may go by itself; never further than it was started with."""
        return self._put("mode", mode)

    def announce(self, event: Event) -> Command:
        """Announce an event, in this person's name whatever the event says."""
        return self._put("announce", event.model_dump_json())

    def withdraw(self, event: str) -> Command:
        """Take back the event with that id."""
        return self._put("withdraw", event)

    def _answer(self, decision: str, shown: str, comment: str, *, agreed: bool) -> Approval:
        require(self.person.name, self.person.role, "answer")
        with closing(Requests(self.folder / REQUESTS, must_exist=True, busy_s=self.busy_s)) as requests:
            return requests.answer(
                decision,
                agreed=agreed,
                approver=self.person.name,
                comment=comment,
                at=self.unix(),
                shown=shown,
            )

    def _put(self, kind: CommandKind, body: str = "") -> Command:
        require(self.person.name, self.person.role, kind)
        with closing(Commands(self.folder / REQUESTS, must_exist=True, busy_s=self.busy_s)) as commands:
            return commands.put(kind, body, who=self.person.name, role=self.person.role, at=self.unix())
