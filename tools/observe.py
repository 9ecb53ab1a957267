"""From two scrapes to an observation: rates, quantiles and shares of the interval between them.

A counter that fell was reset by a restart: what it shows now is what came since, as Prometheus' own
`increase` takes it. A series that is missing is unknown, None, and never zero.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

from core.observation import (
    QUANTILES,
    ExaminedObservation,
    LabelledObservation,
    LatencyQuantile,
    Observation,
    ServiceObservation,
    StageObservation,
)
from core.pipeline import Pipeline, Stage
from simulator.scrape import Histogram, Scrape

Label = TypeVar("Label", bound=Hashable)


def observed(
    pipeline: Pipeline, before: Scrape, after: Scrape, loads_rps: Sequence[float | None]
) -> Observation:
    """Return what happened between two scrapes; *loads_rps* are the samples taken each second."""
    interval_s = after.time_s - before.time_s
    latency = _since(before.latency_s, after.latency_s)
    dropped = _all_increases(before.dropped_total, after.dropped_total)
    completed = _increase(before.completed_total, after.completed_total)
    within = latency.share_within(pipeline.slo.latency_s)
    finished = completed + dropped
    labelled = _all_increases(before.labelled_total, after.labelled_total)
    correct = _all_increases(before.labelled_correct_total, after.labelled_correct_total)
    return Observation(
        time_s=after.time_s,
        interval_s=interval_s,
        loads_rps=tuple(loads_rps),
        latency_s=latency.quantile(pipeline.slo.quantile),
        latencies=_latencies(latency),
        in_time=min(1.0, (within or 0.0) * completed / finished) if finished else None,
        judged=round(finished),
        dropped_rps=dropped / interval_s if interval_s else None,
        accuracy=min(1.0, correct / labelled) if labelled else None,
        labelled=int(labelled),
        labelled_by=_labelled_by(before, after),
        stages=tuple(_stage(stage, before, after, interval_s) for stage in pipeline.stages),
    )


def arrived(before: Scrape | None, after: Scrape | None) -> float | None:
    """Return the requests between two scrapes.

    None where either is missing, or where a restart lost what came between the first and itself.
    """
    if before is None or after is None or after.requests_total < before.requests_total:
        return None
    return after.requests_total - before.requests_total


def _latencies(latency: Histogram) -> tuple[LatencyQuantile, ...]:
    """Return the quantiles that are kept on record; none where nothing was served."""
    found = ((quantile, latency.quantile(quantile)) for quantile in QUANTILES)
    return tuple(LatencyQuantile(quantile=q, latency_s=value) for q, value in found if value is not None)


def _stage(stage: Stage, before: Scrape, after: Scrape, interval_s: float) -> StageObservation:
    earlier, later = before.items_arrived_total.get(stage.name), after.items_arrived_total.get(stage.name)
    known = earlier is not None and later is not None and interval_s
    ready = sum(count for (name, _), count in after.ready_replicas.items() if name == stage.name)
    return StageObservation(
        stage=stage.name,
        arrivals_rps=_increase(earlier or 0.0, later or 0.0) / interval_s if known else None,
        queue=after.queue_length.get(stage.name),
        ready=int(ready),
        services=_services(stage, before, after),
        examined=_examined(stage, before, after),
    )


def _examined(stage: Stage, before: Scrape, after: Scrape) -> tuple[ExaminedObservation, ...]:
    found = []
    for key, total in sorted(after.examined_total.items()):
        labelled = round(_increase(before.examined_total.get(key, 0.0), total))
        right = after.examined_correct_total.get(key)
        if key[0] != stage.name or right is None or labelled < 1:
            continue
        correct = round(_increase(before.examined_correct_total.get(key, 0.0), right))
        found.append(ExaminedObservation(variant=key[1], labelled=labelled, correct=min(labelled, correct)))
    return tuple(found)


def _services(stage: Stage, before: Scrape, after: Scrape) -> tuple[ServiceObservation, ...]:
    services = []
    for key, histogram in after.service_s.items():
        if key[0] != stage.name or key not in after.batch_size:
            continue
        served = _since(before.service_s.get(key), histogram)
        sizes = _since(before.batch_size.get(key), after.batch_size[key])
        if served.mean is not None and sizes.mean is not None:
            services.append(
                ServiceObservation(
                    variant=key[1],
                    batch=max(1, round(sizes.mean)),
                    batches=int(served.count),
                    mean_s=served.mean,
                    sizes=_by_size(sizes),
                )
            )
    return tuple(services)


def _by_size(sizes: Histogram) -> tuple[tuple[int, int], ...]:
    """Return (size, batches); the bounds are the sizes, and above the last nothing is known."""
    counts = sizes.in_buckets()
    if counts[-1]:
        return ()
    return tuple(
        (round(size), round(n)) for size, n in zip(sizes.bounds, counts, strict=False) if round(n) > 0
    )


def _labelled_by(before: Scrape, after: Scrape) -> tuple[LabelledObservation, ...] | None:
    """Return the new labelled samples by combination; None where no series counts them."""
    if not after.labelled_total:
        return None
    found = []
    for names, total in sorted(after.labelled_total.items()):
        labelled = round(_increase(before.labelled_total.get(names, 0.0), total))
        right = after.labelled_correct_total.get(names)
        if right is None or labelled < 1:
            continue
        correct = round(_increase(before.labelled_correct_total.get(names, 0.0), right))
        found.append(LabelledObservation(variants=names, labelled=labelled, correct=min(labelled, correct)))
    return tuple(found)


def _increase(before: float, after: float) -> float:
    return after if after < before else after - before


def _all_increases(before: Mapping[Label, float], after: Mapping[Label, float]) -> float:
    """Return the increase of all series of a counter; one that is new began at zero."""
    return sum(_increase(before.get(label, 0.0), value) for label, value in after.items())


def _since(before: Histogram | None, after: Histogram) -> Histogram:
    return after if before is None or after.count < before.count else after.since(before)
