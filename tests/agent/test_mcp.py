"""Other agents use the read-only tools over MCP: the SDK's own client, a real process, real pipes."""

from __future__ import annotations

import asyncio
import json
import subprocess
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
        async with Client(server_of(data), read_timeout_seconds=TIMEOUT_S) as client:
            listed = await client.list_tools()
            return listed.tools, [await client.call_tool(name, arguments) for name, arguments in calls]

    return asyncio.run(talk())


def server_of(data: Path) -> StdioServerParameters:
    """Return how a user starts the server."""
    arguments = ["-c", "from agent.cli import main; main()", "mcp", "--data", str(data)]
    return StdioServerParameters(command=sys.executable, args=arguments, cwd=ROOT)


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


def test_standard_output_carries_the_protocol_and_nothing_else(data: Path) -> None:
    said: list[dict[str, Any]] = [
        {
            "id": 1,
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-06-18",
                "capabilities": {},
                "clientInfo": {"name": "t", "version": "0"},
            },
        },
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": {"name": "solve", "arguments": {"load_rps": 12}}},
        {"id": 3, "method": "tools/call", "params": {"name": "solve", "arguments": {"load_rps": 900}}},
        {"id": 4, "method": "tools/call", "params": {"name": "frontier", "arguments": {}}},
        {"id": 5, "method": "tools/write", "params": {}},
    ]

    lines = heard(data, "".join(json.dumps({"jsonrpc": "2.0"} | message) + "\n" for message in said), 5)

    answers = {line["id"]: line for line in lines}
    assert set(answers) == {1, 2, 3, 4, 5}
    assert all("result" in answers[k] for k in (1, 2, 3, 4))
    assert "error" in answers[5]


def test_what_is_no_protocol_does_not_end_the_server(data: Path) -> None:
    ping = json.dumps({"jsonrpc": "2.0", "id": 7, "method": "ping"})

    lines = heard(data, f'hello\n{{"jsonrpc": "2.0"}}\n{"[" * 5000}\n{ping}\n', 1)

    assert [line for line in lines if line.get("id") == 7] == [{"jsonrpc": "2.0", "id": 7, "result": {}}]


def heard(data: Path, said: str, answers: int) -> list[dict[str, Any]]:
    """Say lines to a server; return all it has said on its standard output once it has ended."""
    with subprocess.Popen(
        [sys.executable, "-c", "from agent.cli import main; main()", "mcp", "--data", str(data)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(said)
        server.stdin.flush()
        lines: list[dict[str, Any]] = []
        while sum("id" in line for line in lines) < answers:
            lines.append(json.loads(server.stdout.readline()))
        server.stdin.close()
        lines += [json.loads(line) for line in server.stdout]
        assert server.wait(timeout=TIMEOUT_S) == 0, "the other side hung up: that is the end, not a failure"
    return lines


def test_calls_at_once_are_all_answered_and_each_sees_the_record_of_its_time(tmp_path: Path) -> None:
    with toy_run(tmp_path, Scripted([ENOUGH])) as run:
        run.loop.recover()
        turns(run, 1)

        async def talk() -> tuple[list[types.CallToolResult], types.CallToolResult]:
            async with Client(server_of(tmp_path / "data"), read_timeout_seconds=TIMEOUT_S) as client:
                first = await asyncio.gather(*(client.call_tool("cluster_status", {}) for _ in range(8)))
                await asyncio.to_thread(turns, run, 1)
                return list(first), await client.call_tool("cluster_status", {})

        before, after = asyncio.run(talk())

    assert [json.loads(text_of(r))["time_s"] for r in before] == [10] * 8
    assert json.loads(text_of(after))["time_s"] == 20
