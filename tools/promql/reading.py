"""From what the queries say of one pipeline to its observation, by the same code as everywhere.

The counts of the interval are the difference of two readings, zero and themselves, so that quantiles,
services, drops and labels follow `tools.observe`. What no query says is unknown there too: a histogram
without its last bucket, labels without their truths, a stage of which nobody reports.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from pydantic import ValidationError

from core.complaints import complaint
from core.errors import MetricsUnavailable
from core.observation import Observation, StageObservation
from core.pipeline import Pipeline
from pipelines.serving import names
from simulator.scrape import Scrape
from tools.observe import observed
from tools.prometheus import Key as Metric
from tools.prometheus import Row
from tools.promql.asking import LOAD, Found, Watched
from tools.promql.queries import PATH, Windows
from tools.totals import Gauges, Totals

COUNTED: Mapping[str, tuple[str, ...]] = {
    "completed": (names.COMPLETED,),
    "dropped": (names.DROPPED,),
    "latency": (f"{names.LATENCY}_bucket",),
    "items_served": (names.ITEMS_SERVED, f"{names.BATCH_SIZE}_sum"),
    "service_sum": (f"{names.SERVICE}_sum",),
    "service_count": (f"{names.SERVICE}_count", f"{names.SERVICE}_bucket", f"{names.BATCH_SIZE}_count"),
    "batch_size": (f"{names.BATCH_SIZE}_bucket",),
    "labelled": (names.LABELLED,),
    "labelled_correct": (names.LABELLED_CORRECT,),
    "examined": (names.EXAMINED,),
    "examined_correct": (names.EXAMINED_CORRECT,),
}
"""The metrics that a query of counts stands for: the items of all batches are those that were served."""
SERVICES = ("service_sum", "service_count", "items_served", "batch_size")
PAIRED = (("labelled", "labelled_correct"), ("examined", "examined_correct"))


@dataclass(frozen=True, slots=True)
class Reading:
    """An observation, and what is to be said with it."""

    observation: Observation
    note: str = ""
    """Why a part of it is unknown; empty where nothing is out of the ordinary."""


def read(watched: Watched, found: Found, windows: Windows, *, at: int, time_s: float) -> Reading:
    """Return what happened in the interval that ended at *at* (unix time), *time_s* on the loop's clock.

    Raises:
        MetricsUnavailable: the load is not known, or a count is none; the line says what to mend.
    """
    _refuse_stale(watched, found, windows)
    up = {row.labels.get("stage", ""): row.value for row in found.rows.get("up", ())}
    is_partial = LOAD not in watched.overrides and up.get("", 1.0) < 1.0
    loads = [found.loads.get(second) for second in range(at - windows.interval_s + 1, at + 1)]
    if all(load is None for load in loads):
        raise MetricsUnavailable(_no_load(watched, windows))
    rows = {name: _counts(name, found) for name in COUNTED if name in found.rows}
    _drop_incomplete(rows)
    before, after = _scrapes(watched.pipeline, rows, found, windows.interval_s, time_s)
    known = [None if load is None or is_partial or load < 0 else load for load in loads]
    try:
        seen = observed(watched.pipeline, before, after, known)
    except ValidationError as error:  # labels that are no names, of somebody else's exporter
        raise MetricsUnavailable(
            f"what is counted of {_called(watched)} makes no sense: {complaint(error, Observation)}"
        ) from error
    note = "" if not is_partial else "a router does not answer scrapes: the load is not known"
    return Reading(_without_unknown(seen, rows, found, up), note)


def _refuse_stale(watched: Watched, found: Found, windows: Windows) -> None:
    """See that the arrivals are counted, and now; a load of the pipeline's own speaks for itself."""
    if LOAD in watched.overrides and "age" not in watched.overrides:
        return
    age_s = found.router_age_s
    if age_s is None:
        raise MetricsUnavailable(
            f"Prometheus has no {names.REQUESTS} of {_called(watched)}: "
            "is its router there and scraped, with the labels namespace and pipeline?"
        )
    if age_s > windows.fresh_s:
        raise MetricsUnavailable(
            f"the newest sample of {names.REQUESTS} of {_called(watched)} is {age_s:.0f} s old, "
            f"{windows.fresh_s} s are allowed: is its router scraped, as often as --scrape-interval says?"
        )


def _no_load(watched: Watched, windows: Windows) -> str:
    if LOAD in watched.overrides:
        return f"{PATH}.{LOAD}: it gives no sample for {_called(watched)} in the last {windows.interval_s} s"
    return (
        f"{names.REQUESTS} of {_called(watched)} has no samples for all of {windows.rate_s} s: it began just "
        "now, Prometheus was away, or it is scraped less often than --scrape-interval says"
    )


def _called(watched: Watched) -> str:
    namespace, name = watched.key
    return f"{namespace}/{name}" if namespace else repr(name)


def _counts(name: str, found: Found) -> tuple[Row, ...]:
    """Return the rows of a query that counts.

    Raises:
        MetricsUnavailable: a count is negative, NaN or infinite.
    """
    for row in found.rows[name]:
        if not math.isfinite(row.value) or row.value < 0:
            raise MetricsUnavailable(
                f"query {name!r} gives {row.value:g}, which is no count; look at {PATH}.{name}"
            )
    return found.rows[name]


def _drop_incomplete(rows: dict[str, tuple[Row, ...]]) -> None:
    """Leave out what would say something else without its other half."""
    if "latency" in rows and not (_is_histogram(rows["latency"]) and len(rows["latency"]) > 1):
        del rows["latency"]  # the last bucket alone says nothing of how long anything took
    for pair in PAIRED:
        _keep_common(rows, pair)
    whole = _whole_histograms(rows.get("batch_size", ()))
    rows["batch_size"] = tuple(r for r in rows.get("batch_size", ()) if _variant(r) in whole)
    _keep_common(rows, SERVICES)


def _keep_common(rows: dict[str, tuple[Row, ...]], queries: Iterable[str]) -> None:
    """Keep of each query what all of them tell of; `le` apart."""
    present = [name for name in queries if name in rows]
    complete = len(present) == len(tuple(queries))
    common = (
        set.intersection(*({_identity(r) for r in rows[name]} for name in present)) if complete else set()
    )
    for name in present:
        kept = tuple(r for r in rows[name] if _identity(r) in common)
        if kept:
            rows[name] = kept
        else:
            del rows[name]


def _identity(row: Row) -> frozenset[tuple[str, str]]:
    return frozenset((k, v) for k, v in row.labels.items() if k != "le")


def _variant(row: Row) -> tuple[str, str]:
    return row.labels["stage"], row.labels["variant"]


def _whole_histograms(rows: Iterable[Row]) -> set[tuple[str, str]]:
    by_variant: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        by_variant[_variant(row)].append(row)
    return {variant for variant, of_variant in by_variant.items() if _is_histogram(of_variant)}


def _is_histogram(rows: Iterable[Row]) -> bool:
    """Say whether all buckets are there up to the last, and none has less than the one below."""
    try:
        buckets = sorted((float(row.labels["le"]), row.value) for row in rows)
    except ValueError:  # a bound that is no number
        return False
    return bool(buckets) and buckets[-1][0] == math.inf and all(a[1] <= b[1] for a, b in pairwise(buckets))


def _scrapes(
    pipeline: Pipeline, rows: Mapping[str, tuple[Row, ...]], found: Found, interval_s: int, time_s: float
) -> tuple[Scrape, Scrape]:
    """Return the interval as two scrapes: nothing yet, and what came."""
    sums: dict[Metric, float] = {}
    for name, of_query in rows.items():
        for metric in COUNTED[name]:
            for row in of_query:
                _add(sums, metric, row)
    arrived = {stage: rate * interval_s for stage, rate in _by_stage(found, "items_arrived").items()}
    before = Totals(dict.fromkeys(sums, 0.0)).scrape(pipeline, time_s - interval_s, Gauges())
    after = Totals(sums).scrape(pipeline, time_s, Gauges())
    return replace(before, items_arrived_total=dict.fromkeys(arrived, 0.0)), replace(
        after,
        items_arrived_total=arrived,
        queue_length=_by_stage(found, "queue"),
        ready_replicas={_variant(row): row.value for row in found.rows.get("ready", ()) if _is_known(row)},
    )


def _add(sums: dict[Metric, float], metric: str, row: Row) -> None:
    """Add a row; a count is the last bucket of a histogram of which only the mean is wanted."""
    is_last = metric.endswith("_bucket") and "le" not in row.labels
    labels = {**row.labels, "le": "+Inf"} if is_last else row.labels
    sums[metric, tuple(sorted(labels.items()))] = row.value


def _by_stage(found: Found, query: str) -> dict[str, float]:
    return {row.labels["stage"]: row.value for row in found.rows.get(query, ()) if _is_known(row)}


def _is_known(row: Row) -> bool:
    """Say whether a rate or a level is a number: NaN is unknown."""
    return math.isfinite(row.value) and row.value >= 0


def _without_unknown(
    seen: Observation, rows: Mapping[str, tuple[Row, ...]], found: Found, up: Mapping[str, float]
) -> Observation:
    """Return the observation without what would be zero only because nobody says it."""
    judged = all(query in rows for query in ("latency", "completed", "dropped"))
    told = {row.labels["stage"] for row in found.rows.get("ready", ()) if _is_known(row)}
    return seen.model_copy(
        update={
            "in_time": seen.in_time if judged else None,
            "judged": seen.judged if judged else 0,
            "dropped_rps": seen.dropped_rps if "dropped" in rows else None,
            "stages": tuple(
                _known_stage(s, has_ready=s.stage in told, up=up.get(s.stage, 1.0)) for s in seen.stages
            ),
        }
    )


def _known_stage(stage: StageObservation, *, has_ready: bool, up: float) -> StageObservation:
    """Return the stage; the arrivals at replicas that answer are not all where another does not."""
    update: dict[str, object] = {}
    if not has_ready:
        update["ready"] = None
    if up < 1:
        update["arrivals_rps"] = None
    return stage.model_copy(update=update) if update else stage
