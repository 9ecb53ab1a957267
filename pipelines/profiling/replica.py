"""One real replica for as long as it is measured: started as a pod would start it, asked over HTTP."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from core.errors import TransientError
from pipelines.files import replaced
from pipelines.profiling.lifeline import end_with_parent
from pipelines.serving.contract import PREFIX, LiveSettings, ReplicaSettings, environment_of

HOST = "127.0.0.1"
START_LIMIT_S = 300.0
ANSWER_LIMIT_S = 300.0
STOP_LIMIT_S = 30.0
READY_POLL_S = 0.005
"""Adds at most this to a load time."""
READY_PATH = "/v2/health/ready"


class ReplicaFailed(TransientError):
    """A replica did not start or did not answer; the message ends with what it said last."""


@dataclass(slots=True)
class RunningReplica:
    """A replica that is ready."""

    process: subprocess.Popen[bytes]
    settings: ReplicaSettings
    load_s: float
    """From the start of the process until it said to be ready."""

    @property
    def memory_bytes(self) -> int:
        """Resident memory now."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def configure(self, live: LiveSettings) -> None:
        """Write the batch size and wait for it to read; it looks every half second."""
        if self.settings.config is None:
            raise AssertionError("the replica was started without a configuration file")
        written(self.settings.config, live)

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection of its own, open, without Nagle's delay."""
        connection = http.client.HTTPConnection(HOST, self.settings.port, timeout=ANSWER_LIMIT_S)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def infer(self, connection: http.client.HTTPConnection, body: bytes) -> bytes:
        """Send a v2 request and return the answer's body.

        Raises:
            ReplicaFailed: it is refused, or the replica is gone.
        """
        path = f"/v2/models/{self.settings.stage}/infer"
        try:
            connection.request("POST", path, body, {"content-type": "application/json"})
            response = connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise ReplicaFailed(
                f"{self.settings.variant} did not answer: {error or type(error).__name__}"
            ) from error
        if response.status != http.client.OK:
            said = answer[:300].decode("utf-8", "replace")
            raise ReplicaFailed(
                f"{self.settings.variant} refused a timed request ({response.status}): {said}"
            )
        return answer


@contextmanager
def running(make: Callable[[int, Path], ReplicaSettings]) -> Iterator[RunningReplica]:
    """Start the replica that *make* describes, given a free port and a configuration file; end it after.

    Raises:
        ReplicaFailed: it ends, or is not ready in time.
    """
    with TemporaryDirectory(prefix="trimtab-profile-") as folder, (Path(folder) / "log").open("wb") as log:
        settings = make(free_port(), Path(folder) / "config.json")
        if settings.config is not None:
            written(settings.config, LiveSettings(batch=settings.batch, batch_wait_s=settings.batch_wait_s))
        started_s = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.serving"],
            env=environment(os.environ, settings),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=end_with_parent,  # noqa: PLW1509 - this process has one thread when it starts a replica
        )
        try:
            _wait_ready(process, settings, started_s)
            yield RunningReplica(process, settings, time.perf_counter() - started_s)
        except ReplicaFailed as error:
            if process.poll() is None:
                raise
            raise ReplicaFailed(f"{error}; its log ends: {_last_line(Path(log.name))}") from error
        finally:
            _end(process)


def environment(own: Mapping[str, str], settings: ReplicaSettings) -> dict[str, str]:
    """Return the variables of a replica: ours without TRIMTAB_*, its contract, and its threads."""
    kept = {name: value for name, value in own.items() if not name.startswith(PREFIX)}
    return {**kept, "OMP_NUM_THREADS": str(settings.threads), **environment_of(settings)}


def free_port() -> int:
    """Return a loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def written(path: Path, live: LiveSettings) -> None:
    """Replace the configuration as a whole."""
    replaced(path, live.model_dump_json(), sync="none")


def _wait_ready(process: subprocess.Popen[bytes], settings: ReplicaSettings, started_s: float) -> None:
    while not _is_ready(settings.port):
        if process.poll() is not None:
            raise ReplicaFailed(f"{settings.variant} did not start")
        if time.perf_counter() - started_s > START_LIMIT_S:
            raise ReplicaFailed(f"{settings.variant} was not ready after {START_LIMIT_S:g} s")
        time.sleep(READY_POLL_S)


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=ANSWER_LIMIT_S)
    try:
        connection.request("GET", READY_PATH)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "nothing"
