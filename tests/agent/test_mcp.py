"""Other agents use the read-only tools over MCP: the SDK's own client, a real process, real pipes."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters, types

from agent.folder import DECISIONS
from tests.agent.command import ROOT
from tests.agent.toy import ENOUGH, Scripted, toy_run, turns
from tools.toolkit import names

TIMEOUT_S = 60.0


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("mcp")
    with toy_run(folder, Scripted([ENOUGH])) as run:
        run.loop.recover()
        turns(run, 2)
    yield folder / "data"


def talked(
    data: Path, *calls: tuple[str, dict[str, Any]]
) -> tuple[list[types.Tool], list[types.CallToolResult]]:
    """Start the server as a user does; return its tools and its answers."""

    async def talk() -> tuple[list[types.Tool], list[types.CallToolResult]]:
        server = StdioServerParameters(
            command=sys.executable,
            args=["-c", "from agent.cli import main; main()", "mcp", "--data", str(data)],
            cwd=ROOT,
        )
        async with Client(server, read_timeout_seconds=TIMEOUT_S) as client:
            listed = await client.list_tools()
            return listed.tools, [await client.call_tool(name, arguments) for name, arguments in calls]

    return asyncio.run(talk())


def text_of(result: types.CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, types.TextContent)
    return content.text


def test_other_agents_get_every_tool_that_reads_and_none_that_proposes(data: Path) -> None:
    before = (data / DECISIONS).read_bytes()

    tools, (metrics, solved, nonsense, proposed) = talked(
        data,
        ("read_metrics", {}),
        ("solve", {}),
        ("solve", {"headroom": "plenty"}),
        ("propose", {"action": "hold", "cause": "none", "rationale": "let me"}),
    )

    assert {tool.name for tool in tools} == set(names()) - {"propose"}
    assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools)
    assert all(tool.description and tool.input_schema["type"] == "object" for tool in tools)
    assert not metrics.is_error
    assert json.loads(text_of(metrics))
    assert not solved.is_error
    assert "large" in text_of(solved)
    assert nonsense.is_error
    assert "headroom" in text_of(nonsense)
    assert proposed.is_error
    assert "there is no tool 'propose' here, only" in text_of(proposed)
    assert (data / DECISIONS).read_bytes() == before


def test_without_a_record_every_answer_says_what_is_missing(tmp_path: Path) -> None:
    _, (metrics,) = talked(tmp_path / "nowhere", ("read_metrics", {}))

    assert metrics.is_error
    assert "there is no decision store" in text_of(metrics)
    assert "trimtab run" in text_of(metrics)
