"""What stands before MLServer's application: limits on what comes in, and the headers of a refusal.

A plain ASGI middleware. A body is counted while it comes in, whatever its Content-Length says; a compressed
one is refused, as it may be a thousand times larger than it looks. The routes that load and unload models,
which MLServer leaves open to everybody, are taken away.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from prometheus_client import make_asgi_app
from starlette.responses import JSONResponse, Response

from pipelines.serving.refusals import RETRY_AFTER_S

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

RETRY_STATUS = (429, 503)
READY = "/v2/health/ready"
CLOSED_ROUTES = ("/v2/repository", "_stream", "/generate", "/docs", READY)
"""MLServer's routes that nobody here needs; its readiness is true while no model is loaded, so it is ours."""


class Door:
    """Counts bodies and refuses what is too large or compressed."""

    def __init__(self, app: Application, most_bytes: int) -> None:
        self._app = app
        self._most = most_bytes

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if headers.get("content-encoding", "identity") != "identity":
            await _refuse(scope, receive, send, 415, "a compressed body is not taken; send it as it is")
            return
        announced = headers.get("content-length", "0")
        if announced.isdigit() and int(announced) > self._most:
            await _refuse(scope, receive, send, 413, self._too_large())
            return
        body = await self._body(receive)
        if body is None:
            await _refuse(scope, receive, send, 413, self._too_large())
            return
        await self._app(scope, _replayed(body, receive), _with_retry(send))

    async def _body(self, receive: Receive) -> bytes | None:
        """Return the whole body; None as soon as it is too large."""
        parts, size = list[bytes](), 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return b"".join(parts)
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._most:
                return None
            if not message.get("more_body", False):
                return b"".join(parts)

    def _too_large(self) -> str:
        return f"the body is larger than {self._most} bytes; send a smaller item"


def furnish(app: FastAPI, most_bytes: int, ready: Callable[[], Awaitable[bool]]) -> None:
    """Give MLServer's application our limits, errors and metrics, and take away what it leaves open."""
    app.router.routes[:] = [
        route
        for route in app.router.routes
        if not any(part in getattr(route, "path", "") for part in CLOSED_ROUTES)
    ]
    app.mount("/metrics", make_asgi_app(disable_compression=True))

    async def readiness() -> Response:
        return Response(status_code=200 if await ready() else 503)

    app.add_api_route(READY, readiness)
    app.add_exception_handler(RequestValidationError, _not_v2)
    app.add_middleware(Door, most_bytes=most_bytes)


async def _not_v2(_: Request, error: Exception) -> JSONResponse:
    """Answer a body that is no v2 request, without sending it back."""
    first = error.errors()[0] if isinstance(error, RequestValidationError) else {"loc": (), "msg": ""}
    place = ".".join(str(part) for part in first["loc"] if part != "body")
    where = f" at {place}" if place else ""
    text = f"the body is not an Open Inference Protocol (v2) request{where}: {first['msg']}"
    return JSONResponse({"error": text}, status_code=400)


async def _refuse(
    scope: MutableMapping[str, Any], receive: Receive, send: Send, status: int, text: str
) -> None:
    """Answer and close: what is left of the body is not read."""
    response = JSONResponse({"error": text}, status_code=status, headers={"connection": "close"})
    await response(scope, receive, send)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return a receive that gives the body first, then what else comes."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _with_retry(send: Send) -> Send:
    """Add Retry-After to an answer that asks for another try."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] in RETRY_STATUS:
            message["headers"] = [*message["headers"], (b"retry-after", str(RETRY_AFTER_S).encode())]
        await send(message)

    return sending


def error_text(body: bytes) -> str:
    """Return what an answer says went wrong; the start of it where it is not ours."""
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return body[:200].decode("utf-8", errors="replace")
