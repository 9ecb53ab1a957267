"""What a live run showed, as the same report as the twin's: from what clients saw, request by request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from core.pipeline import Pipeline
from pipelines.load.plan import Sent
from simulator.report import QUANTILES, Report, Series
from tools.local.watch import Watch

OK = 200
REASONS = {0: "no_answer", 429: "queue_full", 503: "no_replica", 504: "expired"}
"""Of a request that was not answered, by its status."""


def live_report(
    pipeline: Pipeline, sent: Sequence[Sent], watch: Watch, *, zero: float, switches: int
) -> Report:
    """Return the report of a run.

    Args:
        pipeline: What served.
        sent: Every request, as its client saw it. Latency counts from when it was due.
        watch: What it cost.
        zero: Unix time of the run's second 0.
        switches: Changes of a stage's variant.
    """
    answered = [s for s in sent if s.status == OK]
    lost = [s for s in sent if s.status != OK]
    in_time = [s for s in answered if s.latency_s <= pipeline.slo.latency_s]
    right = sum(s.right is True for s in in_time)
    count, seconds = len(sent), len(watch.cores)
    latency_s = np.array([s.latency_s for s in answered])
    return Report(
        seconds=float(seconds),
        requests=count,
        completed=len(answered),
        dropped=len(lost),
        dropped_by_reason=dict(Counter(REASONS.get(s.status, "failed") for s in lost)),
        in_flight=0,
        slo_attainment=len(in_time) / count if count else None,
        effective_accuracy=right / count if count else None,
        accuracy=sum(s.right is True for s in answered) / len(answered) if answered else None,
        core_seconds=float(sum(watch.cores)),
        mean_cores=float(np.mean(watch.cores)) if watch.cores else 0.0,
        switches=switches,
        replica_starts=watch.starts,
        latency_s={
            name: float(np.quantile(latency_s, q)) if answered else None for name, q in QUANTILES.items()
        },
        mean_queue={},
        series=_series(pipeline, sent, watch, zero),
    )


def _series(pipeline: Pipeline, sent: Sequence[Sent], watch: Watch, zero: float) -> Series:
    seconds, slo_s = len(watch.cores), pipeline.slo.latency_s

    def per_second(when: Callable[[Sent], float], which: Callable[[Sent], bool]) -> tuple[int, ...]:
        """Count requests by the second of something."""
        found = Counter(int(when(s) - zero) for s in sent if which(s))
        return tuple(found.get(k, 0) for k in range(seconds))

    def ended(s: Sent) -> float:
        return s.at + s.latency_s

    by_second: dict[int, list[float]] = {}
    for s in sent:
        if s.status == OK:
            by_second.setdefault(int(ended(s) - zero), []).append(s.latency_s)
    return Series(
        arrivals=per_second(lambda s: s.at, lambda _: True),
        completed=per_second(ended, lambda s: s.status == OK),
        dropped=per_second(ended, lambda s: s.status != OK),
        late=per_second(ended, lambda s: s.status == OK and s.latency_s > slo_s),
        latency_s=tuple(
            float(np.quantile(by_second[k], pipeline.slo.quantile)) if k in by_second else None
            for k in range(seconds)
        ),
        cores=tuple(watch.cores),
        queue=(0,) * seconds,
    )
