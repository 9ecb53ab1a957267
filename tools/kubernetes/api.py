"""The one module that knows the Kubernetes client: paths in, plain JSON out, errors by what is known then.

The official client brings kubeconfig, exec plugins, rotating tokens, TLS and connection pools. Its models
are left aside: they validate *responses*, so that a write which was carried out can still raise, and they
drop fields they do not know. Here an exception after a write is either the server's refusal by status
(nothing was written), or `Unreachable` or a 5xx (nobody knows).

Every call has a time-out. A reading call that finds no answer is tried once more; a write never is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tools.kubernetes.errors import (
    Busy,
    Conflict,
    Expired,
    Forbidden,
    KubernetesError,
    NoCluster,
    NotFound,
    Rejected,
    Unauthorized,
    Unreachable,
)
from tools.kubernetes.names import FIELD_MANAGER

Json = dict[str, Any]
PatchKind = Literal["apply", "merge", "json"]

CONNECT_S = 3.0
READ_S = 10.0
"""An API server answers within seconds or is in trouble; a decision interval is ten."""
PAGE = 500
"""Objects a page of a list, as kubectl has it."""
CONTENT: Mapping[PatchKind, str] = {
    "apply": "application/apply-patch+yaml",
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
}
KINDS: Mapping[int, type[KubernetesError]] = {
    400: Rejected,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    405: Rejected,
    409: Conflict,
    410: Expired,
    413: Rejected,
    415: Rejected,
    422: Rejected,
    429: Busy,
    503: Busy,
}
FIXES: Mapping[type[KubernetesError], str] = {
    Unauthorized: "renew the credentials of the kubeconfig or service account",
    Forbidden: "grant the verb (deploy/ has the Role) or run in mode observe",
}
LONGEST_TEXT = 400
"""Of what a server says; what is behind it may be a web page."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Of one call, in seconds."""

    connect_s: float = CONNECT_S
    read_s: float = READ_S


@dataclass(slots=True)
class Api:
    """An API server. Thread-safe.

    Raises, from every call:
        KubernetesError: the kind says what happened.
    """

    client: Any
    """`kubernetes.client.ApiClient`; the client has no types worth the name."""
    timeouts: Timeouts = Timeouts()

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Json:
        """Return one object, or one page of a list."""
        try:
            return self._call("GET", path, query)
        except Unreachable:
            return self._call("GET", path, query)

    def all(self, path: str, *, labels: str | None = None, fields: str | None = None) -> list[Json]:
        """Return the objects of a list, all pages of it."""
        return list(self._pages(path, _query(labelSelector=labels, fieldSelector=fields, limit=str(PAGE))))

    def create(self, path: str, body: Json, *, dry_run: bool = False) -> Json:
        """Create an object under the field manager of Trimtab."""
        return self._call("POST", path, _write(dry_run=dry_run), body, "application/json")

    def patch(
        self,
        path: str,
        body: Json | Sequence[Json],
        kind: PatchKind,
        *,
        dry_run: bool = False,
        force: bool = False,
    ) -> Json:
        """Patch an object; *force* takes fields over that other managers own (kind `apply` only)."""
        query = _write(dry_run=dry_run)
        if kind == "apply":
            query["force"] = str(force).lower()
        return self._call("PATCH", path, query, body, CONTENT[kind])

    def close(self) -> None:
        """Close the connections."""
        self.client.rest_client.close()

    def _pages(self, path: str, query: dict[str, str]) -> Iterator[Json]:
        while True:
            page = self.get(path, query)
            yield from page.get("items") or ()
            token = (page.get("metadata") or {}).get("continue")
            if not token:
                return
            query = {**query, "continue": token}

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: object = None,
        content_type: str | None = None,
    ) -> Json:
        from kubernetes.client.exceptions import ApiException  # noqa: PLC0415 - a second to import
        from urllib3.exceptions import HTTPError  # noqa: PLC0415 - comes with the client

        asked = f"{method} {path}"
        headers = {"Accept": "application/json"}
        if content_type is not None:
            headers["Content-Type"] = content_type
        try:
            call = self.client.param_serialize(
                method=method,
                resource_path=path,
                query_params=list((query or {}).items()),
                header_params=headers,
                body=body,
                auth_settings=["BearerToken"],
            )
            timeout = (self.timeouts.connect_s, self.timeouts.read_s)
            response = self.client.call_api(*call, _request_timeout=timeout)
            text = response.read()
        except (HTTPError, ApiException, OSError) as error:
            raise Unreachable(f"{asked}: no answer from {self._host}: {_reason(error)}") from error
        return _answer(asked, response.status, response.headers, text)

    @property
    def _host(self) -> str:
        return str(self.client.configuration.host)


def connect(
    kubeconfig: Path | None = None, context: str | None = None, *, timeouts: Timeouts | None = None
) -> Api:
    """Return the API server of a kubeconfig, or, where none is named or found, of the pod this runs in.

    Raises:
        NoCluster: there is neither, or it cannot be used.
    """
    from kubernetes import client, config  # noqa: PLC0415 - a second to import
    from urllib3.util.retry import Retry  # noqa: PLC0415 - comes with the client
    from yaml import YAMLError  # noqa: PLC0415 - comes with the client

    loader: Any = config  # its functions have no types
    settings = client.Configuration()
    try:
        if kubeconfig is None and context is None and _in_cluster():
            loader.load_incluster_config(client_configuration=settings)
        else:
            name = None if kubeconfig is None else str(kubeconfig)
            loader.load_kube_config(
                config_file=name, context=context, client_configuration=settings, persist_config=False
            )
    except (config.ConfigException, OSError, YAMLError, TypeError, ValueError) as error:
        where = "the kubeconfig" if kubeconfig is None else str(kubeconfig)
        raise NoCluster(f"{where} cannot be used: {error}; name one with --kubeconfig") from error
    # The pool's default is one connection: parallel pipelines would wait for each other.
    settings.connection_pool_maxsize = 16
    settings.retries = Retry(total=0, redirect=0)
    return Api(client.ApiClient(settings), timeouts or Timeouts())


def _in_cluster() -> bool:
    from kubernetes.config.incluster_config import SERVICE_TOKEN_FILENAME  # noqa: PLC0415 - as above

    return Path(SERVICE_TOKEN_FILENAME).is_file()


def _write(*, dry_run: bool) -> dict[str, str]:

    query = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
    return {**query, "dryRun": "All"} if dry_run else query


def _query(**given: str | None) -> dict[str, str]:
    return {key: value for key, value in given.items() if value is not None}


def _answer(asked: str, status: int, headers: Mapping[str, str], text: bytes) -> Json:
    """Return the object, or raise what the status means.

    Raises:
        KubernetesError: by status; `Unreachable` where it is no API server that answers.
    """
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if isinstance(found, dict) and "kind" in found:
        if _succeeded(status):
            return dict(found)
        raise _error(asked, status, headers, found)
    start = text[:LONGEST_TEXT].decode("utf-8", "replace").strip()
    plain = headers.get("Content-Type", "").startswith("text/plain")
    if plain and not _succeeded(status):
        # Filters before the API (overload, unknown paths) answer in plain text.
        raise _error(asked, status, headers, {"message": start})
    raise Unreachable(
        f"{asked}: {status}, and not an API server's answer: {start[:80]!r}; is a proxy before it?"
    )


def _succeeded(status: int) -> bool:
    return 200 <= status < 300  # noqa: PLR2004 - as HTTP has it


def _error(asked: str, status: int, headers: Mapping[str, str], found: Json) -> KubernetesError:
    kind = KINDS.get(status, KubernetesError)
    said = str(found.get("message") or found.get("reason") or "no reason given")[:LONGEST_TEXT]
    fix = f"; {FIXES[kind]}" if kind in FIXES else ""
    text = f"{asked}: {status}: {said}{fix}"
    if kind is Conflict:
        causes = (found.get("details") or {}).get("causes") or ()
        return Conflict(text, tuple(str(c.get("message", "")) for c in causes))
    if kind is Busy:
        return Busy(text, _seconds(headers.get("Retry-After")))
    return kind(text)


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdigit() else None


def _reason(error: Exception) -> str:
    """Return the last cause in a chain of causes: urllib3 wraps what happened."""
    inner = getattr(error, "reason", None)
    return str(inner if isinstance(inner, Exception) else error)[:LONGEST_TEXT]
