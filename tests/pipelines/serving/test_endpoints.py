"""Where replicas are found: in a file, or in DNS."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from core.errors import UsageError
from pipelines.serving.endpoints import DnsEndpoints, FileEndpoints, endpoints_from


def test_a_file_lists_the_replicas_of_each_stage(tmp_path: Path) -> None:
    path = tmp_path / "endpoints.json"
    path.write_text('{"detect": ["127.0.0.1:1", "127.0.0.1:2"], "read": []}')

    found = asyncio.run(endpoints_from(str(path), ["detect", "read"]).addresses())

    assert found == {"detect": ("127.0.0.1:1", "127.0.0.1:2"), "read": ()}


@pytest.mark.parametrize("text", ["", "[]", "nonsense", '{"detect": 3}'])
def test_a_file_that_is_none_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "endpoints.json"
    path.write_text(text)

    with pytest.raises(UsageError, match=r"endpoints\.json"):
        asyncio.run(FileEndpoints(path).addresses())


def test_a_name_with_addresses_has_a_replica_at_each() -> None:
    found = asyncio.run(endpoints_from("dns:localhost:8080", ["read"]).addresses())

    assert found == {"read": ("127.0.0.1:8080",)}


def test_the_stage_stands_in_the_name() -> None:
    assert endpoints_from("dns:cards-{stage}.ns:80", ["read"]) == DnsEndpoints(
        "cards-{stage}.ns", 80, ("read",)
    )


def test_a_name_without_addresses_has_no_replica() -> None:
    found = asyncio.run(DnsEndpoints("{stage}.invalid", 80, ("read",)).addresses())

    assert found == {"read": ()}


@pytest.mark.parametrize("text", ["dns:", "dns:name", "dns::80", "dns:name:http"])
def test_a_name_without_a_port_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="dns:NAME:PORT"):
        endpoints_from(text, ["read"])
