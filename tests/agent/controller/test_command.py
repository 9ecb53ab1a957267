"""The command itself, as a process: under the Role of deploy/, on a real API server and a real Prometheus."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from core.document import document_of
from tests.deploy.folders import BASE, DEPLOY, write
from tests.deploy.test_rights import OWN, account
from tests.kube.plane import Plane
from tests.kube.player import playing
from tests.tools.kubernetes.clusters import Owner
from tests.tools.kubernetes.stages import configured, toy
from tests.tools.promql.history import History
from tools.kubernetes.declared import CRD

LIMIT_S = 60.0


@dataclass(slots=True)
class Place:
    """Two namespaces, the rights in them, and the toy pipeline with its past."""

    plane: Plane
    own: str
    pipelines: str
    folder: Path
    prometheus: str
    account: Path

    @contextmanager
    def controller(self, name: str, *options: str) -> Iterator[subprocess.Popen[str]]:
        """Run a controller with a data folder of its own; it is killed at the end if it still runs."""
        log = (self.folder / f"{name}.log").open("w")
        command = [
            sys.executable,
            "-c",
            "from agent.cli import main; main()",
            "run",
            "--cluster",
            "kubernetes",
        ]
        command += ["--namespace", self.pipelines, "--lease-namespace", self.own]
        command += ["--kubeconfig", str(self.account), "--prometheus-url", self.prometheus]
        command += ["--data", str(self.folder / name), "--interval", "5", "--listen", "127.0.0.1:0", *options]
        process = subprocess.Popen(command, stderr=log, stdout=subprocess.DEVNULL, text=True)
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            log.close()

    def log(self, name: str) -> list[dict[str, object]]:
        text = (self.folder / f"{name}.log").read_text()
        return [json.loads(line) for line in text.splitlines()]

    def status(self) -> dict[str, object]:
        found = Owner(self.plane.admin_kubeconfig, self.pipelines).api.get(
            f"{CRD.format(self.pipelines)}/toy"
        )
        return dict(found.get("status") or {})

    def address(self, name: str) -> str:
        """Return where a controller's health is, out of its log."""
        said = [str(line["message"]) for line in self.log(name)]
        found = next(filter(None, (re.search(r"are on (127\.0\.0\.1:\d+)", text) for text in said)))
        return f"http://{found[1]}"


@pytest.fixture
def place(plane: Plane, tmp_path: Path) -> Iterator[Place]:
    plane.apply(BASE / "crd.yaml")
    with (
        plane.namespace() as own,
        plane.namespace() as pipelines,
        playing(plane, pipelines, cores=(40, 40)),
    ):
        past = History()
        past.router(rate=12.0, done=11.9, namespace=pipelines)
        past.replica("find", "small", rate=12.0, namespace=pipelines, instance="a")
        past.replica("read", "only", rate=12.0, namespace=pipelines, instance="b")
        (tmp_path / "deploy").mkdir()
        write(tmp_path / "deploy", DEPLOY / "overlays" / "observe", "write")
        account(plane, tmp_path / "deploy", own, pipelines)
        (tmp_path / "prometheus").mkdir()
        with past.served(tmp_path / "prometheus") as url:
            yield Place(plane, own, pipelines, tmp_path, url, plane.token_kubeconfig(own, OWN))


def declare(place: Place, mode: str) -> Owner:
    owner = Owner(place.plane.admin_kubeconfig, place.pipelines)
    pipeline = toy(max_cores=40)
    owner.creates(pipeline, configured("small", 2, 2))
    spec = {**document_of(pipeline)["spec"], "operation": {"mode": mode}}
    body = {"apiVersion": "trimtab.dev/v1", "kind": "Pipeline", "metadata": {"name": "toy"}, "spec": spec}
    owner.posts(CRD.format(place.pipelines), body)
    return owner


def eventually(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.2)


def test_it_decides_acts_reports_and_ends_under_the_rights_of_deploy(place: Place) -> None:
    owner = declare(place, "auto")

    with place.controller("one", "--mode", "auto") as process:
        eventually(
            lambda: (
                owner.deployment("toy-find")["metadata"].get("annotations", {}).get("trimtab.dev/change")
                is not None
            ),
            "nothing was applied",
        )
        eventually(lambda: bool(place.status().get("lastDecisions")), "nothing was reported")
        health = place.address("one")
        ready, metrics = (
            requests.get(f"{health}/readyz", timeout=5),
            requests.get(f"{health}/metrics", timeout=5),
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0

    events = owner.api.all(f"/api/v1/namespaces/{place.pipelines}/events")
    assert (ready.status_code, ready.text) == (200, "leading\n") or ready.text.startswith("leading")
    assert "trimtab_controller_decisions_total{" in metrics.text
    assert [e for e in events if e["reason"] == "Applied" and e["involvedObject"]["kind"] == "Pipeline"]
    assert place.log("one")[-1]["message"] == "stopped after the present turns; nothing is left half done"
    assert not [line for line in place.log("one") if line["level"] in ("ERROR", "error")]


def test_a_second_one_stands_by_and_takes_over_when_the_first_has_ended(place: Place) -> None:
    declare(place, "observe")

    with place.controller("one") as first:
        eventually(lambda: bool(place.status()), "the first reports nothing")
        with place.controller("two") as second:
            eventually(
                lambda: "are on" in (place.folder / "two.log").read_text(), "the second does not start"
            )
            health = place.address("two")
            eventually(
                lambda: requests.get(f"{health}/readyz", timeout=5).text.startswith("standing by"),
                "the second does not stand by",
            )
            first.send_signal(signal.SIGTERM)
            assert first.wait(20) == 0
            eventually(
                lambda: requests.get(f"{health}/readyz", timeout=5).text.startswith("leading"),
                "the second does not take over",
            )
            second.send_signal(signal.SIGTERM)
            assert second.wait(20) == 0
