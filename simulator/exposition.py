"""How the state of a twin becomes metrics: the side of `simulator.scrape` that may look at the truth."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from core.buckets import LATENCY_BOUNDS
from core.pipeline import Pipeline
from simulator.engine import Engine
from simulator.records import BUSY, DRAINING, DROP_REASONS, IDLE, STARTING
from simulator.scrape import Histogram, Scrape, StageVariant
from simulator.state import first_variants, variants_of


class Exposition:
    """Keeps the sums that are cheaper to carry on than to count anew."""

    def __init__(self, pipeline: Pipeline, engine: Engine) -> None:
        self._pipeline = pipeline
        self._engine = engine
        self._first = first_variants(pipeline)
        self._names: list[StageVariant] = [
            (stage.name, variant.name) for stage in pipeline.stages for variant in stage.variants
        ]
        self._latency_bounds = np.array([b * pipeline.slo.latency_s for b in LATENCY_BOUNDS])
        self._latency_counts = np.zeros(len(LATENCY_BOUNDS) + 1, np.int64)
        self._latency_sum_s = 0.0
        self._read = 0
        self._labelled: Counter[tuple[str, ...]] = Counter()
        self._correct: Counter[tuple[str, ...]] = Counter()

    def in_flight(self) -> int:
        """Return the number of requests neither completed nor dropped."""
        state = self._engine.state
        clock = state.clock[0]
        return int(clock["next_request"] - clock["completed"] - state.drops.sum())

    def scrape(self, now_s: float) -> Scrape:
        """Return all metrics."""
        self._read_completions()
        state, stages = self._engine.state, [stage.name for stage in self._pipeline.stages]
        clock, fields = state.clock[0], state.stages
        used = [v for v in range(len(self._names)) if state.service_counts[v].any()]
        bounds_s = tuple(state.bounds_s.tolist())
        return Scrape(
            time_s=now_s,
            requests_total=float(clock["next_request"]),
            completed_total=float(clock["completed"]),
            dropped_total={name: float(state.drops[k]) for k, name in DROP_REASONS.items()},
            items_arrived_total=dict(zip(stages, map(float, fields["arrived"]), strict=True)),
            items_served_total=dict(zip(stages, map(float, fields["served"]), strict=True)),
            queue_length=dict(zip(stages, map(float, fields["queued"]), strict=True)),
            replicas=self._count_replicas(STARTING, IDLE, BUSY, DRAINING),
            ready_replicas=self._count_replicas(IDLE, BUSY),
            cores=float(clock["cores"]),
            latency_s=Histogram.of(
                tuple(self._latency_bounds.tolist()),
                self._latency_counts.tolist(),
                self._latency_sum_s,
            ),
            queue_wait_s={
                name: Histogram.of(bounds_s, state.wait_counts[s].tolist(), float(state.wait_sum_s[s]))
                for s, name in enumerate(stages)
            },
            service_s={
                self._names[v]: Histogram.of(
                    bounds_s, state.service_counts[v].tolist(), float(state.service_sum_s[v])
                )
                for v in used
            },
            batch_size={self._names[v]: _batch_sizes(state.batch_counts[v]) for v in used},
            labelled_total={names: float(n) for names, n in self._labelled.items()},
            labelled_correct_total={names: float(self._correct[names]) for names in self._labelled},
        )

    def _count_replicas(self, *states: int) -> dict[StageVariant, float]:
        replicas = self._engine.state.replicas
        counts = Counter(replicas["variant"][np.isin(replicas["state"], states)].tolist())
        return {self._names[v]: float(counts[v]) for v in sorted(counts)}

    def _read_completions(self) -> None:
        """Carry on latency and labels by what was completed since the last time."""
        state = self._engine.state
        done = int(state.clock["completed"][0])
        new = state.completed[self._read : done]
        self._read = done
        requests = state.requests[new]
        latency_s = requests["finish_s"] - state.arrivals[new]
        buckets = np.searchsorted(self._latency_bounds, latency_s)
        self._latency_counts += np.bincount(buckets, minlength=self._latency_counts.size)
        self._latency_sum_s = math.fsum((self._latency_sum_s, *latency_s.tolist()))
        labelled = requests[requests["labelled"] == 1]
        for code in np.unique(labelled["code"]).tolist():
            names, of_code = variants_of(self._pipeline, code), labelled["code"] == code
            self._labelled[names] += int(of_code.sum())
            self._correct[names] += int(labelled["correct"][of_code].sum())


def _batch_sizes(counts: NDArray[np.int64]) -> Histogram:
    sizes = range(1, counts.size)
    total = float(sum(size * int(counts[size]) for size in sizes))
    return Histogram.of(tuple(map(float, sizes)), [*counts[1:].tolist(), 0], total)
