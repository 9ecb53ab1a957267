"""Counters of many processes, added up by their labels: what one scrape of the whole pipeline would show."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.pipeline import Pipeline
from pipelines.serving import names
from simulator.scrape import Histogram, Scrape
from tools.prometheus import Key, Series

Rows = list[tuple[dict[str, str], float]]


@dataclass(frozen=True, slots=True)
class Gauges:
    """What is at one moment, by the newest sample of each process."""

    series: tuple[Series, ...] = ()

    def sums(self, metric: str) -> dict[str, float]:
        """Return the sum over the processes of each stage."""
        found: dict[str, float] = defaultdict(float)
        for each in self._of(metric):
            found[each.label("stage")] += each.samples[-1][1]
        return dict(found)

    def count(self, metric: str, *, least: float) -> dict[tuple[str, str], float]:
        """Return how many processes of each stage and variant are at *least*."""
        found: dict[tuple[str, str], float] = defaultdict(float)
        for each in self._of(metric):
            if each.samples[-1][1] >= least:
                found[each.label("stage"), each.label("variant")] += 1
        return dict(found)

    def has(self, metric: str) -> bool:
        """Say whether anybody keeps it."""
        return any(True for _ in self._of(metric))

    def _of(self, metric: str) -> Iterable[Series]:
        return (each for each in self.series if each.metric == metric)


class Totals:
    """Sums of counters by metric and labels."""

    def __init__(self, sums: Mapping[Key, float]) -> None:
        self._rows: dict[str, Rows] = defaultdict(list)
        for (metric, labels), value in sums.items():
            self._rows[metric].append((dict(labels), value))

    def scrape(self, pipeline: Pipeline, time_s: float, gauges: Gauges) -> Scrape:
        """Return the sums and gauges as one scrape of the pipeline."""
        stages = [stage.name for stage in pipeline.stages]
        arrived, served = self.by(names.ITEMS_ARRIVED, "stage"), self.by(names.ITEMS_SERVED, "stage")
        return Scrape(
            time_s=time_s,
            requests_total=self.total(names.REQUESTS),
            completed_total=self.total(names.COMPLETED),
            dropped_total=self.by(names.DROPPED, "reason"),
            items_arrived_total={s: arrived[s] for s in stages if s in arrived},
            items_served_total={s: served[s] for s in stages if s in served},
            queue_length=gauges.sums(names.QUEUE),
            replicas=gauges.count(names.READY, least=0.0),
            ready_replicas=gauges.count(names.READY, least=1.0),
            cores=_cores(pipeline, gauges),
            latency_s=self.histogram(names.LATENCY, {}),
            queue_wait_s={s: self.histogram(names.QUEUE_WAIT, {"stage": s}) for s in stages},
            service_s=self._by_variant(names.SERVICE),
            batch_size=self._by_variant(names.BATCH_SIZE),
            labelled_total=self._labelled(names.LABELLED, len(stages)),
            labelled_correct_total=self._labelled(names.LABELLED_CORRECT, len(stages)),
            examined_total=self._by_pair(names.EXAMINED),
            examined_correct_total=self._by_pair(names.EXAMINED_CORRECT),
        )

    def total(self, metric: str) -> float:
        """Return the sum over everything."""
        return math.fsum(value for _, value in self._rows[metric])

    def by(self, metric: str, label: str) -> dict[str, float]:
        """Return the sums by one label."""
        found: dict[str, float] = defaultdict(float)
        for labels, value in self._rows[metric]:
            found[labels.get(label, "")] += value
        return dict(found)

    def histogram(self, metric: str, where: Mapping[str, str]) -> Histogram:
        """Return the sum of the histograms that carry these labels."""
        buckets: dict[float, float] = defaultdict(float)
        for labels, value in self._rows[f"{metric}_bucket"]:
            if where.items() <= labels.items():
                buckets[float(labels["le"])] += value
        sums = self._rows[f"{metric}_sum"]
        total = math.fsum(value for labels, value in sums if where.items() <= labels.items())
        bounds = tuple(sorted(b for b in buckets if math.isfinite(b)))
        return Histogram(bounds, (*(buckets[b] for b in bounds), buckets.get(math.inf, 0.0)), total)

    def _by_pair(self, metric: str) -> dict[tuple[str, str], float]:
        found: dict[tuple[str, str], float] = defaultdict(float)
        for labels, value in self._rows[metric]:
            found[labels["stage"], labels["variant"]] += value
        return dict(found)

    def _by_variant(self, metric: str) -> dict[tuple[str, str], Histogram]:
        pairs = {(labels["stage"], labels["variant"]) for labels, _ in self._rows[f"{metric}_count"]}
        return {
            (stage, variant): self.histogram(metric, {"stage": stage, "variant": variant})
            for stage, variant in sorted(pairs)
        }

    def _labelled(self, metric: str, stages: int) -> dict[tuple[str, ...], float]:
        """Return the sums by variants in stage order; what names another number of stages is not ours."""
        by_text = self.by(metric, "variants")
        split = {tuple(text.split(names.VARIANTS_SEPARATOR)): value for text, value in by_text.items()}
        return {variants: value for variants, value in split.items() if len(variants) == stages}


def _cores(pipeline: Pipeline, gauges: Gauges) -> float:
    """Return the cores of all replicas there are; a variant that the pipeline does not know counts none."""
    cores = 0.0
    for (stage, variant), count in gauges.count(names.READY, least=0.0).items():
        known = pipeline.by_name[stage].by_name if stage in pipeline.by_name else {}
        cores += count * known[variant].cores if variant in known else 0.0
    return cores
