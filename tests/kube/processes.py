"""Processes that never outlive the tests: one group, whose guard ends it when this process is gone."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

GUARD = "read end; kill -KILL 0"
"""The guard's input is a pipe from us: it ends with us, however we end, and then the guard ends its group."""
POLL_S = 0.05
LAST_LINES = 15


@dataclass(slots=True)
class Group:
    """Some processes, each with a log file in *folder*."""

    folder: Path
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _guard: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", GUARD], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, process_group=0
        )

    def start(self, name: str, command: Sequence[str | Path]) -> None:
        """Start a process under a name that is free."""
        assert name not in self._running, f"{name} runs already"
        with self.log(name).open("ab") as log:
            self._running[name] = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=self._guard.pid,
            )

    def runs(self, name: str) -> bool:
        """Say whether a process was started and not killed."""
        return name in self._running

    def process(self, name: str) -> subprocess.Popen[bytes]:
        """Return a process that was started and not killed."""
        return self._running[name]

    def kill(self, name: str) -> None:
        """End a process at once, as a crash would."""
        process = self._running.pop(name)
        process.kill()
        process.wait()

    def send(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a process."""
        self._running[name].send_signal(number)

    def wait_until(self, name: str, ready: Callable[[], bool], limit_s: float) -> None:
        """Wait until something is ready that *name* makes so, or fail with the end of its log."""
        end_s = time.monotonic() + limit_s
        while not ready():
            gone = self._running[name].poll() is not None
            assert not gone, f"{name} ended:\n{self._last_lines(name)}"
            assert time.monotonic() < end_s, f"{name} not ready in {limit_s:g} s:\n{self._last_lines(name)}"
            time.sleep(POLL_S)

    def stop(self) -> None:
        """End them all at once: nobody needs what they keep."""
        for name in list(self._running):
            self.kill(name)
        self._guard.communicate()  # closes its input

    def log(self, name: str) -> Path:
        """Return where a process writes."""
        return self.folder / f"{name}.log"

    def _last_lines(self, name: str) -> str:
        return "\n".join(self.log(name).read_text(errors="replace").splitlines()[-LAST_LINES:])
