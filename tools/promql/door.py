"""The HTTP below the Prometheus client: credentials, bounds, one retry, and every failure as one line.

It stands where `PrometheusConnect` expects a `requests.Session`, because the client by itself sends queries
in the URL (too long for many pipelines), knows no total time, reads answers of any size, follows redirects
to log-in pages, and drops warnings. What is refused here:

- redirects: a token is never sent on to another host, and a log-in page is no answer;
- answers in part ("warnings"): what is missing in them would look like zero;
- whatever is not the JSON that Prometheus speaks, is larger than `MOST_BYTES`, or comes after the time is up.

No secret (token, header, password in the URL) is ever part of a message or a representation.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.auth import AuthBase, HTTPBasicAuth
from urllib3.exceptions import HTTPError

from core.errors import MetricsUnavailable, UsageError
from tools.promql import failures
from tools.promql.failures import Failure

MOST_BYTES = 64 * 2**20
"""Of one answer; the largest for 200 pipelines has about 5 MB."""
CHUNK = 2**16
PAUSE_S = 0.2
"""Before the one retry."""
LEAST_S = 0.05
"""Less time is not worth a request."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where Prometheus is, and what shows that we may ask."""

    url: str
    """Without credentials."""
    bearer_token_file: Path | None = None
    """Read at every request: tokens of service accounts are renewed every hour."""
    ca_file: Path | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    basic: tuple[str, str] | None = field(default=None, repr=False)
    """User and password that stood in the URL."""

    @classmethod
    def of(
        cls,
        url: str,
        *,
        bearer_token_file: Path | None = None,
        ca_file: Path | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Address:
        """Take the credentials out of *url*.

        Raises:
            UsageError: it is no address, or a header is none.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise UsageError("the URL of Prometheus is none; write http://HOST:PORT") from error
        if parts.scheme not in ("http", "https") or not host:
            raise UsageError("the URL of Prometheus must be http://HOST:PORT or https://HOST")
        for name, value in (headers or {}).items():
            if not _is_header(name, value):
                raise UsageError(f"header {name!r} cannot be sent; write NAME=VALUE in printable ASCII")
        shown_host = f"[{host}]" if ":" in host else host
        netloc = shown_host if port is None else f"{shown_host}:{port}"
        bare = urlunsplit((parts.scheme, netloc, parts.path.rstrip("/"), "", ""))
        basic = None if parts.username is None else (parts.username, parts.password or "")
        return cls(bare, bearer_token_file, ca_file, dict(headers or {}), basic)


@dataclass(frozen=True, slots=True)
class Answer:
    """What PrometheusConnect wants of a response."""

    content: bytes
    parsed: Any
    status_code: int = 200

    def json(self) -> Any:  # noqa: ANN401 - whatever JSON holds
        """Return the parsed body."""
        return self.parsed


class Door:
    """Stands where a `requests.Session` does. Not for several threads at once."""

    cert = None
    """PrometheusConnect passes it back to us."""

    def __init__(self, address: Address, *, attempt_s: float) -> None:
        self._address = address
        self._attempt_s = attempt_s
        self._session = requests.Session()
        self.verify: bool | str = True if address.ca_file is None else str(address.ca_file)
        self._asked = ""

    def asked_for(self, what: str) -> None:
        """Say what the next request is, for what is reported of it."""
        self._asked = what

    def mount(self, prefix: str, adapter: object) -> None:
        """Pass over the client's own retries."""

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any],
        timeout: float,
        verify: object,
        headers: object,
        auth: object,
        cert: object,
    ) -> Answer:
        """Ask, and once more if that may help and there is time: *timeout* seconds are for both.

        Raises:
            MetricsUnavailable: there is no usable answer; the line says why, and the way out.
        """
        end = time.monotonic() + timeout
        found = self._attempt(url, params, end)
        if isinstance(found, Failure) and found.may_pass and end - time.monotonic() > found.after_s + PAUSE_S:
            Event().wait(max(found.after_s, PAUSE_S))
            found = self._attempt(url, params, end)
        if isinstance(found, Failure):
            raise MetricsUnavailable(self._line(found))
        return found

    def _line(self, failure: Failure) -> str:
        asked = f", asked for {self._asked}," if self._asked and failure.is_of_the_query else ""
        return self._clean(f"Prometheus at {self._address.url}{asked} {failure.text}")

    def _clean(self, text: str) -> str:
        """Take secrets out of what others wrote."""
        for secret in self._secrets():
            text = text.replace(secret, "***")
        return text

    def _secrets(self) -> list[str]:
        try:
            token = self._token()
        except (OSError, UnicodeDecodeError):
            token = None
        password = self._address.basic[1] if self._address.basic else None
        return [s for s in (token, password, *self._address.headers.values()) if s]

    def _attempt(self, url: str, params: Mapping[str, Any], end: float) -> Answer | Failure:
        left_s = min(self._attempt_s, end - time.monotonic())
        if left_s < LEAST_S:
            return failures.no_time_left()
        try:
            auth = _Credentials(self._address, self._token())
        except (OSError, UnicodeDecodeError) as error:
            return failures.unreadable("bearer token", self._address.bearer_token_file, error)
        try:
            return self._answer(url, params, auth, left_s)
        except (requests.RequestException, HTTPError) as error:
            return failures.of_connection(error, limit_s=left_s, has_ca=self._address.ca_file is not None)
        except OSError as error:
            return failures.unreadable("certificate authority", self._address.ca_file, error)

    def _answer(self, url: str, params: Mapping[str, Any], auth: AuthBase, left_s: float) -> Answer | Failure:
        ends = time.monotonic() + left_s
        with self._session.post(
            url,
            data={**params, "timeout": f"{left_s:.3f}"},
            auth=auth,
            verify=self.verify,
            timeout=left_s,
            allow_redirects=False,
            stream=True,
        ) as response:
            body = _body(response, ends)
        if isinstance(body, Failure):
            return body
        is_known = self._address.bearer_token_file is not None or self._address.basic is not None
        return _judged(response, body, has_credentials=is_known)

    def _token(self) -> str | None:
        path = self._address.bearer_token_file
        if path is None:
            return None
        token = path.read_text(encoding="ascii").strip()
        if not token or not token.isprintable():
            raise OSError("it is empty, or no token")
        return token


class _Credentials(AuthBase):
    """Sets the headers; that it is given at all keeps `requests` from looking into ~/.netrc."""

    def __init__(self, address: Address, token: str | None) -> None:
        self._address = address
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._address.basic is not None:
            request = HTTPBasicAuth(*self._address.basic)(request)
        if self._token is not None:
            request.headers["Authorization"] = f"Bearer {self._token}"
        request.headers.update(self._address.headers)
        return request


def _is_header(name: str, value: str) -> bool:
    is_name = name.isascii() and all(c.isalnum() or c in "-_." for c in name)
    return bool(name) and is_name and value.isascii() and value.isprintable() and value == value.strip()


def _body(response: requests.Response, ends: float) -> bytes | Failure:
    """Read the body as it comes in: neither its size nor a trickle is left to the server."""
    body = bytearray()
    while True:
        chunk: bytes = response.raw.read1(CHUNK, decode_content=True)
        if not chunk:
            return bytes(body)
        body += chunk
        if len(body) > MOST_BYTES:
            return failures.too_large(MOST_BYTES)
        if time.monotonic() > ends:
            return failures.too_slow()


def _judged(response: requests.Response, body: bytes, *, has_credentials: bool) -> Answer | Failure:
    """Return the answer if it is one that Prometheus gives to a query."""
    said = _parsed(body)
    if response.is_redirect:
        return failures.sent_on(response.headers["Location"])
    if response.status_code != HTTPStatus.OK:
        text = said.get("error") if isinstance(said, dict) else None
        retry_after = response.headers.get("Retry-After")
        return failures.of_status(response.status_code, text, retry_after, has_credentials=has_credentials)
    if said is None:
        return failures.no_json(body, response.headers.get("Content-Type", ""))
    return _successful(said, body)


def _successful(said: Any, body: bytes) -> Answer | Failure:  # noqa: ANN401 - whatever JSON holds
    """Return the answer if a body that came with a 200 is one, and a whole one."""
    status = said.get("status") if isinstance(said, dict) else None
    if status == "error":
        return failures.refused(said.get("error"))
    data = said.get("data") if status == "success" else None
    if not isinstance(data, dict) or "result" not in data:
        return failures.another_server()
    if said.get("warnings"):
        return failures.in_part(said["warnings"])
    return Answer(body, said)


def _parsed(body: bytes) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return the JSON value; None where it is none (`null` is no answer either)."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
