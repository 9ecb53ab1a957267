"""The local cluster as a controller sees it: wishes go into a file, what happens comes from Prometheus."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from core.configuration import Configuration
from core.errors import ActuationFailed, MetricsUnavailable, TransientError, UsageError
from core.observation import Observation
from core.pipeline import Pipeline
from core.values import Frozen
from core.verify import Approved
from pipelines.files import replaced
from pipelines.serving import names
from tools.local.layout import ClusterSpec, ClusterState, Layout, Shadows
from tools.ports import Desired
from tools.prometheus import Prometheus
from tools.scraped import FRESH_S, PrometheusMetrics

UP_LIMIT_S = 120.0
"""Models load in seconds; a machine that is busy with something else takes longer."""
DOWN_LIMIT_S = 90.0
ALIVE_S = 10.0
"""A supervisor that has not looked for so long is gone."""
POLL_S = 0.1
LOG = "supervisor"
SUPERVISOR = "tools.local.supervisor"


class ClusterNotReady(TransientError):
    """The local cluster did not come up."""


@dataclass(slots=True)
class LocalCluster:
    """A running local cluster. Implements `Metrics` and `Actuator`."""

    pipeline: Pipeline
    layout: Layout
    state: ClusterState
    metrics: PrometheusMetrics

    @property
    def url(self) -> str:
        """Where requests go."""
        return f"http://{self.state.router}/v2/models/{self.pipeline.name}/infer"

    @property
    def now_s(self) -> float:
        """Seconds since the cluster began: the loop's clock."""
        return time.time() - self.state.began_at

    def observe(self) -> Observation:
        """Return the last interval.

        Raises:
            MetricsUnavailable: there is nothing usable.
        """
        return self.metrics.observe()

    def desired(self) -> Desired:
        """Return what was last asked for."""
        return self.layout.read_desired()

    def dry_run(self, approved: Approved, load_rps: float) -> None:
        """Find out whether a supervisor is there to carry it out.

        Raises:
            ActuationFailed: there is none.
        """
        alive(self.layout)

    def apply(self, change: str, approved: Approved, load_rps: float) -> None:
        """Write down what should run; the supervisor does the rest.

        Raises:
            ActuationFailed: there is no supervisor, or the file cannot be written.
        """
        alive(self.layout)
        wanted = Desired(change=change, configuration=approved.configuration, load_rps=load_rps)
        if wanted == self.desired():
            return
        _written(self.layout.desired, wanted)

    def examine(self, variants: Mapping[str, str]) -> None:
        """Have these variants, one of a stage, answer labelled cases though they do not serve; no others.

        Raises:
            ActuationFailed: the file cannot be written.
        """
        wanted = Shadows(variants=variants)
        if wanted != self.layout.read_shadows():
            _written(self.layout.shadows_wanted, wanted)


def _written(path: Path, value: Frozen) -> None:
    try:
        replaced(path, value.model_dump_json(), sync="file")
    except OSError as error:
        raise ActuationFailed(f"{path}: cannot be written: {error.strerror}") from error


def alive(layout: Layout) -> ClusterState:
    """Return the state that a living supervisor wrote.

    Raises:
        ActuationFailed: there is none.
    """
    state = layout.read_state()
    if state is None or time.time() - state.seen_at > ALIVE_S:
        raise ActuationFailed(
            f"{layout.folder}: no supervisor is at work; see {layout.log(LOG)}, start the run again"
        )
    return state


def bring_up(
    spec: ClusterSpec, folder: Path, initial: Configuration, *, load_rps: float, interval_s: float
) -> LocalCluster:
    """Return the cluster of *folder*, ready to serve; one that runs there already is taken over.

    Args:
        spec: What it serves.
        folder: Its files; whatever was asked for last, by whoever, is gone on with.
        initial: What runs at first, where nothing was asked for yet.
        load_rps: The load that *initial* was decided for.
        interval_s: Length of the observations.

    Raises:
        UsageError: the folder cannot be used, or serves another pipeline.
        ClusterNotReady: it did not come up in time; the log is named.
    """
    layout = Layout(folder.absolute())
    layout.create()
    with _only_one(layout):
        if _supervisor(layout.read_state()) is None:
            _start(spec, layout, Desired(change="initial", configuration=initial, load_rps=load_rps))
        elif layout.read_spec() != spec:
            raise UsageError(f"{folder}: a cluster with other settings is running here; stop it first")
    found = _await(layout, lambda s: s.router_ready and _serves(s, layout.read_desired()), UP_LIMIT_S)
    prometheus = Prometheus(found.prometheus_url)
    _await_scrape(spec.pipeline, prometheus, layout)
    metrics = PrometheusMetrics(spec.pipeline, prometheus, interval_s, found.began_at, time.time)
    return LocalCluster(spec.pipeline, layout, found, metrics)


def take_down(folder: Path) -> bool:
    """Drain and end the cluster of *folder*; False where none runs.

    Raises:
        ClusterNotReady: it did not end in time.
    """
    process = _supervisor(Layout(folder).read_state())
    if process is None:
        return False
    process.terminate()
    try:
        process.wait(DOWN_LIMIT_S)
    except psutil.TimeoutExpired as error:
        raise ClusterNotReady(
            f"{folder}: supervisor {process.pid} did not end in {DOWN_LIMIT_S:g} s"
        ) from error
    return True


def _only_one(layout: Layout) -> FileLock:
    lock = FileLock(layout.folder / "up.lock", timeout=UP_LIMIT_S)
    try:
        lock.acquire()
    except Timeout as error:
        raise ClusterNotReady(f"{layout.folder}: another process is bringing the cluster up") from error
    return lock


def _start(spec: ClusterSpec, layout: Layout, first: Desired) -> None:
    """Write the specification and start a supervisor in a session of its own."""
    replaced(layout.spec, spec.model_dump_json(), sync="file")
    if not layout.desired.exists():
        replaced(layout.desired, first.model_dump_json(), sync="file")
    log = os.open(layout.log(LOG), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        # Not subprocess: the supervisor outlives us, and nobody here is to wait for it.
        os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", SUPERVISOR, str(layout.folder)],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ],
            setsid=True,
        )
    finally:
        os.close(log)


def _supervisor(state: ClusterState | None) -> psutil.Process | None:
    """Return the living supervisor that wrote a state."""
    if state is None:
        return None
    try:
        process = psutil.Process(state.pid)
        return process if SUPERVISOR in process.cmdline() else None
    except psutil.Error:
        return None


def _await(layout: Layout, there: Callable[[ClusterState], bool], limit_s: float) -> ClusterState:
    """Return the state once it is as it should be."""
    began = time.time()
    while time.time() - began < limit_s:
        state = layout.read_state()
        if state is not None and state.seen_at >= began - ALIVE_S and there(state):
            return state
        time.sleep(POLL_S)
    state = layout.read_state()
    problem = state.problem if state is not None and state.problem else "no reason is known"
    raise ClusterNotReady(
        f"{layout.folder}: the cluster was not ready after {limit_s:g} s: {problem}; see {layout.log(LOG)}"
    )


def _await_scrape(pipeline: Pipeline, prometheus: Prometheus, layout: Layout) -> None:
    """Wait until Prometheus has seen the router once: before that nothing can be observed."""
    selector = f'{names.REQUESTS}{{pipeline="{pipeline.name}"}}'
    end_s = time.monotonic() + UP_LIMIT_S
    while time.monotonic() < end_s:
        try:
            if prometheus.samples(selector, range_s=FRESH_S, at=time.time()):
                return
        except MetricsUnavailable:
            pass  # Prometheus is still starting; the limit is what ends this
        time.sleep(POLL_S)
    log = layout.log("prometheus")
    raise ClusterNotReady(f"{layout.folder}: Prometheus does not see the router; see {log}")


def _serves(state: ClusterState, desired: Desired) -> bool:
    """Say whether every stage has the replicas that are wanted, ready."""
    return all(
        sum(
            (r.stage, r.variant, r.phase, r.shadow) == (s.stage, s.variant, "ready", False)
            for r in state.replicas
        )
        >= s.replicas
        for s in desired.configuration.stages
    )
