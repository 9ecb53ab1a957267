"""Who answers for a change in mode `approve`: the person at the terminal, or whoever answers in the store."""

from __future__ import annotations

import sys
import time

import typer

from agent.approvals import os_user
from agent.lines import configuration_line
from agent.loop import Approver
from core.approval import Approval
from tools.requests import Request, Requests


def answers_in(requests: Requests) -> Approver:
    """Return what looks for the answers that `trimtab approve` and `trimtab refuse` leave."""

    def look(request: Request) -> Approval | None:
        return requests.answer_of(request.proposal)

    return look


def at_the_terminal(request: Request) -> Approval:
    """Ask the person who sits there."""
    sys.stderr.write(f"  runs:     {configuration_line(request.running)}\n")
    sys.stderr.write(f"  proposed: {configuration_line(request.proposed)}\n")
    sys.stderr.write(f"  because {request.rationale}; {request.effect}\n")
    agreed = typer.confirm(f"apply {request.decision} ({request.proposal[:12]})?", err=True)
    return Approval(proposal=request.proposal, agreed=agreed, approver=os_user(), at=time.time())
