"""The read-only tools over the Model Context Protocol, on standard input and output, for other agents.

Every call is answered from the last decision on record, read anew. Nothing can be proposed here: the one
tool that a planner ends its turn with is not offered, and refused by name. The official SDK keeps standard
output for the protocol; whatever else is printed goes to standard error.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mcp import types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from agent.situations import latest_situation
from core.errors import TrimtabError
from tools.toolkit import schemas, use

NAME = "trimtab"
PROPOSE = "propose"
"""The tool that ends a planner's turn: not for other agents."""
CALL = "mcp"
"""In place of a model's name for its call."""
READ_ONLY = types.ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)


def serve(data: Path) -> None:
    """Answer on standard input and output until the other side hangs up."""
    asyncio.run(_serve(data))


def offered(tools: Sequence[Mapping[str, Any]]) -> tuple[types.Tool, ...]:
    """Return the tools of OpenAI's form in that of the protocol, without `propose`."""
    return tuple(
        types.Tool(
            name=tool["name"],
            description=tool["description"],
            input_schema=tool["parameters"],
            annotations=READ_ONLY,
        )
        for tool in (entry["function"] for entry in tools)
        if tool["name"] != PROPOSE
    )


def answered(data: Path, name: str, arguments: Mapping[str, Any] | None) -> types.CallToolResult:
    """Use a tool on the last decision; what cannot be answered is a sentence, marked as an error."""
    known = [tool.name for tool in offered(schemas())]
    if name not in known:
        return _result(f"there is no tool {name[:60]!r} here, only {', '.join(known)}", failed=True)
    try:
        situation = latest_situation(data)
        found = use(id="t1", call=CALL, name=name, arguments=json.dumps(arguments or {}), situation=situation)
    except TrimtabError as error:
        return _result(str(error), failed=True)
    return _result(found.result, failed=not found.ok)


@dataclass(frozen=True, slots=True)
class _Handlers:
    """What the protocol's requests do. One call at a time: solving takes a core."""

    data: Path
    turn: asyncio.Lock

    async def list_tools(
        self, context: ServerRequestContext[Any], params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        """Name the tools."""
        return types.ListToolsResult(tools=list(offered(schemas())))

    async def call_tool(
        self, context: ServerRequestContext[Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        """Use one of them, in a thread, so that the other side can still be heard."""
        async with self.turn:
            return await asyncio.to_thread(answered, self.data, params.name, params.arguments)


async def _serve(data: Path) -> None:
    handlers = _Handlers(data, asyncio.Lock())
    server: Server[Any] = Server(
        NAME,
        version=version("trimtab"),
        on_list_tools=handlers.list_tools,
        on_call_tool=handlers.call_tool,
    )
    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())


def _result(text: str, *, failed: bool) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(type="text", text=text)], is_error=failed)
