"""A language model that says what it is told to: an HTTP server that speaks OpenAI's protocol.

    with scripted(calling("solve"), proposing(action="solve", cause="none", rationale="as it is")) as model:
        planner = LlmPlanner(model.settings(), recorder)

A script is one line for each request, the last one again and again; a line is a `Line`, or a function that
makes one of the request's body, for models that react. So good, clumsy and hostile planners all go through
the same client, planner and graph. `model.heard` has every request.
"""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pydantic import SecretStr

from agent.llm.settings import ClientSettings

KEY = "sk-test-K3yThatMustNeverLeave0000"
"""The key that clients of this server send."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One request."""

    path: str
    headers: dict[str, str]
    """Their names in small letters."""
    body: dict[str, Any]

    @property
    def choice(self) -> str:
        """The tool choice: `auto`, `required`, or the tool that is forced."""
        choice = self.body["tool_choice"]
        return choice if isinstance(choice, str) else str(choice["function"]["name"])

    @property
    def last(self) -> str:
        """The content of the last message."""
        return str(self.body["messages"][-1]["content"])


@dataclass(frozen=True, slots=True)
class Line:
    """One answer, as bytes on the wire."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    wait_s: float = 0.0
    """Before anything is sent."""
    drip_s: float = 0.0
    """Between two bytes of the body; 0 to send it at once."""
    drip_headers: bool = False
    """Send one header after another, for ever, `drip_s` apart."""
    hang_up: bool = False
    """Close the connection without an answer."""
    pause_s: float = 0.0
    """Between two events of a stream."""
    cut: bool = False
    """Promise more than is sent, and close the connection."""


Script = Line | Callable[[dict[str, Any]], Line]


def completion(
    *,
    content: str | None = None,
    calls: tuple[tuple[str, str], ...] = (),
    finish: str | None = None,
    refusal: str | None = None,
    usage: dict[str, Any] | None = None,
    **line: Any,  # noqa: ANN401 - of `Line`
) -> Line:
    """Return an answer of the protocol; *calls* are names and arguments as the model wrote them."""
    tool_calls = [
        {"id": "call_0", "type": "function", "function": {"name": name, "arguments": arguments}}
        for name, arguments in calls
    ]
    message: dict[str, Any] = {"role": "assistant", "content": content}
    if tool_calls:
        message["tool_calls"] = tool_calls
    if refusal is not None:
        message["refusal"] = refusal
    choice = {
        "index": 0,
        "message": message,
        "finish_reason": finish or ("tool_calls" if tool_calls else "stop"),
    }
    body = {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "scripted",
        "choices": [choice],
        "usage": usage or {"prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050},
    }
    return Line(body=json.dumps(body).encode(), **line)


def calling(tool: str, /, **arguments: Any) -> Line:  # noqa: ANN401 - of whatever tool
    """Return a well-formed call."""
    return completion(calls=((tool, json.dumps(arguments)),))


def proposing(**arguments: Any) -> Line:  # noqa: ANN401 - of `agent.llm.contract.Proposing`
    """Return a proposal; a rationale and the cause `none` where they are not given."""
    return calling("propose", **{"rationale": "because", "cause": "none", **arguments})


def streaming(
    line: Line, *, pieces: int = 4, pause_s: float = 0.0, cut: bool = False, ended: bool = True
) -> Callable[[dict[str, Any]], Line]:
    """Return the answer of `completion`, in events where a stream is asked for.

    Args:
        line: The whole answer.
        pieces: How many pieces its text and its arguments come in.
        pause_s: Between two of them.
        cut: Close the connection before the last piece, in the middle of the body.
        ended: False to leave out the last piece and every word of its being over.
    """

    def answer(body: dict[str, Any]) -> Line:
        if not body.get("stream"):
            return line
        events = _events(json.loads(line.body), pieces)
        sent = events if ended and not cut else events[: pieces - 1]
        text = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in sent)
        done = b"data: [DONE]\n\n" if ended and not cut else b""
        return Line(body=text + done, pause_s=pause_s, cut=cut)

    return answer


def _events(whole: dict[str, Any], pieces: int) -> list[dict[str, Any]]:
    """Return the pieces of an answer, its end, and its usage."""
    message = whole["choices"][0]["message"]
    deltas: list[dict[str, Any]] = [{} for _ in range(pieces)]
    for delta, text in zip(deltas, _split(message["content"] or "", pieces), strict=True):
        delta["content"] = text
    for index, call in enumerate(message.get("tool_calls", ())):
        for number, text in enumerate(_split(call["function"]["arguments"], pieces)):
            began = {"id": call["id"], "type": "function"} if number == 0 else {}
            function = {"arguments": text} | ({"name": call["function"]["name"]} if number == 0 else {})
            deltas[number].setdefault("tool_calls", []).append(
                {"index": index, **began, "function": function}
            )
    deltas[0]["role"] = "assistant"
    common = {key: whole[key] for key in ("id", "created", "model")} | {"object": "chat.completion.chunk"}
    ends = {"index": 0, "delta": {}, "finish_reason": whole["choices"][0]["finish_reason"]}
    events = [common | {"choices": [{"index": 0, "delta": d, "finish_reason": None}]} for d in deltas]
    return [*events, common | {"choices": [ends]}, common | {"choices": [], "usage": whole["usage"]}]


def _split(text: str, pieces: int) -> list[str]:
    size = -(-len(text) // pieces)
    return [text[k * size : (k + 1) * size] for k in range(pieces)]


def failing(status: int, text: str = "no", **headers: str) -> Line:
    """Return an HTTP error."""
    body = json.dumps({"error": {"message": text, "type": "error"}}).encode()
    return Line(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


@dataclass(slots=True)
class ScriptedModel:
    """The server."""

    script: tuple[Script, ...]
    heard: list[Heard] = field(default_factory=list)
    address: str = ""
    stopping: threading.Event = field(default_factory=threading.Event)
    left: threading.Event = field(default_factory=threading.Event)
    """Set once a client has hung up in the middle of an answer."""

    def settings(self, **changes: Any) -> ClientSettings:  # noqa: ANN401 - of `ClientSettings`
        """Return how to reach it."""
        known = {"model": "scripted", "base_url": self.address, "key": SecretStr(KEY), "timeout_s": 5.0}
        return ClientSettings(**(known | changes))

    def next(self, heard: Heard) -> Line:
        """Return the answer to a request."""
        self.heard.append(heard)
        line = self.script[min(len(self.heard), len(self.script)) - 1]
        return line if isinstance(line, Line) else line(heard.body)


@contextmanager
def scripted(*script: Script) -> Iterator[ScriptedModel]:
    """Serve a script on a free port of loopback."""
    model = ScriptedModel(script)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(model))
    server.daemon_threads = True
    model.address = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield model
    finally:
        model.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()


def closed_port() -> int:
    """Return a port of loopback on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _handler(model: ScriptedModel) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, body: dict[str, Any]) -> None:
            line = model.next(Heard(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            model.stopping.wait(line.wait_s)
            if line.hang_up:
                self.close_connection = True
                return
            try:
                self._send(line)
            except OSError:  # the client has hung up, as it should when it waited long enough
                self.close_connection = True
                model.left.set()

        def _send(self, line: Line) -> None:
            self.send_response(line.status)
            self.send_header("Content-Type", "application/json")
            for name, value in line.headers.items():
                self.send_header(name, value)
            while line.drip_headers and not model.stopping.wait(line.drip_s):
                self.send_header("X-Drip", "drop")
                self.flush_headers()
            self.send_header("Content-Length", str(len(line.body) + line.cut))
            self.end_headers()
            if line.cut:
                self.close_connection = True
            for event in re.split(rb"(?<=\n\n)", line.body) if line.pause_s else ():
                self.wfile.write(event)
                if model.stopping.wait(line.pause_s):
                    return
            if line.pause_s:
                return
            for byte in line.body if line.drip_s else ():
                self.wfile.write(bytes([byte]))
                if model.stopping.wait(line.drip_s):
                    return
            if not line.drip_s:
                self.wfile.write(line.body)

        def log_message(self, format: str, *args: object) -> None:
            """Stay quiet."""

    return Handler
