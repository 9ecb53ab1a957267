"""From two scrapes to an observation: rates, quantiles and shares of the interval between them."""

from __future__ import annotations

from collections.abc import Sequence

from core.observation import Observation, ServiceObservation, StageObservation
from core.pipeline import Pipeline, Stage
from simulator.scrape import Scrape


def observed(
    pipeline: Pipeline, before: Scrape, after: Scrape, loads_rps: Sequence[float | None]
) -> Observation:
    """Return what happened between two scrapes; *loads_rps* are the samples taken each second."""
    interval_s = after.time_s - before.time_s
    latency = after.latency_s.since(before.latency_s)
    dropped = sum(after.dropped_total.values()) - sum(before.dropped_total.values())
    completed = after.completed_total - before.completed_total
    within = latency.share_within(pipeline.slo.latency_s)
    finished = completed + dropped
    labelled = sum(after.labelled_total.values()) - sum(before.labelled_total.values())
    correct = sum(after.labelled_correct_total.values()) - sum(before.labelled_correct_total.values())
    return Observation(
        time_s=after.time_s,
        interval_s=interval_s,
        loads_rps=tuple(loads_rps),
        latency_s=latency.quantile(pipeline.slo.quantile),
        in_time=min(1.0, (within or 0.0) * completed / finished) if finished else None,
        dropped_rps=dropped / interval_s if interval_s else None,
        accuracy=min(1.0, correct / labelled) if labelled else None,
        labelled=int(labelled),
        stages=tuple(_stage(stage, before, after, interval_s) for stage in pipeline.stages),
    )


def _stage(stage: Stage, before: Scrape, after: Scrape, interval_s: float) -> StageObservation:
    arrived = after.items_arrived_total[stage.name] - before.items_arrived_total[stage.name]
    ready = sum(count for (name, _), count in after.ready_replicas.items() if name == stage.name)
    services = []
    for key, histogram in after.service_s.items():
        if key[0] != stage.name:
            continue
        served = histogram.since(before.service_s[key]) if key in before.service_s else histogram
        sizes = after.batch_size[key]
        sizes = sizes.since(before.batch_size[key]) if key in before.batch_size else sizes
        if served.mean is not None and sizes.mean is not None:
            services.append(
                ServiceObservation(
                    variant=key[1],
                    batch=max(1, round(sizes.mean)),
                    batches=int(served.count),
                    mean_s=served.mean,
                )
            )
    return StageObservation(
        stage=stage.name,
        arrivals_rps=arrived / interval_s if interval_s else None,
        queue=after.queue_length[stage.name],
        ready=int(ready),
        services=tuple(services),
    )
