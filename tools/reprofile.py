"""A pipeline file corrected by what production says, where production says enough.

A point's latency, median and throughput are replaced together, where at least `least_batches` batches of
just that size were seen: with fewer, the SLO's quantile would be the largest of them. Throughput is then
batch size over mean service time, what a replica does that is never idle and spends no time between two
batches. Points, fan-outs and rows of the joint table that production says too little of stay as they are,
and the provenance lists those that were replaced.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.errors import MetricsUnavailable
from core.pipeline import Pipeline, Stage
from simulator.scrape import Histogram
from tools.production import Seen

LEAST_ITEMS = 100
"""For a fan-out."""
LEAST_LABELS = 100
"""For an accuracy: its interval is then at most ten points to either side."""
Json = dict[str, Any]


@dataclass(slots=True)
class Replaced:
    """What was replaced, in words."""

    points: list[str] = field(default_factory=list)
    fan_outs: list[str] = field(default_factory=list)
    accuracies: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.points or self.fan_outs or self.accuracies)


def corrected(
    document: Mapping[str, Any], pipeline: Pipeline, seen: Seen, *, when: str
) -> tuple[Json, Replaced]:
    """Return the file's content with what production knows better, and what that was.

    Raises:
        MetricsUnavailable: production says too little to replace anything.
    """
    found, replaced = copy.deepcopy(dict(document)), Replaced()
    for stage in found["spec"]["stages"]:
        for variant in stage["variants"]:
            for point in variant["profile"]:
                _point(point, pipeline, seen, (stage["name"], variant["name"]), replaced)
            _fan_out(variant, pipeline.stage(stage["name"]), pipeline, seen, replaced)
    _accuracies(found["spec"].get("accuracyTable") or [], found, pipeline, seen, replaced)
    if not replaced:
        raise MetricsUnavailable(
            f"production says too little to correct {pipeline.name!r}: no batch size of a variant was seen "
            f"in {least_batches(pipeline.slo.quantile)} batches of its own; widen --window"
        )
    provenance = found["metadata"].setdefault("provenance", {})
    provenance["production"] = (
        f"{when}; latencies without the hop, throughput as batch over mean service time"
    )
    provenance |= {
        f"production {what}": ", ".join(items)
        for what, items in (
            ("points", replaced.points),
            ("fan-outs", replaced.fan_outs),
            ("accuracies", replaced.accuracies),
        )
        if items
    }
    return found, replaced


def least_batches(quantile: float) -> int:
    """Return how many observations a quantile needs not to be the largest of them."""
    return math.ceil(1 / (1 - quantile) - 1e-9)


def _point(point: Json, pipeline: Pipeline, seen: Seen, of: tuple[str, str], replaced: Replaced) -> None:
    times = seen.service.get((*of, point["batch"]))
    if times is None:
        return
    histogram: Histogram = times.histogram
    if histogram.count < least_batches(pipeline.slo.quantile):
        return
    latency_s, median_s = histogram.quantile(pipeline.slo.quantile), histogram.quantile(0.5)
    mean_s = histogram.mean
    if not (latency_s and median_s and mean_s):
        return
    point["latency"], point["median"] = _short(latency_s), _short(median_s)
    point["throughput"] = _short(point["batch"] / mean_s)
    replaced.points.append(f"{of[0]} {of[1]} {point['batch']} ({histogram.count:g} batches)")


def _fan_out(variant: Json, stage: Stage, pipeline: Pipeline, seen: Seen, replaced: Replaced) -> None:
    """Replace a fan-out where a stage follows that this one alone feeds."""
    served = seen.served.get((stage.name, variant["name"]), 0.0)
    alone = [
        s for s in pipeline.stages if [e.stage for e in s.after] == [stage.name] and s.after[0].fan_out > 0
    ]
    if served < LEAST_ITEMS or not alone:
        return
    arrived = seen.sent[stage.name, variant["name"]].get(alone[0].name, 0.0)
    variant["fanOut"] = _short(arrived / served / alone[0].after[0].fan_out)
    replaced.fan_outs.append(f"{stage.name} {variant['name']} ({served:g} items)")


def _accuracies(rows: list[Json], document: Json, pipeline: Pipeline, seen: Seen, replaced: Replaced) -> None:
    """Replace rows of the joint table; labels name variants in the pipeline's order, rows in the file's."""
    in_file = [stage["name"] for stage in document["spec"]["stages"]]
    for row in rows:
        by_stage = dict(zip(in_file, row["variants"], strict=True))
        variants = tuple(by_stage[stage.name] for stage in pipeline.stages)
        labels = seen.labelled.get(variants, 0.0)
        if labels >= LEAST_LABELS:
            row["accuracy"] = _short(min(1.0, seen.correct[variants] / labels))
            replaced.accuracies.append(f"{' + '.join(variants)} ({labels:g} labels)")


def _short(value: float) -> float:
    return float(f"{value:.4g}")
