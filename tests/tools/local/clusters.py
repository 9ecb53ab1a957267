"""A real local cluster for tests, and load on it."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from core.configuration import Configuration, StageConfiguration
from core.problem import Problem
from core.verify import Approved, approve
from pipelines.load.plan import Plan
from pipelines.reader import read_pipeline
from simulator.arrivals import arrival_times
from tests.pipelines.serving.servers import need, python, weights
from tools.local.cluster import LocalCluster, bring_up, take_down
from tools.local.layout import ClusterSpec
from tools.local.load import Load
from tools.serving_python import project

PIPELINE = read_pipeline(project() / "pipelines" / "id_card" / "pipeline.yaml")
INTERVAL_S = 5.0


def prometheus() -> Path:
    """Return the Prometheus program."""
    found = shutil.which("prometheus")
    need(found, "the prometheus program")
    assert found is not None
    return Path(found)


def spec() -> ClusterSpec:
    """Return an id_card cluster that counts labelled answers. Tests must not drop what is merely slow."""
    return ClusterSpec(
        pipeline=PIPELINE,
        kit="id_card",
        models=weights(),
        serving_python=python(),
        prometheus=prometheus(),
        labels=True,
        expires_after=25.0,
    )


def running(
    detect: str = "classic", read: str = "v3rec-w40", *, batch: int = 1, replicas: int = 1
) -> Configuration:
    """Return a configuration of id_card."""
    return Configuration(
        stages=(
            StageConfiguration(stage="detect", variant=detect, batch=1, replicas=replicas),
            StageConfiguration(stage="read", variant=read, batch=batch, replicas=replicas),
        )
    )


@contextmanager
def cluster(folder: Path, first: Configuration | None = None) -> Iterator[LocalCluster]:
    """Give a cluster that serves, and take it down at the end."""
    try:
        yield bring_up(spec(), folder, first or running(), load_rps=4.0, interval_s=INTERVAL_S)
    finally:
        take_down(folder)


def apply(found: LocalCluster, change: str, configuration: Configuration) -> None:
    """Apply a configuration, which the check accepts at the load of the tests."""
    approved = approve(Problem.of(PIPELINE, 4.0), configuration)
    assert isinstance(approved, Approved), approved
    found.apply(change, approved, 4.0)


def wait_for(found: LocalCluster, wanted: Configuration, *, within_s: float = 60.0) -> float:
    """Wait until exactly this runs, and nothing else; return how long it took."""
    began = time.monotonic()
    exact = sorted((s.stage, s.variant, "ready") for s in wanted.stages for _ in range(s.replicas))
    while time.monotonic() - began < within_s:
        state = found.layout.read_state()
        assert state is not None
        if sorted((r.stage, r.variant, r.phase) for r in state.replicas) == exact:
            return time.monotonic() - began
        time.sleep(0.05)
    raise AssertionError(f"{wanted} does not run after {within_s} s: {state}")


@contextmanager
def load(found: LocalCluster, folder: Path, *, rps: float, seconds: float, seed: int = 1) -> Iterator[Load]:
    """Load the cluster with labelled requests."""
    arrivals = arrival_times(
        [rps] * math.ceil(seconds), generator=np.random.default_rng(seed), mode="poisson"
    )
    plan = Plan(
        kit="id_card", pipeline=PIPELINE.name, arrivals_s=tuple(arrivals.tolist()), examples=20, seed=seed
    )
    url = f"http://{found.state.router}"
    with Load.start(plan, url, folder, serving_python=python()) as running_load:
        yield running_load


def scraped(found: LocalCluster, metric: str, **labels: str) -> float:
    """Return the sum of a metric's newest samples with these labels, as the cluster's Prometheus has it."""
    where = ",".join(f'{key}="{value}"' for key, value in labels.items())
    series = found.metrics.prometheus.samples(f"{metric}{{{where}}}", range_s=120, at=time.time())
    return sum(each.samples[-1][1] for each in series)
