"""A process that is started, watched and ended: its readiness asked over HTTP, its output in a file."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2

READY_POLL_S = 0.2
ALIVE_POLL_S = 2.0
ASK_LIMIT_S = 5.0
"""A busy replica answers late: this is for one that hangs."""
MOST_MISSES = 3
"""Unanswered questions in a row after which a process counts as hung."""
KILL_AFTER_S = 45.0
"""From SIGTERM to SIGKILL: more than a server takes to drain."""


@dataclass(slots=True)
class Child:
    """One process."""

    name: str
    address: str
    process: subprocess.Popen[bytes]
    ready_path: str
    ready: bool = False
    stopping: bool = False
    hung: bool = False

    @classmethod
    def start(
        cls,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        address: str,
        ready_path: str,
        log: Path,
    ) -> Child:
        """Start a process in a session of its own, so that a Ctrl-C at the terminal is not for it.

        Raises:
            OSError: it cannot be started.
        """
        with log.open("ab") as file:
            process = subprocess.Popen(
                list(command),
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return cls(name, address, process, ready_path)

    @property
    def ended(self) -> bool:
        """Whether the process is gone."""
        return self.process.poll() is not None

    async def watch(self, client: httpx2.AsyncClient) -> None:
        """Keep `ready` as the process says, and kill it when it hangs, until it is gone or told to stop."""
        misses = 0
        while not self.ended and not self.stopping:
            await asyncio.sleep(ALIVE_POLL_S if self.ready else READY_POLL_S)
            answer = await self._asked(client)
            if answer is None:
                misses += self.ready  # a process that is starting does not answer yet
            else:
                self.ready, misses = answer, 0
            if misses >= MOST_MISSES and not self.ended:
                self.hung = True
                self.process.kill()

    async def stop(self) -> None:
        """Ask the process to end, and end it where it does not."""
        self.stopping = True
        if not self.ended:
            self.process.terminate()
        for _ in range(round(KILL_AFTER_S / READY_POLL_S)):
            if self.ended:
                return
            await asyncio.sleep(READY_POLL_S)
        self.process.kill()
        await asyncio.to_thread(self.process.wait)

    async def _asked(self, client: httpx2.AsyncClient) -> bool | None:
        """Return what the process says of its readiness; None where it says nothing."""
        try:
            answer = await client.get(f"http://{self.address}{self.ready_path}", timeout=ASK_LIMIT_S)
        except httpx2.HTTPError:
            return None
        return answer.status_code == httpx2.codes.OK


def free_port() -> int:
    """Return a loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
