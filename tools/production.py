"""What production says of a profile: service times by batch size, outputs per item, labelled answers.

A server keeps one histogram of service times and one of batch sizes, not one for each size. So a service
time is known to belong to a size only where, between two scrapes of a replica, every batch it served had that
size; such increases are added up, all others are counted and left out. At batch size 1 that is everything; at
larger sizes it is the busy times, when batches fill.

What this cannot say: the hop (HTTP, encoding of items on the way), which the servers do not time; how fast
a saturated replica would be, other than by its mean service time; load time; memory; the accuracy of a stage
alone, as labels are of whole requests. Quantiles lie on a line inside their bucket, a fifth wide.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from core.errors import MetricsUnavailable
from core.pipeline import Pipeline
from pipelines.serving import names
from simulator.scrape import Histogram
from tools.prometheus import Prometheus, Series

CHUNK_S = 120.0
"""Asked for at once: a few megabytes for ten replicas scraped every second."""
WANTED = (
    f"{names.SERVICE}_(bucket|sum)",
    f"{names.BATCH_SIZE}_bucket",
    *(names.ITEMS_ARRIVED, names.ITEMS_SERVED, names.RESENT, names.LABELLED, names.LABELLED_CORRECT),
)
MOST_SIZE = 32
"""Up to here every batch size has a bucket of its own."""
Metric = tuple[str, tuple[tuple[str, str], ...]]
Sample = dict[Metric, float]
"""Of one process at one moment."""


@dataclass(slots=True)
class ServiceTimes:
    """Batches of one size."""

    buckets: dict[float, float] = field(default_factory=lambda: defaultdict(float))
    """By upper bound, cumulative, in seconds."""
    total_s: float = 0.0

    @property
    def histogram(self) -> Histogram:
        """The service times."""
        bounds = sorted(self.buckets)
        return Histogram(tuple(bounds[:-1]), tuple(self.buckets[b] for b in bounds), self.total_s)


@dataclass(slots=True)
class Seen:
    """What was seen in the window."""

    service: dict[tuple[str, str, int], ServiceTimes] = field(
        default_factory=lambda: defaultdict(ServiceTimes)
    )
    """By stage, variant and batch size, where the size is known."""
    mixed: float = 0.0
    """Batches whose size is not known."""
    served: dict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))
    """Items by stage and variant, while no other variant of the stage served."""
    sent: dict[tuple[str, str], dict[str, float]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(float))
    )
    """Items that arrived meanwhile at each other stage."""
    labelled: dict[tuple[str, ...], float] = field(default_factory=lambda: defaultdict(float))
    correct: dict[tuple[str, ...], float] = field(default_factory=lambda: defaultdict(float))


def seen(pipeline: Pipeline, prometheus: Prometheus, *, window_s: float, now: float) -> Seen:
    """Return what the servers of *pipeline* exposed in the *window_s* seconds before *now* (unix time).

    Raises:
        MetricsUnavailable: Prometheus cannot be asked, or knows nothing of this pipeline.
    """
    found, last = Seen(), dict[str, Sample]()
    selector = f'{{__name__=~"{"|".join(WANTED)}",pipeline="{pipeline.name}"}}'
    is_known = False
    for end, range_s in _chunks(window_s, now):
        series = prometheus.samples(selector, range_s=range_s, at=end)
        is_known = is_known or bool(series)
        _count(found, _by_process(series), last)
    if not is_known:
        raise MetricsUnavailable(
            f"Prometheus knows nothing of pipeline {pipeline.name!r} in the last {window_s:g} s; "
            "is it scraped, and is that its name there?"
        )
    return found


def _chunks(window_s: float, now: float) -> Iterator[tuple[float, float]]:
    """Yield end and length of the parts of the window, oldest first."""
    left_s = window_s
    while left_s > 0:
        length_s = min(CHUNK_S, left_s)
        left_s -= length_s
        yield now - left_s, length_s


def _by_process(series: Sequence[Series]) -> dict[str, dict[float, Sample]]:
    """Return all samples by process and time: one scrape gives all series of a process the same time."""
    found: dict[str, dict[float, Sample]] = defaultdict(lambda: defaultdict(dict))
    for each in series:
        labels = tuple(
            sorted((k, v) for k, v in each.labels.items() if k not in ("__name__", "instance", "job"))
        )
        for at, value in each.samples:
            found[each.label("instance")][at][each.metric, labels] = value
    return found


def _count(found: Seen, processes: Mapping[str, Mapping[float, Sample]], last: dict[str, Sample]) -> None:
    """Add what every process counted between its scrapes; *last* carries on from one chunk to the next."""
    of_chunk = list[Sample]()
    for process, scrapes in processes.items():
        ordered = [scrapes[at] for at in sorted(scrapes)]
        before = [last[process]] if process in last else []
        for earlier, later in pairwise([*before, *ordered]):
            grown = _grown(earlier, later)
            _count_batches(found, grown)
            of_chunk.append(grown)
        last[process] = ordered[-1]
    _count_items(found, of_chunk)


def _grown(earlier: Sample, later: Sample) -> Sample:
    """Return the increases; a counter that fell began anew, one that was not there before began at 0."""
    before = {metric: earlier.get(metric, 0.0) for metric in later}
    return {m: value - before[m] if value >= before[m] else value for m, value in later.items()}


def _count_batches(found: Seen, grown: Sample) -> None:
    """Add a replica's batches, if all of them had one size."""
    sizes = {
        dict(labels)["le"]: (labels, n)
        for (metric, labels), n in grown.items()
        if metric == f"{names.BATCH_SIZE}_bucket"
    }
    if not sizes:
        return
    cumulative = sorted((float(le), n) for le, (_, n) in sizes.items())
    counts = {b: n - m for (_, m), (b, n) in pairwise([(0.0, 0.0), *cumulative]) if n > m}
    if not counts:
        return
    (size, _), *others = counts.items()
    if others or size > MOST_SIZE:
        found.mixed += sum(counts.values())
        return
    owner = dict(next(iter(sizes.values()))[0])
    times = found.service[owner["stage"], owner["variant"], int(size)]
    for (metric, labels), n in grown.items():
        if metric == f"{names.SERVICE}_bucket":
            times.buckets[float(dict(labels)["le"])] += n
        elif metric == f"{names.SERVICE}_sum":
            times.total_s += n


def _count_items(found: Seen, grown: Sequence[Sample]) -> None:
    """Add a chunk's items and labels."""
    served, arrived = defaultdict[tuple[str, str], float](float), defaultdict[str, float](float)
    for sample in grown:
        for (metric, pairs), n in sample.items():
            labels = dict(pairs)
            if metric == names.ITEMS_SERVED:
                served[labels["stage"], labels["variant"]] += n
            elif metric == names.ITEMS_ARRIVED:
                arrived[labels["stage"]] += n
            elif metric == names.RESENT:
                arrived[labels["stage"]] -= n
            elif metric == names.LABELLED:
                found.labelled[tuple(labels["variants"].split(names.VARIANTS_SEPARATOR))] += n
            elif metric == names.LABELLED_CORRECT:
                found.correct[tuple(labels["variants"].split(names.VARIANTS_SEPARATOR))] += n
    busy = {key: n for key, n in served.items() if n > 0}
    for (stage, variant), n in busy.items():
        if [s for s, _ in busy].count(stage) == 1:
            found.served[stage, variant] += n
            for other, items in arrived.items():
                found.sent[stage, variant][other] += items
