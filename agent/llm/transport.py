"""The HTTP client under the model's: no redirects, no compressed and no endless bodies.

A redirect would carry the prompt to an address nobody chose; a small compressed body can be gigabytes.
The other half of the defence, one deadline for the whole call, is in `agent.llm.client`.
"""

from __future__ import annotations

from collections.abc import Iterator

import httpx2

MOST_BODY = 2_000_000
"""Bytes of an answer; a thousand times what one takes."""


class BodyRefused(Exception):
    """The endpoint's answer is not read to its end, for a reason."""


class _Bounded(httpx2.SyncByteStream):
    """A body that ends the call when it grows too long."""

    def __init__(self, inner: httpx2.SyncByteStream) -> None:
        self._inner = inner

    def __iter__(self) -> Iterator[bytes]:
        read = 0
        for chunk in self._inner:
            read += len(chunk)
            if read > MOST_BODY:
                raise BodyRefused(f"the answer is longer than {MOST_BODY} bytes")
            yield chunk

    def close(self) -> None:
        """Close the connection's half."""
        self._inner.close()


def http_client() -> httpx2.Client:
    """Return a client that follows nothing and reads no more than it should."""
    return httpx2.Client(
        follow_redirects=False,
        headers={"Accept-Encoding": "identity"},
        limits=httpx2.Limits(max_keepalive_connections=0),  # turns are further apart than servers keep one
        event_hooks={"response": [_bounded]},
    )


def _bounded(response: httpx2.Response) -> None:
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise BodyRefused("the answer is compressed, which was not asked for")
    if isinstance(response.stream, httpx2.SyncByteStream):
        response.stream = _Bounded(response.stream)
