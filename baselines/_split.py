"""How policies made for one model are given a stage each: its share of the SLO and of an accuracy floor.

Published systems without pipelines (INFaaS, InfAdapter, ...) run once per stage. What they are told is the
same for all of them and is worked out here, from the profile alone:

    deadline   D_s = D * l_s / L_s    l_s: latency of the most accurate variant at its smallest batch,
                                      L_s: the longest path through s, in l
    floor      a_s = low_s ** (1 - t) * high_s ** t    the same t for every stage, such that the pipeline's
                                      accuracy is the floor; low_s and high_s are the stage's extremes

The deadlines of no path exceed D (on a chain they sum to it exactly). Assumptions, ours: no system says how
it would split an SLO or a floor. In `sum` mode the floors are split linearly, as there they add up. In
`measured` mode no split of the joint accuracy exists: t is the floor's place between the joint accuracies of
the extremes, in log space, raised until every measured combination that the floors admit keeps the floor.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping

from core.errors import UsageError
from core.pipeline import Pipeline, Stage, Variant
from core.problem import TOLERANCE

LEAST_ACCURACY = 1e-3
"""What an accuracy of zero counts as where logarithms are taken (rank-normalised accuracies have it)."""


def stage_slos_s(pipeline: Pipeline) -> Mapping[str, float]:
    """Return each stage's share of the end-to-end SLO, in seconds."""
    own_s = {s.name: smallest_batch_latency_s(s, most_accurate(s)) for s in pipeline.stages}
    through_s = _longest_path_through(pipeline, own_s)
    return {name: pipeline.slo.latency_s * own_s[name] / through_s[name] for name in own_s}


def stage_floors(pipeline: Pipeline, floor: float) -> Mapping[str, float]:
    """Return the accuracy each stage must keep for the pipeline to keep *floor*, an accuracy of its mode.

    Raises:
        UsageError: not even the most accurate variants keep it, or their combination was never measured.
    """
    low, high = extreme_accuracies(pipeline)
    if floor > high * (1 + TOLERANCE):
        raise UsageError(
            f"no variants of pipeline {pipeline.name!r} reach an accuracy of {floor:g}: the most accurate "
            f"have {high:g}; lower the floor"
        )
    linear = pipeline.accuracy == "sum"
    share = _place(floor, low, high) if linear else _place(*map(_log, (floor, low, high)))
    if pipeline.accuracy == "measured":
        share = _raised(pipeline, floor, share)
    return _floors(pipeline, share, linear=linear)


def floor_at(pipeline: Pipeline, share: float) -> float:
    """Return the pipeline accuracy *share* of the way from the least accurate variants to the most.

    Raises:
        UsageError: *share* is not in [0, 1], or a combination was never measured.
    """
    if not 0 <= share <= 1:
        raise UsageError(f"an accuracy floor is given as a share between 0 and 1, not {share:g}")
    low, high = extreme_accuracies(pipeline)
    return low + share * (high - low)


def extreme_accuracies(pipeline: Pipeline) -> tuple[float, float]:
    """Return the pipeline's accuracy with the least and with the most accurate variant of every stage.

    Raises:
        UsageError: a combination was never measured.
    """
    low = _accuracy(pipeline, [least_accurate(s) for s in pipeline.stages])
    high = _accuracy(pipeline, [most_accurate(s) for s in pipeline.stages])
    return min(low, high), max(low, high)


def replicas_for(load_rps: float, throughput_rps: float, *, most: int, least: int = 1) -> int:
    """Return the fewest replicas of *throughput_rps* each that carry *load_rps*, within *least*..*most*.

    Where *most* do not carry it, *most* is returned: whoever must know compares.
    """
    needed = math.ceil(load_rps / throughput_rps * (1 - TOLERANCE))
    return min(max(needed, least), most)


def least_accurate(stage: Stage) -> Variant:
    """Return the least accurate variant that may run; among equals the one with the fewest cores, by name."""
    return min(_runnable(stage), key=lambda v: (v.accuracy, v.cores, v.name))


def most_accurate(stage: Stage) -> Variant:
    """Return the most accurate variant that may run; among equals the one with the fewest cores, by name."""
    return min(_runnable(stage), key=lambda v: (-v.accuracy, v.cores, v.name))


def smallest_batch_latency_s(stage: Stage, variant: Variant) -> float:
    """Return the service time of *variant* at the smallest batch that may run at *stage*, in seconds."""
    return variant.at(stage.batches_of(variant)[0]).latency_s


def _runnable(stage: Stage) -> Iterable[Variant]:
    variants = [v for v in stage.variants if stage.batches_of(v)]
    if not variants:
        raise UsageError(f"stage {stage.name!r} allows no batch that any variant was measured at; add one")
    return variants


def _longest_path_through(pipeline: Pipeline, own_s: Mapping[str, float]) -> Mapping[str, float]:
    before: dict[str, float] = {}
    for stage in pipeline.stages:
        before[stage.name] = max((before[e.stage] + own_s[e.stage] for e in stage.after), default=0.0)
    after: dict[str, float] = {}
    for stage in reversed(pipeline.stages):
        followers = pipeline.successors[stage.name]
        after[stage.name] = max((after[n] + own_s[n] for n in followers), default=0.0)
    return {name: before[name] + own_s[name] + after[name] for name in own_s}


def _accuracy(pipeline: Pipeline, variants: list[Variant]) -> float:
    if pipeline.accuracy == "sum":
        return math.fsum(v.accuracy for v in variants)
    if pipeline.accuracy == "product":
        return math.prod(v.accuracy for v in variants)
    names = tuple(v.name for v in variants)
    if names not in pipeline.joint_accuracy:
        raise UsageError(
            f"the accuracy of {', '.join(names)} together was never measured; add the row to accuracyTable"
        )
    return pipeline.joint_accuracy[names]


def _floors(pipeline: Pipeline, share: float, *, linear: bool) -> dict[str, float]:
    return {stage.name: _between(stage, share, linear=linear) for stage in pipeline.stages}


def _raised(pipeline: Pipeline, floor: float, share: float) -> float:
    """Return the least share, from *share* on, at which whatever is admitted keeps the joint *floor*."""
    places = (_place_of(stage, v) for stage in pipeline.stages for v in stage.variants)
    for higher in (share, *sorted(p for p in places if p > share)):
        if _keeps(pipeline, floor, _floors(pipeline, higher, linear=False)):
            return higher
    return 1.0


def _keeps(pipeline: Pipeline, floor: float, floors: Mapping[str, float]) -> bool:
    """Say whether every measured combination that *floors* admit has a joint accuracy of *floor*."""
    admitted = [
        [v.name for v in s.variants if v.accuracy >= floors[s.name] * (1 - TOLERANCE)]
        for s in pipeline.stages
    ]
    measured = (pipeline.joint_accuracy.get(names) for names in itertools.product(*admitted))
    return all(accuracy >= floor * (1 - TOLERANCE) for accuracy in measured if accuracy is not None)


def _place_of(stage: Stage, variant: Variant) -> float:
    low, high = least_accurate(stage).accuracy, most_accurate(stage).accuracy
    return _place(_log(variant.accuracy), _log(low), _log(high))


def _between(stage: Stage, share: float, *, linear: bool) -> float:
    low, high = least_accurate(stage).accuracy, most_accurate(stage).accuracy
    if linear:
        return low + share * (high - low)
    return min(math.exp((1 - share) * _log(low) + share * _log(high)), high)


def _place(value: float, low: float, high: float) -> float:
    """Return where *value* lies between *low* (0, also below it) and *high* (1)."""
    return 0.0 if value <= low else min((value - low) / (high - low), 1.0)


def _log(accuracy: float) -> float:
    return math.log(max(accuracy, LEAST_ACCURACY))
