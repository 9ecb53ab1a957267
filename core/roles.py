"""Who may do what to a running loop: three roles, each with all that the one before it may."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from core.errors import UsageError

Role = Literal["viewer", "approver", "admin"]
Act = Literal["answer", "pause", "resume", "announce", "withdraw", "mode"]

ROLES: tuple[Role, ...] = ("viewer", "approver", "admin")
"""From least to most."""
NEEDED: Mapping[Act, Role] = {
    "answer": "approver",
    "pause": "approver",
    "resume": "approver",
    "announce": "approver",
    "withdraw": "approver",
    "mode": "admin",
}
"""The least role for each act; reading needs none."""
WORDS: Mapping[Act, str] = {
    "answer": "answer a request",
    "pause": "pause the loop",
    "resume": "let the loop act again",
    "announce": "announce an event",
    "withdraw": "withdraw an event",
    "mode": "set the mode",
}


class NotAllowed(UsageError):
    """Somebody wanted to do what their role does not cover; nothing was done."""


def allowed(role: str, act: Act) -> bool:
    """Say whether a role covers an act; one that is unknown covers nothing."""
    return role in ROLES[ROLES.index(NEEDED[act]) :]


def require(who: str, role: str, act: Act) -> None:
    """Let only those pass who may.

    Raises:
        NotAllowed: the role does not cover the act.
    """
    if not allowed(role, act):
        raise NotAllowed(f"{who!r} may not {WORDS[act]} as {role!r}: the role {NEEDED[act]!r} is needed")
