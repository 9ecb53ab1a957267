"""Where the replicas of each stage are: from a file that a supervisor keeps, or from DNS in a cluster.

The file is JSON, {stage: ["host:port", ...]}, replaced as a whole when it changes. `dns:NAME:PORT` asks for
all addresses of NAME, in which `{stage}` stands for the stage: a headless Service has one for each ready pod.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from core.errors import UsageError

FILE_POLL_S = 0.1
DNS_POLL_S = 1.0
DNS_SCHEME = "dns:"

Addresses = Mapping[str, tuple[str, ...]]
"""By stage: host:port of its replicas."""


class Endpoints(Protocol):
    """Where replicas are found."""

    @property
    def poll_s(self) -> float:
        """How often to look, in seconds."""
        ...

    async def addresses(self) -> Addresses:
        """Return the replicas that take work now.

        Raises:
            UsageError: what was found is not a list of addresses.
        """
        ...


@dataclass(frozen=True, slots=True)
class FileEndpoints:
    """A file that somebody keeps."""

    path: Path
    poll_s: float = FILE_POLL_S

    async def addresses(self) -> Addresses:
        """Return what the file says.

        Raises:
            UsageError: it is not what this module's docstring says.
        """
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
            return {str(stage): tuple(map(str, places)) for stage, places in found.items()}
        except (OSError, ValueError, AttributeError, TypeError) as error:
            raise UsageError(f"{self.path}: is not a JSON object of addresses by stage") from error


@dataclass(frozen=True, slots=True)
class DnsEndpoints:
    """All addresses of a name, for each stage."""

    template: str
    port: int
    stages: tuple[str, ...]
    poll_s: float = DNS_POLL_S

    async def addresses(self) -> Addresses:
        """Return what the resolver says; a stage without an address has no replica."""
        return {stage: await self._of(stage) for stage in self.stages}

    async def _of(self, stage: str) -> tuple[str, ...]:
        name = self.template.replace("{stage}", stage)
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                name, self.port, family=socket.AF_INET, type=socket.SOCK_STREAM
            )
        except socket.gaierror:  # a Service without ready pods has no record
            return ()
        return tuple(sorted({f"{place[4][0]!s}:{self.port}" for place in found}))


def endpoints_from(text: str, stages: Sequence[str]) -> Endpoints:
    """Return the endpoints that a setting describes.

    Raises:
        UsageError: it is `dns:` without a name and a port.
    """
    if not text.startswith(DNS_SCHEME):
        return FileEndpoints(Path(text))
    name, _, port = text.removeprefix(DNS_SCHEME).rpartition(":")
    if not name or not port.isdigit():
        raise UsageError(f"TRIMTAB_ENDPOINTS is {text!r}; write dns:NAME:PORT, or the path of a file")
    return DnsEndpoints(name, int(port), tuple(stages))
