"""How long one interval of many pipelines takes, and what memory: `python -m benchmarks.controller`.

A real API server (and etcd) and a real Prometheus on this machine, which share its cores with the controller;
200 pipelines of two stages each, planner `rules`, mode `auto`, status, events and metrics as in production.
The controller is the command itself, a process of its own. There are no nodes: what Kubernetes would report
of a roll-out is written into the Deployments' status between two sweeps. By default it goes on until every
pipeline remembers as much as it ever will.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import requests

from agent.context import REMEMBERED
from agent.controller.telemetry import PREFIX
from benchmarks.machine import machine
from core.document import document_of
from core.pipeline import Pipeline
from tests.deploy.folders import BASE
from tests.kube import binaries
from tests.kube.plane import Plane, start
from tests.tools.exporter import free_address
from tests.tools.kubernetes.clusters import MERGE, Owner
from tests.tools.kubernetes.stages import configured, toy
from tests.tools.promql.history import History, Times
from tools.kubernetes.declared import CRD

BOUND_S, BOUND_MB = 10.0, 500.0
"""What an interval may take, of 10 s, and the process."""
SWEEPS = REMEMBERED + 4
INTERVAL_S = 20
"""Longer than the ten seconds that are meant: what is written between two sweeps must be there in time."""
SWEEPS_OVER, LAST_SWEEP = f"{PREFIX}sweeps_total", f"{PREFIX}interval_seconds"
LOOK_S = 0.5
LONGEST_S = 900
"""Of the past that is written ahead."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pipelines", type=int, default=200)
    parser.add_argument("--sweeps", type=int, default=SWEEPS)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        plane = start(binaries.found(binaries.Search.here()), _made(folder / "plane"))
        try:
            with plane.namespace() as namespace:
                _measure(plane, namespace, folder, given.pipelines, given.sweeps)
        finally:
            plane.stop(keep_logs=False)


def _measure(plane: Plane, namespace: str, folder: Path, count: int, sweeps: int) -> None:
    plane.apply(BASE / "crd.yaml")
    owner = Owner(plane.admin_kubeconfig, namespace)
    pipelines = [toy(max_cores=40).model_copy(update={"name": f"p{k:03d}"}) for k in range(count)]
    for pipeline in pipelines:
        _declare(owner, pipeline)
    # Its verdict on pods that never come would take the place of what is written below.
    plane.group.kill(binaries.MANAGER)
    with (
        _past(namespace, pipelines).served(_made(folder / "prometheus")) as url,
        _controller(plane, namespace, folder, url) as (process, metrics),
    ):
        took: list[float] = []
        cpus: list[float] = []
        for _ in range(sweeps):
            _roll_out(owner)
            used_s = _cpu_s(process)
            took.append(_next_sweep(metrics, process, len(took)))
            cpus.append(_cpu_s(process) - used_s)
        _print(count, took, cpus, float(process.memory_info().rss) / 1e6)


@contextmanager
def _controller(plane: Plane, namespace: str, folder: Path, url: str) -> Iterator[tuple[psutil.Process, str]]:
    """Run the command as a pod would, and give its process and the address of its metrics."""
    address = free_address()
    command = [sys.executable, "-c", "from agent.cli import main; main()", "run", "--cluster", "kubernetes"]
    command += ["--namespace", namespace, "--kubeconfig", str(plane.admin_kubeconfig), "--mode", "auto"]
    command += ["--prometheus-url", url, "--data", str(folder / "data"), "--listen", address]
    command += ["--interval", str(INTERVAL_S)]
    with (folder / "controller.log").open("w") as log:
        process = subprocess.Popen(command, stderr=log)
        try:
            yield psutil.Process(process.pid), f"http://{address}/metrics"
        finally:
            process.terminate()
            process.wait()


def _next_sweep(metrics: str, process: psutil.Process, before: int) -> float:
    """Wait for the end of the next sweep, and return how long it took, in seconds."""
    while process.is_running():
        time.sleep(LOOK_S)
        try:
            text = requests.get(metrics, timeout=30).text
        except requests.ConnectionError:
            continue  # it is still starting
        figures = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        if float(figures.get(SWEEPS_OVER, 0)) > before:
            return float(figures[LAST_SWEEP])
    raise SystemExit("the controller has ended; its log is in the folder of the benchmark")


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _past(namespace: str, pipelines: Sequence[Pipeline]) -> History:
    """Return what Prometheus saw and will see of all pipelines: 8 to 16 requests a second each."""
    past, times = History(), Times(until=LONGEST_S)
    for k, pipeline in enumerate(pipelines):
        rate = 8.0 + k % 9
        past.router(rate=rate, done=rate, times=times, namespace=namespace, pipeline=pipeline.name)
        for stage, variant in (("find", "large"), ("read", "only")):
            past.replica(
                stage,
                variant,
                rate=rate,
                ready=8.0,
                times=times,
                namespace=namespace,
                pipeline=pipeline.name,
            )
    return past


def _declare(owner: Owner, pipeline: Pipeline) -> None:
    owner.creates(pipeline, configured("large", 1, 1))
    spec = {**document_of(pipeline)["spec"], "operation": {"mode": "auto"}}
    body = {
        "apiVersion": "trimtab.dev/v1",
        "kind": "Pipeline",
        "metadata": {"name": pipeline.name},
        "spec": spec,
    }
    owner.posts(CRD.format(owner.namespace), body)


def _roll_out(owner: Owner) -> None:
    """Say of every Deployment that it has come all the way."""
    for found in owner.api.all(owner.path):
        meta, wanted = found["metadata"], found["spec"]["replicas"]
        counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), wanted)
        status = {"observedGeneration": meta["generation"], **counts}
        path = f"{owner.path}/{meta['name']}/status"
        owner.api._call("PATCH", path, {"fieldManager": "manager"}, {"status": status}, MERGE)


def _print(count: int, took: Sequence[float], cpus: Sequence[float], mb: float) -> None:
    walls = sorted(took[1:])
    lines = {
        "pipelines": f"{count}, {len(took)} sweeps",
        "first sweep": f"{took[0]:.1f} s (opens {count} stores, begins {count} changes)",
        "later sweeps, median": f"{statistics.median(walls):.1f} s",
        "CPU of a later sweep": f"{statistics.median(cpus[1:]):.1f} s",
        "later sweeps, longest": f"{walls[-1]:.1f} s (bound {BOUND_S:g} s)",
        "memory": f"{mb:.0f} MB (bound {BOUND_MB:g} MB)",
    }
    print(machine())
    for what, figures in lines.items():
        print(f"{what:24}{figures}")


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


if __name__ == "__main__":
    main()
