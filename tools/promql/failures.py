"""What can come back instead of an answer, each as one line: what happened, and the way out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import requests
from urllib3.exceptions import (
    ConnectTimeoutError,
    DecodeError,
    IncompleteRead,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

MOST_SHOWN = 200
"""Characters of somebody else's text."""
PASSING = (408, 429, 500, 502, 503, 504)
"""Statuses that may be another one in a moment."""
HINTS = {
    404: "give the URL up to, not including, /api/v1",
    405: "it, or a proxy before it, does not take POST; allow it for /api/v1/query and /api/v1/query_range",
    408: "it, or a proxy before it, waited too long",
    413: "a proxy before it takes no query of this size; raise its limit",
    429: "it is asked too often; raise its limit, or the interval",
    503: "it is starting, overloaded, or a query took too long",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer."""

    text: str
    """Continues "Prometheus at URL ..."."""
    may_pass: bool = False
    """Whether the same request may get an answer in a moment."""
    after_s: float = 0.0
    """The server's own word on how long to wait."""
    is_of_the_query: bool = False
    """Whether the query is to be named: another one may well be answered."""


def no_time_left() -> Failure:
    """Return what is said where the interval is over."""
    return Failure("was not asked: the time for this sweep is over; is it slow, or deadline too short?")


def too_slow() -> Failure:
    """Return what is said of an answer that trickles in."""
    return Failure("did not finish its answer in time", may_pass=True, is_of_the_query=True)


def too_large(limit: int) -> Failure:
    """Return what is said of an answer without end."""
    return Failure(
        f"sends more than {limit // 2**20} MB; the query gives too many series, aggregate them",
        is_of_the_query=True,
    )


def unreadable(what: str, path: Path | None, error: Exception) -> Failure:
    """Return what is said where a file that is needed for asking cannot be used."""
    reason = (error.strerror or str(error)) if isinstance(error, OSError) else "it is no text"
    return Failure(
        f"cannot be asked: the {what} file {str(path)!r} cannot be used ({_short(reason)}); mount it"
    )


def of_connection(error: Exception, *, limit_s: float, has_ca: bool) -> Failure:
    """Return what went wrong on the way, by the innermost cause that says it."""
    causes = list(_causes(error))
    if (tls := _first(causes, SSLError, requests.exceptions.SSLError)) is not None:
        fix = "--ca-file may name the wrong authority" if has_ca else "name its authority with --ca-file"
        return Failure(f"cannot be asked: TLS does not come about ({_short(_innermost(tls))}); {fix}")
    is_new = _first(causes, NewConnectionError) is not None  # a kind of time-out to urllib3, but none to us
    if not is_new and _first(causes, ConnectTimeoutError, ReadTimeoutError, TimeoutError) is not None:
        text = f"did not answer within {limit_s:.1f} s; is it overloaded, or a firewall in the way?"
        return Failure(text, may_pass=True, is_of_the_query=True)
    if _first(causes, IncompleteRead, DecodeError) is not None:
        return Failure("gave an answer that is cut short", may_pass=True, is_of_the_query=True)
    return Failure(f"cannot be asked: {_no_connection(causes)}", may_pass=True)


def _no_connection(causes: list[object]) -> str:
    if _first(causes, ProxyError, requests.exceptions.ProxyError) is not None:
        return "the proxy does not answer; check HTTPS_PROXY and NO_PROXY"
    if _first(causes, NameResolutionError) is not None:
        return "nobody knows its host name; check the URL, or the DNS"
    if (new := _first(causes, NewConnectionError)) is not None:
        return f"{_short(_innermost(new))}; is it running, and there?"
    return "the connection was lost; was it restarted?"


def sent_on(location: str) -> Failure:
    """Return what is said of a redirect: its address may hold secrets, so only its host is shown."""
    host = location.partition("://")[2].partition("/")[0].rpartition("@")[2]
    where = f"to {_short(host)!r}" if host else "elsewhere"
    return Failure(
        f"sends us {where}, to log in perhaps; give the URL of its API itself, and --bearer-token-file"
    )


def of_status(status: int, text: object, retry_after: str | None, *, has_credentials: bool) -> Failure:
    """Return what an HTTP status other than 200 means."""
    said = f": {_short(text)}" if isinstance(text, str) and text else ""
    if status in (400, 422):
        return Failure(f"refuses the query{said}", is_of_the_query=True)
    if status in (401, 403):
        fix = "is the token still good, and may it read?" if has_credentials else "give --bearer-token-file"
        return Failure(f"does not let us in ({status}); {fix}")
    hint = HINTS.get(status, "look at its log")
    after_s = float(retry_after) if retry_after is not None and retry_after.isdigit() else 0.0
    return Failure(f"answers {status}{said}; {hint}", may_pass=status in PASSING, after_s=after_s)


def no_json(body: bytes, content_type: str) -> Failure:
    """Return what is said of a page, or of JSON that ends in the middle."""
    if "html" in content_type.lower() or body.lstrip()[:1] == b"<":
        return Failure("answers with a web page, to log in perhaps; give the URL of its API, and a token")
    if body.lstrip()[:1] == b"{":
        return Failure("gave an answer that is cut short", may_pass=True, is_of_the_query=True)
    return another_server()


def another_server() -> Failure:
    """Return what is said of an answer that Prometheus never gives."""
    return Failure("does not answer as Prometheus does; is it another server?")


def refused(text: object) -> Failure:
    """Return what is said of `status: error` under a 200."""
    said = f": {_short(text)}" if isinstance(text, str) and text else ""
    return Failure(f"refuses the query{said}", is_of_the_query=True)


def in_part(warnings: object) -> Failure:
    """Return what is said where a part of the answer is missing: it would look like zero."""
    first = warnings[0] if isinstance(warnings, list) and warnings else warnings
    return Failure(f"answers only in part, which is no answer: {_short(str(first))}", is_of_the_query=True)


def _causes(error: BaseException | None) -> Iterator[object]:
    """Yield the error and what it came from: by chain, by `reason` and by arguments."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        each = waiting.pop(0)
        if not isinstance(each, BaseException) or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [getattr(each, "reason", None), *each.args, each.__cause__, each.__context__]


def _first(causes: list[object], *kinds: type[BaseException]) -> BaseException | None:
    return next((c for c in causes if isinstance(c, kinds)), None)


def _innermost(error: BaseException) -> str:
    """Return the operating system's or OpenSSL's own words."""
    for each in _causes(error):
        if isinstance(each, OSError) and (text := each.strerror or getattr(each, "verify_message", "")):
            return str(text)
    return type(error).__name__


def _short(text: object) -> str:
    """Return somebody else's text as one printable line."""
    plain = "".join(c if c.isprintable() else " " for c in str(text))
    line = " ".join(plain.split())
    return line if len(line) <= MOST_SHOWN else f"{line[:MOST_SHOWN]}..."
