"""What can go wrong between a client and the API server, one type for each."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

LOGIN_PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><form></form></body></html>"
REASONS = {403: "Forbidden", 409: "Conflict", 429: "TooManyRequests", 500: "InternalError"}


@dataclass(frozen=True, slots=True)
class Answer:
    """The proxy answers; the API server hears nothing."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    """None for what an API server says with such a status."""

    def content(self) -> bytes:
        """Return the body that is sent."""
        if self.body is not None:
            return self.body
        phrase = HTTPStatus(self.status).phrase
        status = {
            "apiVersion": "v1",
            "kind": "Status",
            "status": "Failure",
            "code": self.status,
            "reason": REASONS.get(self.status, phrase.replace(" ", "")),
            "message": f"{phrase}, says the fault proxy",
        }
        return json.dumps(status).encode()


@dataclass(frozen=True, slots=True)
class Delay:
    """The request is passed on, but late."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Silence:
    """There is no answer, until the client hangs up."""

    forwarded: bool
    """Whether the API server has done what was asked."""


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection is reset."""

    forwarded: bool
    """Whether the API server has done what was asked."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The request is passed on, and the answer breaks off in the middle."""

    after: int = 0
    """Events of a watch that come whole before."""


Fault = Answer | Delay | Silence | Reset | Cut


def busy(retry_after_s: int = 1) -> Answer:
    """Return what an API server says that has too much to do."""
    return Answer(429, {"Retry-After": str(retry_after_s)})


def login_page() -> Answer:
    """Return what a gateway says that wants somebody to sign in."""
    return Answer(200, {"Content-Type": "text/html; charset=utf-8"}, LOGIN_PAGE)


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came."""

    method: str
    path: str
    query: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Seen:
    """A request, and what became of it; on record before the client can know."""

    request: Request
    fault: Fault | None
    upstream: int | None
    """What the API server answered; None where it was not asked, or is not there."""
    status: int | None
    """What the client was told; None where it was told nothing."""


@dataclass(slots=True)
class Rule:
    """A fault for some of the requests of a kind: from the *first* of them on, so many *times*."""

    fault: Fault
    method: str
    path: re.Pattern[str]
    first: int
    times: int | None
    """None for ever."""
    met: int = 0

    def strikes(self, request: Request) -> bool:
        """Count a request if it is of the kind, and say whether the fault is for it."""
        if request.method != self.method or not self.path.search(request.path):
            return False
        self.met += 1
        return self.first <= self.met and (self.times is None or self.met < self.first + self.times)
