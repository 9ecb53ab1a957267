"""The loop on the local cluster: real servers, a real Prometheus, real time."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from agent.context import LoopSettings
from agent.episode import first_configuration, loop_on
from agent.folder import held
from agent.loop import Approver, Loop
from agent.planners import Planner
from core.decision import Decision
from core.errors import UsageError
from core.objective import Limits
from core.pipeline import Pipeline
from pipelines.load.plan import Plan, Sent
from simulator.arrivals import arrival_times
from simulator.report import Report
from tools.local.cluster import LocalCluster, bring_up, take_down
from tools.local.layout import ClusterSpec
from tools.local.load import Load
from tools.local.outcome import live_report
from tools.local.watch import Watch

FOLDER = "local"
"""Of the cluster's files, inside the data folder."""
LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """How the cluster is set up."""

    serving_python: Path
    models: Path
    """Folder with a folder of weights for each kit."""
    kit: str | None = None
    """By default the pipeline's name, with underscores."""
    prometheus: Path | None = None
    """By default the one on the path."""
    max_cores: float | None = None
    """By default as many as this machine has."""
    labels: bool = False
    """Whether requests may bring their right answers along."""
    keep: bool = False
    """Whether the cluster goes on when the loop ends."""

    def kit_of(self, pipeline: Pipeline) -> str:
        """Return the name of the ready pipeline whose code serves *pipeline*."""
        return self.kit or pipeline.name.replace("-", "_")


@dataclass(slots=True)
class LocalRun:
    """A loop and its cluster, in real time."""

    loop: Loop
    cluster: LocalCluster
    pipeline: Pipeline
    """As the loop solves it: with this machine's cores for a limit."""
    seconds: float
    """How long to go on; infinite until stopped."""
    stop: threading.Event
    watch: Watch
    zero: float = field(default_factory=time.time)
    """Unix time of second 0."""

    @property
    def now_s(self) -> float:
        """Seconds since the run began."""
        return time.time() - self.zero

    def begin(self) -> None:
        """Set second 0 to now: the load begins."""
        self.zero = time.time()
        self.watch.began_s = self.cluster.now_s
        self.watch.cores.clear()

    def turns(self) -> Iterator[Decision | None]:
        """Recover, then decide at the end of every interval until the time is over or somebody stops it."""
        yield from self.loop.recover()
        interval_s, due_s = self.loop.context.settings.interval_s, time.monotonic()
        while self.now_s < self.seconds and not self.stop.is_set():
            due_s += interval_s
            while not self.stop.wait(max(0.0, min(LOOK_S, due_s - time.monotonic()))):
                self._look()
                if time.monotonic() >= due_s:
                    break
            else:
                return
            decision = self.loop.tick()
            if decision is not None:
                self.cluster.examine(distrusted(decision))
            yield decision

    def _look(self) -> None:
        state = self.cluster.layout.read_state()
        if state is not None:
            self.watch.look(state, self.cluster.now_s)


@contextmanager
def local_run(
    pipeline: Pipeline,
    folder: Path,
    *,
    planner: Planner,
    settings: LoopSettings,
    options: LocalOptions,
    first_rps: float,
    seconds: float,
    stop: threading.Event,
    approver: Approver | None = None,
) -> Iterator[LocalRun]:
    """Bring the cluster up, yield the run, and take the cluster down again unless it is to be kept.

    Raises:
        UsageError: something that is needed is missing, or nothing is feasible at the first load.
        TransientError: the cluster did not come up.
    """
    capped = on_this_machine(pipeline, options.max_cores)
    spec = cluster_spec(capped, options)
    initial = first_configuration(capped, first_rps, settings)
    with held(folder):
        cluster = bring_up(
            spec, folder / FOLDER, initial, load_rps=first_rps, interval_s=float(settings.interval_s)
        )
        try:
            with loop_on(
                cluster,
                capped,
                folder,
                planner=planner,
                settings=settings,
                clock=lambda: cluster.now_s,
                real_time=True,
                approver=approver,
            ) as loop:
                watch = Watch(capped, cluster.now_s)
                yield LocalRun(loop, cluster, capped, seconds, stop, watch)
        finally:
            if not options.keep:
                take_down(folder / FOLDER)


def on_this_machine(pipeline: Pipeline, max_cores: float | None = None) -> Pipeline:
    """Return the pipeline with its core limit lowered to what this machine has, or to *max_cores*."""
    here = float(os.cpu_count() or 1) if max_cores is None else max_cores
    allowed = min(here, pipeline.limits.max_cores or here)
    return pipeline.model_copy(update={"limits": Limits(max_cores=allowed)})


def cluster_spec(pipeline: Pipeline, options: LocalOptions) -> ClusterSpec:
    """Return what the local cluster is to serve.

    Raises:
        UsageError: Prometheus or the weights are missing.
    """
    kit = options.kit_of(pipeline)
    found = options.prometheus or shutil.which("prometheus")
    if found is None:
        raise UsageError(
            "there is no prometheus on the path; install it (Debian: apt-get install prometheus) "
            "or name it with --prometheus"
        )
    models = (options.models / kit).absolute()
    if not models.is_dir():
        raise UsageError(f"{models}: the weights of {kit!r} are not there; run make models, or give --models")
    return ClusterSpec(
        pipeline=pipeline,
        kit=kit,
        models=models,
        serving_python=options.serving_python,
        prometheus=Path(found).absolute(),
        labels=options.labels,
    )


def distrusted(decision: Decision) -> dict[str, str]:
    """Return the variants whose accuracy is believed to have fallen and that do not serve, one a stage.

    They are examined on labelled cases: nothing else could say when it is over.
    """
    chosen = decision.certificate.configuration if decision.certificate is not None else decision.running
    serving = {} if chosen is None else {s.stage: s.variant for s in chosen.stages}
    fallen = sorted(decision.belief.accuracy, key=lambda f: -f.factor)
    return {f.stage: f.variant for f in fallen if serving.get(f.stage) != f.variant}


def load_plan(pipeline: Pipeline, options: LocalOptions, trace_rps: Sequence[float], seed: int) -> Plan:
    """Return the requests of a run: a Poisson process at the trace's rate."""
    arrivals = arrival_times(trace_rps, generator=np.random.default_rng(seed), mode="poisson")
    return Plan(
        kit=options.kit_of(pipeline), pipeline=pipeline.name, arrivals_s=tuple(arrivals.tolist()), seed=seed
    )


@dataclass(frozen=True, slots=True)
class Played:
    """A live run that is over."""

    decisions: tuple[Decision, ...]
    sent: tuple[Sent, ...]
    report: Report


def play(run: LocalRun, plan: Plan, folder: Path, heard: Callable[[Decision], None]) -> Played:
    """Play the plan while the loop decides, telling each decision as it falls.

    Raises:
        LoadFailed: the load generator ended by itself before its plan.
    """
    found: list[Decision] = []
    url = f"http://{run.cluster.state.router}"
    spec = run.cluster.layout.read_spec()
    with Load.start(plan, url, folder, serving_python=spec.serving_python) as load:
        run.begin()
        for decision in run.turns():
            if decision is not None:
                found.append(decision)
                heard(decision)
            if not load.running:
                break
        if run.stop.is_set():
            load.stop()
        sent = load.results(stopped=run.stop.is_set())
    report = live_report(run.pipeline, sent, run.watch, zero=run.zero, switches=switches_of(found))
    return Played(tuple(found), tuple(sent), report)


def switches_of(decisions: Sequence[Decision]) -> int:
    """Count the changes of a stage's variant that were applied."""
    return sum(
        a.variant != d.running[a.stage].variant
        for d in decisions
        if d.outcome == "applied" and d.certificate is not None and d.running is not None
        for a in d.certificate.configuration.stages
    )
