"""What goes wrong in a situation: faults of the twin, the load, the calendar, the forecaster."""

from __future__ import annotations

from collections.abc import Sequence

from core.calendar import Event
from core.configuration import Configuration, StageConfiguration
from core.pipeline import Pipeline
from evals.agent.situations import FAULT_S, INTERVAL_S, Case
from simulator.faults import AccuracyDrift, CapacityLoss, Fault, LatencyDrift, MetricOutage, Straggler

BURST = 2.5
"""Times the calm load: more than the loop's margins and its forecast's spread cover."""
EVENT = 2.0
"""Times the calm load that an event announces."""
EVENT_LEAD_S, EVENT_LASTS_S = 10.0, 300.0
"""From the turn that is judged to the event, inside the horizon of every pipeline; how long it lasts."""
SLOWER = 1.6
"""Latency factor of a variant that drifts: docs/benchmarks.md has how soon factors are found."""
KEPT = 0.5
"""Share of its accuracy that a drifting variant keeps."""
STRAGGLING = 8.0
"""Times its service time that a straggling replica takes."""
STRAGGLERS = 0.5
"""Share of the busiest stage's replicas that straggle."""
LEFT = 0.5
"""Share of the replicas of the busiest stage that a lost node leaves."""
UNDER = 0.4
"""Share of what the forecaster says that a biased one tells: the load is above its upper quantile always."""
OUTAGE_S = 4.0
"""An outage within one interval: its first and last scrape are there, what is between them is not."""


def trace_of(case: Case) -> tuple[float, ...]:
    """Return the load of every second, and some beyond the turn that is judged."""
    seconds = case.judged_s + 2 * INTERVAL_S
    burst = BURST if case.kind in ("burst", "loss and burst") else 1.0
    return tuple(case.base_rps * (burst if second >= FAULT_S else 1.0) for second in range(seconds))


def faults_of(case: Case, pipeline: Pipeline, running: Configuration) -> tuple[Fault, ...]:
    """Return what the twin suffers: it hits the stage that takes most cores of *running*."""
    busiest = max(running.stages, key=lambda s: s.replicas * pipeline.stage(s.stage).variant(s.variant).cores)
    return tuple(_faults(case, busiest))


def _faults(case: Case, hit: StageConfiguration) -> Sequence[Fault]:
    match case.kind:
        case "latency drift" | "drift and event":
            return [LatencyDrift(stage=hit.stage, variant=hit.variant, start_s=FAULT_S, factor=SLOWER)]
        case "accuracy drift":
            return [AccuracyDrift(stage=hit.stage, variant=hit.variant, start_s=FAULT_S, factor=KEPT)]
        case "capacity loss" | "loss and burst":
            left = max(1, int(hit.replicas * LEFT))
            return [CapacityLoss(stage=hit.stage, replicas=left, start_s=FAULT_S)]
        case "metrics outage":
            return [MetricOutage(start_s=FAULT_S, end_s=FAULT_S + OUTAGE_S)]
        case "slo breach":
            return [Straggler(stage=hit.stage, factor=STRAGGLING, share=STRAGGLERS, start_s=FAULT_S)]
    return []


def events_of(case: Case, pipeline: Pipeline) -> tuple[Event, ...]:
    """Return what the calendar says."""
    if case.kind not in ("announced event", "drift and event"):
        return ()
    start_s = case.judged_s + EVENT_LEAD_S
    event = Event(
        id="launch",
        pipeline=pipeline.name,
        start_s=start_s,
        end_s=start_s + EVENT_LASTS_S,
        load_factor=EVENT,
        author="evaluation",
        entered_s=0.0,
    )
    return (event,)
