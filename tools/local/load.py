"""The load generator as a process beside the cluster: started with a plan, its results read at the end."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pipelines.load
from core.errors import TransientError
from pipelines.load.plan import Plan, Sent, read_sent
from tools.local.starting import own_environment

PLAN, RESULTS, LOG = "plan.json", "results.csv", "load.log"
STOP_LIMIT_S = 10.0


class LoadFailed(TransientError):
    """The load generator ended before its plan."""


@dataclass(slots=True)
class Load:
    """A running generator. Use it as a context manager: it ends with it."""

    folder: Path
    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, plan: Plan, url: str, folder: Path, *, serving_python: Path) -> Load:
        """Start a generator; its clock begins when its inputs are made.

        Raises:
            OSError: it cannot be started.
        """
        folder.mkdir(parents=True, exist_ok=True)
        (folder / PLAN).write_text(plan.model_dump_json(), encoding="utf-8")
        (folder / RESULTS).unlink(missing_ok=True)
        command = [
            *(str(serving_python), "-m", "locust", "--headless", "--users", "1", "--only-summary"),
            *("--locustfile", str(Path(pipelines.load.__file__).with_name("locustfile.py"))),
            *("--host", url, "--plan", str(folder / PLAN), "--results", str(folder / RESULTS)),
        ]
        with (folder / LOG).open("wb") as log:
            process = subprocess.Popen(
                command, env=own_environment(1), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        return cls(folder, process)

    def __enter__(self) -> Load:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    @property
    def running(self) -> bool:
        """Whether it is still at work."""
        return self.process.poll() is None

    def stop(self) -> None:
        """End it before its plan does."""
        if self.running:
            self.process.terminate()

    def results(self, *, stopped: bool = False) -> list[Sent]:
        """Wait for the end and return what came of every request; of those sent so far, where it was stopped.

        Raises:
            LoadFailed: it ended early by itself; its log is named.
        """
        self.process.wait()
        plan = Plan.model_validate_json((self.folder / PLAN).read_bytes())
        sent = read_sent(self.folder / RESULTS) if (self.folder / RESULTS).exists() else []
        if len(sent) != len(plan.arrivals_s) and not stopped:
            raise LoadFailed(
                f"the load generator sent {len(sent)} of {len(plan.arrivals_s)} requests; "
                f"see {self.folder / LOG}"
            )
        return sent
