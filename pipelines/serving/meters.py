"""The metrics that a replica and the router keep, with the labels that say whose they are."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

from core.buckets import LATENCY_BOUNDS, WAIT_BOUNDS
from pipelines.serving import names
from pipelines.serving.contract import ReplicaSettings, RouterSettings


class ReplicaMeters:
    """Of one replica. Implements `Watcher`."""

    def __init__(self, settings: ReplicaSettings) -> None:
        disable_created_metrics()
        labels = {"pipeline": settings.pipeline, "stage": settings.stage, "variant": settings.variant}
        kinds = tuple(labels)
        bounds_s = [bound * settings.slo_s for bound in WAIT_BOUNDS]
        self._arrived = Counter(_base(names.ITEMS_ARRIVED), "Items that came.", kinds).labels(**labels)
        self._served = Counter(_base(names.ITEMS_SERVED), "Items served.", kinds).labels(**labels)
        self._dropped = Counter(
            _base(names.ITEMS_DROPPED), "Items not served, by reason.", (*kinds, "reason")
        )
        self._labels = labels
        self._queue = Gauge(names.QUEUE, "Items waiting.", kinds).labels(**labels)
        self._wait = Histogram(
            names.QUEUE_WAIT, "From arrival to being taken up.", kinds, buckets=bounds_s
        ).labels(**labels)
        self._service = Histogram(names.SERVICE, "Service time of a batch.", kinds, buckets=bounds_s).labels(
            **labels
        )
        self._sizes = Histogram(
            names.BATCH_SIZE, "Items in a batch.", kinds, buckets=names.BATCH_BOUNDS
        ).labels(**labels)
        self._ready = Gauge(names.READY, "1 while the replica takes up work.", kinds).labels(**labels)

    def ready(self, *, is_ready: bool) -> None:
        """Note whether the replica takes up work."""
        self._ready.set(is_ready)

    def arrived(self) -> None:
        """Count an item that came."""
        self._arrived.inc()

    def dropped(self, reason: str) -> None:
        """Count an item that is not served."""
        self._dropped.labels(**self._labels, reason=reason).inc()

    def queued(self, length: int) -> None:
        """Note how many items wait."""
        self._queue.set(length)

    def taken(self, waited_s: Sequence[float]) -> None:
        """Note how long the items of a batch waited."""
        for seconds in waited_s:
            self._wait.observe(seconds)

    def served(self, size: int, seconds: float) -> None:
        """Note a batch and its service time."""
        self._served.inc(size)
        self._sizes.observe(size)
        self._service.observe(seconds)


class RouterMeters:
    """Of the router."""

    def __init__(self, settings: RouterSettings) -> None:
        disable_created_metrics()
        kinds, name = ("pipeline",), settings.pipeline
        bounds_s = [bound * settings.slo_s for bound in LATENCY_BOUNDS]
        self.requests = Counter(_base(names.REQUESTS), "Requests that came.", kinds).labels(name)
        self.completed = Counter(_base(names.COMPLETED), "Requests answered.", kinds).labels(name)
        self.bad = Counter(_base(names.BAD), "Requests that were the client's mistake.", kinds).labels(name)
        self.latency = Histogram(
            names.LATENCY, "From arrival to answer of the answered requests.", kinds, buckets=bounds_s
        ).labels(name)
        self._name = name
        self._dropped = Counter(_base(names.DROPPED), "Requests not answered, by reason.", (*kinds, "reason"))
        for reason in names.DROP_REASONS:
            self._dropped.labels(name, reason)
        self._resent = Counter(
            _base(names.RESENT), "Items sent to another replica.", (*kinds, "stage", "reason")
        )
        self._labelled = Counter(
            _base(names.LABELLED), "Answers whose truth was known.", (*kinds, "variants")
        )
        self._correct = Counter(_base(names.LABELLED_CORRECT), "Right ones of them.", (*kinds, "variants"))
        alone = (*kinds, "stage", "variant")
        self._examined = Counter(_base(names.EXAMINED), "Labelled cases of a stage alone.", alone)
        self._examined_correct = Counter(_base(names.EXAMINED_CORRECT), "Right ones of them.", alone)

    def dropped(self, reason: str) -> None:
        """Count a request that is not answered."""
        self._dropped.labels(self._name, reason).inc()

    def resent(self, stage: str, reason: str, items: int) -> None:
        """Count items that another replica has to serve."""
        self._resent.labels(self._name, stage, reason).inc(items)

    def labelled(self, variants: Sequence[str], *, right: bool) -> None:
        """Count an answer whose truth was known, by the variants that gave it."""
        names_of = names.VARIANTS_SEPARATOR.join(variants)
        self._labelled.labels(self._name, names_of).inc()
        self._correct.labels(self._name, names_of).inc(right)

    def examined(self, stage: str, variant: str, *, right: bool) -> None:
        """Count a case that a variant answered alone."""
        self._examined.labels(self._name, stage, variant).inc()
        self._examined_correct.labels(self._name, stage, variant).inc(right)


def _base(name: str) -> str:
    """Return a counter's name as the client library wants it, which adds `_total` itself."""
    return name.removesuffix("_total")
