"""The API server as it is: paths and JSON over one pool of connections, and nothing else.

The tests' own client, so that they judge the product's by something that shares no code with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, Timeout
from urllib3.exceptions import HTTPError
from urllib3.util import parse_url

Json = dict[str, Any]

TIMEOUT = Timeout(connect=5, read=30)
CONTENT = {
    "apply": "application/apply-patch+yaml",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "json": "application/json-patch+json",
}
FIELD_MANAGER = "tests"


class Refused(Exception):
    """The server said no."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Rest:
    """An API server, as one user sees it. Thread-safe.

    Raises, from every call:
        Refused: the server answered with an error.
        urllib3.exceptions.HTTPError: it did not answer.
    """

    pool: HTTPConnectionPool
    headers: Mapping[str, str]

    @classmethod
    def of(cls, kubeconfig: Path, *, connections: int = 8) -> Rest:
        """Return the server of a kubeconfig that the tests wrote."""
        text = json.loads(kubeconfig.read_text())
        cluster, user = text["clusters"][0]["cluster"], text["users"][0]["user"]
        headers = {}
        if "tokenFile" in user:
            headers["Authorization"] = f"Bearer {Path(user['tokenFile']).read_text()}"
        address = parse_url(cluster["server"])
        assert address.host is not None
        if address.scheme == "http":
            plain = HTTPConnectionPool(address.host, address.port, TIMEOUT, connections, retries=False)
            return cls(plain, headers)
        pool = HTTPSConnectionPool(
            address.host,
            address.port,
            timeout=TIMEOUT,
            maxsize=connections,
            retries=False,
            ca_certs=cluster["certificate-authority"],
            cert_file=user.get("client-certificate"),
            key_file=user.get("client-key"),
        )
        return cls(pool, headers)

    def get(self, path: str, **query: str) -> Json:
        return self.call("GET", path, query)

    def items(self, path: str, **query: str) -> list[Json]:
        """Return the objects of a list."""
        return list(self.get(path, **query).get("items") or ())

    def post(self, path: str, body: Json, **query: str) -> Json:
        return self.call("POST", path, query, body)

    def put(self, path: str, body: Json, **query: str) -> Json:
        return self.call("PUT", path, query, body)

    def patch(self, path: str, body: object, kind: str = "merge", **query: str) -> Json:
        """Patch an object; *kind* is a key of `CONTENT`."""
        return self.call("PATCH", path, query, body, CONTENT[kind])

    def delete(self, path: str, body: Json | None = None, **query: str) -> Json:
        return self.call("DELETE", path, query, body)

    def call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: object = None,
        content_type: str = "application/json",
    ) -> Json:
        """Ask, and return the JSON of the answer."""
        response = self.ask(method, path, query, body, content_type)
        if response.status >= 400:
            raise refused(response)
        answer: Json = json.loads(response.data)
        return answer

    def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: object = None,
        content_type: str = "application/json",
        *,
        stream: bool = False,
    ) -> BaseHTTPResponse:
        """Ask, and return the answer as it came; its content is still to be read where it is a *stream*."""
        return self.pool.urlopen(
            method,
            f"{path}?{urlencode(query)}" if query else path,
            body=None if body is None else json.dumps(body),
            headers={**self.headers, "Accept": "application/json", "Content-Type": content_type},
            preload_content=not stream,
        )

    def close(self) -> None:
        """Close the connections."""
        self.pool.close()


def will_pass(error: Exception) -> bool:
    """Say whether an error is of a server that is not there, or has too much to do, for now."""
    match error:
        case Refused(status=status):
            return status == 429 or status >= 500
        case _:
            return isinstance(error, HTTPError)


def refused(response: BaseHTTPResponse) -> Refused:
    """Return the error that an answer is, with the server's message where it has one."""
    text = response.data.decode("utf-8", "replace")
    try:
        message = json.loads(text)["message"]
    except (ValueError, KeyError, TypeError):
        message = text
    return Refused(response.status, message)
