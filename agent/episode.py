"""The loop on the embedded cluster: everything a run needs, set up in one data folder and taken down."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from agent.approver import answers_in
from agent.beating import Beating
from agent.context import Context, LoopSettings
from agent.folder import CALENDAR, CHECKPOINTS, CLUSTER, DECISIONS, REQUESTS, held
from agent.heeding import Heeding
from agent.loop import Approver, Loop
from agent.planners import Planner
from core.configuration import Configuration
from core.decision import Decision
from core.errors import UsageError
from core.pipeline import Pipeline
from core.problem import Problem
from core.solution import Infeasible, Optimum
from core.solve import solve
from simulator.faults import Fault
from tools.assess import Assessor
from tools.cadence import forecaster_of, margins_of
from tools.calendar import Calendar
from tools.commands import Commands
from tools.embedded import EmbeddedCluster
from tools.forecast import Forecaster
from tools.ports import Actuator, Metrics
from tools.requests import Requests
from tools.store import DecisionStore


class Cluster(Metrics, Actuator, Protocol):
    """What can be observed and acted on."""


@dataclass(frozen=True, slots=True)
class EmbeddedRun:
    """A loop and its cluster."""

    loop: Loop
    cluster: EmbeddedCluster
    seconds: int
    """Length of the trace."""

    @property
    def now_s(self) -> float:
        """Seconds of the trace that have passed."""
        return self.cluster.twin.now_s

    def turns(self) -> Iterator[Decision | None]:
        """Recover, then let an interval pass and decide, until the trace ends.

        None stands for a turn that waits for a person.
        """
        yield from self.loop.recover()
        interval_s = self.loop.context.settings.interval_s
        while self.cluster.twin.now_s + interval_s < self.seconds:
            self.cluster.pass_time(interval_s)
            yield self.loop.tick()
        self.cluster.twin.drain()


@contextmanager
def embedded_run(
    pipeline: Pipeline,
    trace_rps: Sequence[float],
    folder: Path,
    *,
    planner: Planner,
    settings: LoopSettings,
    seed: int,
    approver: Approver | None = None,
    faults: Sequence[Fault] = (),
    truth: Pipeline | None = None,
    forecaster: Forecaster | None = None,
    unix: Callable[[], float] = time.time,
    real_time: bool = False,
) -> Iterator[EmbeddedRun]:
    """Yield a run that starts from the optimum for the trace's first interval, or from what is remembered.

    Args:
        pipeline: What the loop decides on.
        trace_rps: Requests per second, one figure per second.
        folder: Where the loop keeps its record.
        planner: What proposes.
        settings: How the loop decides.
        seed: Of everything random.
        approver: Who answers for a person; None for the answers in *folder*.
        faults: What goes wrong, and when.
        truth: What the cluster really serves, where the loop's profile is wrong; None for *pipeline*.
        forecaster: What foresees the load; None for the loop's own.
        unix: Seconds since 1970.
        real_time: Whether the caller lets the trace's time pass with the wall's.

    Raises:
        UsageError: nothing is feasible in the first interval, or the folder is another pipeline's.
        StoreError: the folder cannot be used.
    """
    first_rps = max(trace_rps[: settings.interval_s])
    initial = first_configuration(pipeline, first_rps, settings)
    with held(folder):
        cluster = EmbeddedCluster(
            pipeline if truth is None else truth,
            initial,
            trace_rps,
            initial_rps=first_rps,
            seed=seed,
            memory=folder / CLUSTER,
            faults=faults,
        )
        with loop_on(
            cluster,
            pipeline,
            folder,
            planner=planner,
            settings=settings,
            clock=lambda: cluster.twin.now_s,
            approver=approver,
            forecaster=forecaster,
            unix=unix,
            real_time=real_time,
        ) as loop:
            yield EmbeddedRun(loop, cluster, len(trace_rps))


@contextmanager
def loop_on(
    cluster: Cluster,
    pipeline: Pipeline,
    folder: Path,
    *,
    planner: Planner,
    settings: LoopSettings,
    clock: Callable[[], float],
    real_time: bool,
    approver: Approver | None = None,
    forecaster: Forecaster | None = None,
    unix: Callable[[], float] = time.time,
) -> Iterator[Loop]:
    """Yield a loop on a cluster, with its stores in *folder*, whose lock the caller holds.

    Without a *forecaster* it gets the one that suits the pipeline. *real_time* says whether its clock runs
    with the wall's.

    Raises:
        StoreError: the folder cannot be used.
    """
    with (
        closing(DecisionStore(folder / DECISIONS)) as store,
        closing(Requests(folder / REQUESTS)) as requests,
        closing(Commands(folder / REQUESTS)) as commands,
    ):
        calendar = Calendar(folder / CALENDAR)
        context = Context(
            pipeline=pipeline,
            metrics=cluster,
            actuator=cluster,
            forecaster=forecaster or forecaster_of(pipeline),
            assessor=Assessor(pipeline, interval_s=settings.interval_s),
            planner=planner,
            store=store,
            requests=requests,
            heeding=Heeding(commands, calendar, pipeline.name, unix),
            clock=clock,
            unix=unix,
            calendar=calendar.of(pipeline.name),
            settings=settings,
        )
        beating = Beating(context, folder, real_time)
        with Loop(context, folder / CHECKPOINTS, approver or answers_in(requests), beating) as loop:
            yield loop


def first_configuration(pipeline: Pipeline, load_rps: float, settings: LoopSettings) -> Configuration:
    """Return the optimum for the first load, with the loop's margins.

    Raises:
        UsageError: there is none.
    """
    match solve(Problem.of(pipeline, load_rps, margins=settings.margins or margins_of(pipeline))):
        case Optimum(configuration=configuration):
            return configuration
        case Infeasible(bindings=bindings):
            raise UsageError(
                f"nothing is feasible at the first load, {load_rps:g} rps: {bindings[0].statement}"
            )
