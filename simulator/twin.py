"""A request-level twin of a pipeline: what a configuration, or a policy, does to every request.

    twin = Twin(pipeline, configuration, trace_rps, seed=1, batch_wait_s={"crop": 0.1})
    twin.step(10.0)
    twin.apply(other, {"crop": 0.2})
    scrape = twin.scrape()
    ...
    twin.drain()
    print(twin.report().slo_attainment)

Requests arrive by a per-second trace (`simulator.arrivals`), and wait in one queue per stage, first come
first served. An idle replica takes a batch when as many items wait as the configured batch, or when the
first of them has waited `batch_wait_s`; the replica idle for longest goes first. How long it takes is in
`simulator.service`, how replicas come and go in `simulator.fleet`, what can go wrong in
`simulator.faults`, the order of events in `simulator.kernel`.

An item served sends k items along an edge, k = variant's fan-out times the edge's, on average: the whole
part of k always, one more with the probability of the rest. A stage with several predecessors waits until
all of them are done with all items of a request, then queues as many items as the largest edge brought. A
stage that gets no item of a request is done with it when its predecessors are. A request completes when
all last stages are done with it.

A dropped item drops its request; its other items are discarded when a replica would take them up, or
when the batch they are in leaves.

The accuracy of a completed request is, in `product` mode, the product over the stages of the mean accuracy
of the variants that served its items there; a stage that got no item cannot err and counts 1. In
`measured` mode it is the table's row of the variants that served it (per stage the last one; the
configured one where no item came), or the product where that combination was never measured. In `sum`
mode it is the sum, of which only the share (divided by the number of stages) serves as the probability
in the labelled sample. Accuracy drift multiplies a stage's accuracy.

The twin shares no formula with the solver it judges.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.buckets import WAIT_BOUNDS
from core.configuration import Configuration
from core.errors import MetricsUnavailable, UsageError
from core.pipeline import Pipeline
from simulator.arrivals import arrival_times, recorded_times
from simulator.engine import Engine
from simulator.exposition import Exposition
from simulator.faults import (
    AccuracyDrift,
    CapacityLoss,
    Drift,
    Fault,
    LatencyDrift,
    MetricOutage,
    ReplicaCrash,
    Straggler,
    check_names,
)
from simulator.fleet import Fleet
from simulator.options import TwinOptions
from simulator.records import NONE
from simulator.report import Report, report
from simulator.scrape import Scrape
from simulator.state import first_variants, initial_state

Action = Callable[[float], None]

DRAIN_LIMIT_S = 3600.0
"""How long `drain` waits for requests that may never be served, such as at a stage without replicas."""


def arrivals_per_second(trace_rps: Sequence[float], *, seed: int, options: TwinOptions) -> Sequence[int]:
    """Return how many requests arrive in each second of a twin's episode: what scrapes will count.

    It depends on nothing else, so all policies that are compared on one episode share it.
    """
    for_arrivals, _ = np.random.SeedSequence(seed).spawn(2)
    times_s = _arrivals_s(trace_rps, for_arrivals, options)
    counts: list[int] = np.bincount(times_s.astype(np.int64), minlength=len(trace_rps)).tolist()
    return counts


def _arrivals_s(
    trace_rps: Sequence[float], seed: np.random.SeedSequence, options: TwinOptions
) -> NDArray[np.float64]:
    return arrival_times(trace_rps, generator=np.random.default_rng(seed), mode=options.arrivals)


class Twin:
    """One episode. Deterministic: the same arguments and calls give the same results, bit by bit."""

    def __init__(
        self,
        pipeline: Pipeline,
        configuration: Configuration,
        trace_rps: Sequence[float],
        *,
        seed: int,
        batch_wait_s: Mapping[str, float],
        options: TwinOptions | None = None,
        faults: Sequence[Fault] = (),
        arrivals_s: Sequence[float] | None = None,
    ) -> None:
        """Set up the episode at time 0, with the replicas of *configuration* ready and warm.

        Args:
            pipeline: What serves.
            configuration: What every stage runs at first.
            trace_rps: Requests per second, one figure per second.
            seed: Of everything random. Arrivals depend on nothing else but the trace.
            batch_wait_s: By stage, how long the first item of a partial batch waits for more.
            options: Assumptions; their defaults are stated there.
            faults: What goes wrong, and when.
            arrivals_s: When each request arrives, ascending, in place of what the trace and the seed would
                give: requests that were recorded. The trace still says how long the episode is.

        Raises:
            UsageError: a name is unknown, a rate or a wait is not a number of that kind, or an arrival lies
                outside of the trace.
        """
        options = options or TwinOptions()
        for fault in faults:
            check_names(pipeline, fault)
        self._pipeline = pipeline
        self._now_s = 0.0
        self._trace_end_s = float(len(trace_rps))
        self._agenda: list[tuple[float, int, Action]] = []
        self._scheduled = 0
        for_arrivals, for_streams = np.random.SeedSequence(seed).spawn(2)
        if arrivals_s is None:
            arrivals = _arrivals_s(trace_rps, for_arrivals, options)
        else:
            arrivals = recorded_times(arrivals_s, self._trace_end_s)
        n_streams = len(pipeline.stages) + 2
        words = for_streams.generate_state(4 * n_streams, np.uint64)
        streams = words.astype(np.uint64).reshape(n_streams, 4)
        bounds_s = np.array([b * pipeline.slo.latency_s for b in WAIT_BOUNDS])
        self._engine = Engine(
            initial_state(pipeline, arrivals, bounds_s=bounds_s, streams=streams, options=options)
        )
        self._fleet = Fleet(pipeline, self._engine, self._at)
        self._exposition = Exposition(pipeline, self._engine)
        self._faults = tuple(faults)
        self._ramp_step_s = options.ramp_step_s
        self._set_waits(batch_wait_s)
        self._fleet.install(configuration.checked(pipeline))
        for fault in faults:
            self._schedule(fault)
        self._act_until(0.0)

    @property
    def now_s(self) -> float:
        """Seconds of simulated time since the start of the trace."""
        return self._now_s

    def step(self, until_s: float) -> None:
        """Let time pass until *until_s*; however a run is cut into steps, it ends in the same state.

        Raises:
            UsageError: *until_s* lies in the past or is not finite.
        """
        if not math.isfinite(until_s) or until_s < self._now_s:
            raise UsageError(f"cannot step to {until_s:g} s: it is {self._now_s:g} s already")
        self._act_until(until_s)
        self._engine.advance(until_s, inclusive=True)
        self._now_s = float(until_s)

    def apply(self, configuration: Configuration, batch_wait_s: Mapping[str, float]) -> None:
        """Begin to move to *configuration*, from now on.

        Raises:
            UsageError: it does not fit the pipeline, or a stage has no wait.
        """
        checked = configuration.checked(self._pipeline)
        self._set_waits(batch_wait_s)
        self._fleet.apply(checked, self._now_s)
        self._act_until(self._now_s)
        self._engine.advance(self._now_s, inclusive=True)

    def scrape(self) -> Scrape:
        """Return the metrics as they are now.

        Raises:
            MetricsUnavailable: a metric outage is on.
        """
        for fault in self._faults:
            if isinstance(fault, MetricOutage) and fault.covers(self._now_s):
                raise MetricsUnavailable(f"the metrics cannot be scraped at {self._now_s:g} s")
        return self._exposition.scrape(self._now_s)

    def drain(self, limit_s: float = DRAIN_LIMIT_S) -> None:
        """Step past the end of the trace until nothing is in flight, for at most *limit_s* more."""
        self.step(max(self._now_s, self._trace_end_s))
        end_s = self._now_s + limit_s
        while self._exposition.in_flight() and self._now_s < end_s:
            self.step(min(end_s, self._now_s + 1.0))

    def report(self) -> Report:
        """Return the true results so far."""
        return report(
            self._pipeline,
            self._engine.state,
            now_s=self._now_s,
            switches=self._fleet.switches,
            replica_starts=self._fleet.starts,
        )

    def _at(self, time_s: float, action: Action) -> None:
        self._scheduled += 1
        heapq.heappush(self._agenda, (time_s, self._scheduled, action))

    def _act_until(self, until_s: float) -> None:
        """Do what is on the agenda; it comes before the traffic of the same instant."""
        while self._agenda and self._agenda[0][0] <= until_s:
            time_s = self._agenda[0][0]
            self._engine.advance(time_s, inclusive=False)
            while self._agenda and self._agenda[0][0] == time_s:
                heapq.heappop(self._agenda)[2](time_s)

    def _set_waits(self, batch_wait_s: Mapping[str, float]) -> None:
        for name in batch_wait_s:
            self._pipeline.stage(name)
        for s, stage in enumerate(self._pipeline.stages):
            wait_s = batch_wait_s.get(stage.name, math.nan)
            if not wait_s >= 0:
                raise UsageError(f"stage {stage.name!r} needs a batch wait of at least 0 s in batch_wait_s")
            self._engine.state.stages["wait_s"][s] = wait_s

    def _schedule(self, fault: Fault) -> None:
        if isinstance(fault, ReplicaCrash):
            self._at(fault.start_s, lambda at_s: self._crash(fault, at_s))
        elif isinstance(fault, Straggler):
            self._at(fault.start_s, lambda at_s: self._slow_down(fault))
        elif isinstance(fault, CapacityLoss):
            s = self._stage(fault.stage)
            self._at(fault.start_s, lambda at_s: self._cap(s, at_s))
            if fault.end_s is not None:
                self._at(fault.end_s, lambda at_s: self._cap(s, at_s))
        elif isinstance(fault, Drift):
            self._schedule_drift(fault)

    def _crash(self, fault: ReplicaCrash, at_s: float) -> None:
        s, v = self._stage(fault.stage), self._variant(fault.stage, fault.variant)
        died = self._fleet.crash(s, fault.replicas, at_s, replaced=fault.restarts, variant=v)
        if not fault.restarts and fault.end_s is not None:
            self._at(fault.end_s, lambda at_s: self._fleet.give_back(s, died, at_s, variant=v))

    def _slow_down(self, fault: Straggler) -> None:
        s = self._stage(fault.stage)
        hit = self._fleet.slow_down(s, factor=fault.factor, share=fault.share)
        if fault.end_s is not None:
            self._at(fault.end_s, lambda at_s: self._fleet.recover(hit, factor=fault.factor))

    def _cap(self, s: int, at_s: float) -> None:
        """Grant stage *s* what the tightest capacity loss of the moment leaves."""
        name = self._pipeline.stages[s].name
        caps = [
            fault.replicas
            for fault in self._faults
            if isinstance(fault, CapacityLoss) and fault.stage == name and fault.covers(at_s)
        ]
        self._fleet.cap(s, min(caps, default=None), at_s)

    def _schedule_drift(self, fault: Drift) -> None:
        v = self._variant(fault.stage, fault.variant)
        steps = math.ceil(fault.ramp_s / self._ramp_step_s)
        times = [fault.start_s + k * self._ramp_step_s for k in range(steps)]
        times.append(fault.start_s + fault.ramp_s)
        if fault.end_s is not None:
            times = [t for t in times if t < fault.end_s] + [fault.end_s]
        for time_s in times:
            self._at(time_s, lambda at_s: self._set_drift(fault, v, at_s))

    def _set_drift(self, fault: Drift, v: int, at_s: float) -> None:
        """Set the variant's factor to the product of the drifts of this kind that are on."""
        factor = 1.0
        for other in self._faults:
            same_place = isinstance(other, type(fault)) and (other.stage, other.variant) == (
                fault.stage,
                fault.variant,
            )
            if same_place and isinstance(other, LatencyDrift | AccuracyDrift):
                factor *= 1.0 + (other.factor - 1.0) * other.share(at_s)
        field: Literal["slowdown", "accuracy_factor"]
        field = "slowdown" if isinstance(fault, LatencyDrift) else "accuracy_factor"
        self._engine.state.variants[field][v] = factor

    def _stage(self, name: str) -> int:
        return self._pipeline.stages.index(self._pipeline.stage(name))

    def _variant(self, stage: str, name: str | None) -> int:
        """Return the number of a variant among those of all stages; `NONE` where it has no name."""
        first, found = first_variants(self._pipeline)[self._stage(stage)], self._pipeline.stage(stage)
        return NONE if name is None else first + found.variants.index(found.variant(name))
