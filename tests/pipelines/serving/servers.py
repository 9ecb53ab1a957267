"""Real servers for tests: started with the contract's variables, asked over HTTP, ended at the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from core.errors import UsageError
from pipelines.serving.contract import ReplicaSettings, RouterSettings, environment_of
from tools.local.child import free_port
from tools.serving_python import project, serving_python

MODELS = project() / ".models"
NEEDED = "TESTS_NEED_SERVERS"
"""Set by `make test`: what is missing is then a failure and not a reason to skip."""
READY_LIMIT_S = 60.0
CARD = project() / "tests" / "pipelines" / "serving" / "card.jpg"


def need(found: object, what: str) -> None:
    """Skip the test where something is missing, or fail it where `make test` should have put it there."""
    if found:
        return
    if os.environ.get(NEEDED):
        pytest.fail(f"{what} is missing; make test should have made it")
    pytest.skip(f"{what} is missing: run make serving models")


def python() -> Path:
    """Return the interpreter that serves."""
    try:
        return serving_python(None)
    except UsageError:
        need(None, "the serving environment")
        raise


def weights(kit: str = "id_card") -> Path:
    """Return the folder of a kit's weights."""
    need((MODELS / kit).is_dir(), f"the folder of weights for {kit}")
    return MODELS / kit


@dataclass(slots=True)
class Server:
    """A process that serves."""

    process: subprocess.Popen[str]
    url: str
    model: str

    def get(self, path: str) -> requests.Response:
        return requests.get(f"{self.url}{path}", timeout=10)

    def post(self, body: bytes | str, headers: Mapping[str, str] | None = None) -> requests.Response:
        return requests.post(
            f"{self.url}/v2/models/{self.model}/infer",
            data=body,
            headers={"content-type": "application/json", **(headers or {})},
            timeout=60,
        )

    def ready(self) -> int:
        """Return the status of the readiness question; 0 where nobody answers."""
        try:
            return self.get("/v2/health/ready").status_code
        except requests.ConnectionError:
            return 0

    def metric(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of a metric that carry these labels."""
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        lines = [
            line
            for line in self.get("/metrics/").text.splitlines()
            if line.startswith((f"{name}{{", f"{name} "))
        ]
        return sum(float(line.rpartition(" ")[2]) for line in lines if all(w in line for w in wanted))

    def stop(self) -> int:
        """Ask it to end, and return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@contextmanager
def starting(settings: ReplicaSettings | RouterSettings) -> Iterator[Server]:
    """Start a server and give it as it comes up; kill it at the end if need be."""
    process = subprocess.Popen(
        [str(python()), "-m", "pipelines.serving"],
        cwd=project(),
        env={**os.environ, **environment_of(settings)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    model = settings.pipeline if isinstance(settings, RouterSettings) else settings.stage
    try:
        yield Server(process, f"http://{settings.host}:{settings.port}", model)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@contextmanager
def server(settings: ReplicaSettings | RouterSettings) -> Iterator[Server]:
    """Give a server that is ready."""
    with starting(settings) as found:
        end_s = time.monotonic() + READY_LIMIT_S
        while found.ready() != 200:
            assert found.process.poll() is None, found.process.communicate()[0]
            assert time.monotonic() < end_s, "not ready in time"
            time.sleep(0.05)
        yield found


def replica(stage: str = "detect", variant: str = "classic", **changes: object) -> ReplicaSettings:
    """Return the settings of an id_card replica on a free port."""
    return ReplicaSettings.model_validate(
        {
            "pipeline": "id-card",
            "kit": "id_card",
            "stage": stage,
            "variant": variant,
            "slo_s": 0.4,
            "models": weights(),
            "port": free_port(),
            "drain_delay_s": 0.3,
            **changes,
        }
    )


def router(endpoints: Path, **changes: object) -> RouterSettings:
    """Return the settings of an id_card router on a free port."""
    return RouterSettings.model_validate(
        {
            "pipeline": "id-card",
            "kit": "id_card",
            "slo_s": 0.4,
            "port": free_port(),
            "endpoints": str(endpoints),
            "drain_delay_s": 0.3,
            **changes,
        }
    )


def body(item: bytes, *more: bytes, truth: object = None) -> str:
    """Return a v2 request for some items."""
    items = (item, *more)
    request: dict[str, object] = {
        "inputs": [
            {
                "name": "items",
                "shape": [len(items)],
                "datatype": "BYTES",
                "parameters": {"content_type": "base64"},
                "data": [b64encode(each).decode() for each in items],
            }
        ]
    }
    if truth is not None:
        request["parameters"] = {"truth": json.dumps(truth)}
    return json.dumps(request)
