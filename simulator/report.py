"""What an episode showed, from the true record of every request. Never for the loop that decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from core.pipeline import Pipeline
from simulator.records import COMPLETED, DROP_REASONS, IN_FLIGHT, State

Floats = NDArray[np.float64]

QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Series:
    """What happened second by second, from second 0."""

    arrivals: tuple[int, ...]
    completed: tuple[int, ...]
    """By the second of completion."""
    dropped: tuple[int, ...]
    late: tuple[int, ...]
    """Completions after the SLO."""
    latency_s: tuple[float | None, ...]
    """The SLO's quantile of the latencies of that second's completions; None where there were none."""
    cores: tuple[float, ...]
    """Mean over the second."""
    queue: tuple[int, ...]
    """Items waiting at all stages as the second begins."""


@dataclass(frozen=True, slots=True)
class Report:
    """The true results of an episode up to now."""

    seconds: float
    """Of simulated time."""
    requests: int
    completed: int
    dropped: int
    dropped_by_reason: Mapping[str, int]
    in_flight: int
    slo_attainment: float | None
    """Share completed within the SLO of the requests whose fate is known: completed, dropped, or in
    flight for longer than the SLO. None where there are none."""
    effective_accuracy: float | None
    """Mean accuracy over the same requests; what is late, dropped or overdue counts as wrong. In
    `product` and `measured` mode the probability of a right answer, in `sum` mode the sum of the
    accuracies (there is no probability)."""
    accuracy: float | None
    """Mean accuracy over the completed requests, late ones included; None where there are none."""
    core_seconds: float
    """Of all replicas that existed, loading and draining included."""
    mean_cores: float
    switches: int
    """How often a stage was told to run another variant."""
    replica_starts: int
    """Cold starts begun; the first, warm replicas do not count."""
    latency_s: Mapping[str, float | None]
    """p50, p95 and p99 of the completed requests; None where there are none."""
    mean_queue: Mapping[str, float]
    """Items waiting at each stage, mean over time."""
    series: Series


def report(pipeline: Pipeline, state: State, *, now_s: float, switches: int, replica_starts: int) -> Report:
    """Judge the episode up to *now_s*."""
    seen = int(state.clock["next_request"][0])
    requests, arrivals = state.requests[:seen], state.arrivals[:seen]
    order = _completions(state)
    completed_s = requests["finish_s"][order]
    latency_s = completed_s - arrivals[order]
    values = requests["value"][order]
    in_time = latency_s <= pipeline.slo.latency_s
    in_flight = requests["status"] == IN_FLIGHT
    overdue = int(np.sum(now_s - arrivals[in_flight] > pipeline.slo.latency_s))
    decided = int(np.sum(~in_flight)) + overdue
    core_seconds = float(_core_seconds(state, now_s).sum())
    return Report(
        seconds=now_s,
        requests=seen,
        completed=order.size,
        dropped=int(state.drops.sum()),
        dropped_by_reason={name: int(state.drops[k]) for k, name in DROP_REASONS.items()},
        in_flight=int(np.sum(in_flight)),
        slo_attainment=float(np.sum(in_time)) / decided if decided else None,
        effective_accuracy=float(np.sum(values[in_time])) / decided if decided else None,
        accuracy=float(np.mean(values)) if values.size else None,
        core_seconds=core_seconds,
        mean_cores=core_seconds / now_s if now_s > 0 else float(state.clock["cores"][0]),
        switches=switches,
        replica_starts=replica_starts,
        latency_s=_quantiles(latency_s),
        mean_queue={
            stage.name: _mean_queue(state, s, now_s) if now_s > 0 else 0.0
            for s, stage in enumerate(pipeline.stages)
        },
        series=_series(pipeline, state, now_s, completed_s=completed_s, latency_s=latency_s),
    )


def _completions(state: State) -> NDArray[np.int32]:
    """Return the completed requests in the order of completion."""
    return state.completed[: int(state.clock["completed"][0])]


def _core_seconds(state: State, now_s: float) -> Floats:
    """Return core-seconds by second, with what was used since the last change."""
    clock, seconds = state.clock[0], int(np.ceil(now_s))
    starts = np.arange(seconds, dtype=np.float64)
    since_s = np.maximum(starts, clock["cores_since_s"])
    open_s = np.maximum(np.minimum(starts + 1, now_s) - since_s, 0.0)
    return np.asarray(state.core_seconds[:seconds] + clock["cores"] * open_s)


def _mean_queue(state: State, s: int, now_s: float) -> float:
    stage = state.stages[s]
    open_s = now_s - float(stage["queue_since_s"])
    return (float(stage["queue_area_s"]) + int(stage["queued"]) * open_s) / now_s


def _series(
    pipeline: Pipeline, state: State, now_s: float, *, completed_s: Floats, latency_s: Floats
) -> Series:
    """Return the series; *completed_s* ascends, *latency_s* goes with it."""
    seen, seconds = int(state.clock["next_request"][0]), int(np.ceil(now_s))
    lengths_s = np.minimum(now_s - np.arange(seconds), 1.0)
    core_seconds = _core_seconds(state, now_s)
    return Series(
        arrivals=_by_second(state.arrivals[:seen], seconds),
        completed=_by_second(completed_s, seconds),
        dropped=_by_second(_dropped_s(state), seconds),
        late=_by_second(completed_s[latency_s > pipeline.slo.latency_s], seconds),
        latency_s=_quantile_by_second(completed_s, latency_s, seconds=seconds, q=pipeline.slo.quantile),
        cores=tuple((core_seconds / lengths_s).tolist()),
        queue=tuple(state.queue_samples[:seconds].sum(axis=1).tolist()),
    )


def _dropped_s(state: State) -> Floats:
    """Return when requests were dropped."""
    if not state.drops.any():
        return np.zeros(0)
    status = state.requests["status"]
    return np.asarray(state.requests["finish_s"][(status != IN_FLIGHT) & (status != COMPLETED)])


def _by_second(times_s: Floats, seconds: int) -> tuple[int, ...]:
    """Count by second; what happens as the last second ends belongs to it."""
    if seconds == 0:
        return ()
    whole = np.minimum(times_s.astype(np.int64), seconds - 1)
    return tuple(np.bincount(whole, minlength=seconds).tolist())


def _quantile_by_second(
    times_s: Floats, values: Floats, *, seconds: int, q: float
) -> tuple[float | None, ...]:
    """Return the quantile by second; *times_s* ascends."""
    bounds = np.array([0, *np.searchsorted(times_s, np.arange(1, seconds)), values.size])
    ordered = values.copy()
    for first, end in pairwise(bounds[: seconds + 1].tolist()):
        ordered[first:end].sort()
    found = np.flatnonzero(np.diff(bounds[: seconds + 1]))
    quantiles: list[float | None] = [None] * seconds
    ranks = bounds[found] + q * (bounds[found + 1] - bounds[found] - 1)
    for second, value in zip(found.tolist(), _at_ranks(ordered, ranks).tolist(), strict=True):
        quantiles[second] = value
    return tuple(quantiles)


def _at_ranks(ordered: Floats, ranks: Floats) -> Floats:
    """Return the values at *ranks*, between two neighbours on the line that joins them."""
    below = np.floor(ranks).astype(np.int64)
    above = np.ceil(ranks).astype(np.int64)
    return np.asarray(ordered[below] + (ranks - below) * (ordered[above] - ordered[below]))


def _quantiles(values: Floats) -> dict[str, float | None]:
    if not values.size:
        return dict.fromkeys(QUANTILES)
    ordered = np.sort(values)
    found = _at_ranks(ordered, np.array(list(QUANTILES.values())) * (values.size - 1)).tolist()
    return dict(zip(QUANTILES, found, strict=True))
