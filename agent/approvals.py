"""What `trimtab requests`, `approve` and `refuse` do: list what waits for a person, and answer it."""

from __future__ import annotations

import json
import os
import pwd
import time
from contextlib import closing
from pathlib import Path

from agent.answers import Answer
from agent.desk import Desk, Person
from agent.folder import REQUESTS
from agent.lines import configuration_line
from tools.requests import Asked, Requests

LISTED = 20
"""Requests listed, those that are over included."""


def listed(data: Path, *, everything: bool, as_json: bool) -> None:
    """Print the requests that wait, oldest first; with *everything* also those that are over."""
    now = time.time()
    with closing(Requests(data / REQUESTS, must_exist=True)) as requests:
        found = requests.latest(LISTED)[::-1]
    shown = [asked for asked in found if everything or asked.state(now) == "waiting"]
    for asked in shown:
        print(json.dumps(answer_of(asked, now), allow_nan=False) if as_json else text_of(asked, now))  # noqa: T201 - the output
    if not shown and not as_json:
        print("no change waits for an answer")  # noqa: T201 - the output


def answered(data: Path, which: str, *, agreed: bool, comment: str = "", approver: str | None = None) -> None:
    """Answer a request and print in whose name.

    Raises:
        UsageError: no request is meant, or several; it is closed, expired or answered.
        StoreError: the file cannot be used.
    """
    desk = Desk(data, Person(approver or os_user(), "admin"))
    with closing(Requests(data / REQUESTS, must_exist=True)) as requests:
        meant = requests.meant(which)
    say = desk.approve if agreed else desk.refuse
    word = say(meant.decision, shown=meant.proposal, comment=comment)
    said = "agreed to" if word.agreed else "refused"
    print(f"{said} {word.proposal[:12]} as {word.approver}; the loop acts on it in its next turn")  # noqa: T201 - the output


def os_user() -> str:
    """Return the name of the user whose process this is: not what the environment claims."""
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:  # a container may run under a number without a name
        return f"uid-{uid}"
    return "-".join(name.split()) or f"uid-{uid}"


def text_of(asked: Asked, now: float) -> str:
    """Return a request for a person to read; a planner's text keeps to its line and steers no terminal."""
    request, state = asked.request, asked.state(now)
    left = f", {request.expires_at - now:.0f} s left" if state == "waiting" else ""
    comment = asked.answer.comment if asked.answer is not None else ""
    lines = [
        f"{request.decision}  {request.proposal[:12]}  {state}{left}",
        f"  runs:     {configuration_line(request.running)}",
        f"  proposed: {configuration_line(request.proposed)}",
        f"  effect:   {request.effect}",
        f"  planner:  {request.rationale}",
        *([f"  comment:  {comment}"] if comment else []),
    ]
    return "\n".join(printable(line) for line in lines)


def answer_of(asked: Asked, now: float) -> Answer:
    """Return the JSON object of a request."""
    request = asked.request
    return {
        "id": request.decision,
        "pipeline": request.pipeline,
        "hash": request.proposal,
        "state": asked.state(now),
        "running": [s.model_dump() for s in request.running.stages],
        "proposed": [s.model_dump() for s in request.proposed.stages],
        "effect": request.effect,
        "rationale": request.rationale,
        "askedAt": request.asked_at,
        "expiresAt": request.expires_at,
        "answer": None if asked.answer is None else asked.answer.model_dump(mode="json"),
    }


def printable(text: str) -> str:
    """Return a text on one line that steers no terminal."""
    return "".join(c if c.isprintable() else " " for c in text)
