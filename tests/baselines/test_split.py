"""The share of the SLO and of an accuracy floor that a policy made for one model is given, by hand.

At the toy stages `large` (0.9) takes 0.2 s at its smallest batch, `small` is 0.6 accurate.
"""

from __future__ import annotations

import itertools

import pytest

from baselines._split import (
    floor_at,
    least_accurate,
    most_accurate,
    replicas_for,
    stage_floors,
    stage_slos_s,
)
from core.document import pipeline_from
from core.errors import UsageError
from core.pipeline import Pipeline
from tests.core.instances import case
from tests.core.toys import LARGE, SMALL, pipeline, stage, variant

QUICK = variant("quick", 0.95, 1, (1, 0.1))
TWO = pipeline(stage("first"), stage("second"))


def test_the_slo_is_split_like_the_latency_of_the_best_variants() -> None:
    spec = pipeline(stage("first"), stage("second", QUICK), slo_s=0.9)

    assert stage_slos_s(spec) == pytest.approx({"first": 0.6, "second": 0.3})


def test_a_stage_on_a_short_branch_gets_what_its_own_path_leaves() -> None:
    spec = pipeline(
        stage("first"),
        stage("long", after=["first"]),
        stage("short", QUICK, after=["first"]),
        stage("last", after=["long", "short"]),
        slo_s=0.6,
    )

    assert stage_slos_s(spec) == pytest.approx({"first": 0.2, "long": 0.2, "short": 0.12, "last": 0.2})


@pytest.mark.parametrize("seed", range(60))
def test_the_deadlines_of_no_path_exceed_the_slo(seed: int) -> None:
    spec = pipeline_from(case(seed).document)

    slos_s = stage_slos_s(spec)

    sums = [sum(slos_s[name] for name in path) for path in paths(spec)]
    assert max(sums) == pytest.approx(spec.slo.latency_s)


def paths(spec: Pipeline) -> list[list[str]]:
    found: dict[str, list[list[str]]] = {}
    for s in spec.stages:
        before = [path for edge in s.after for path in found[edge.stage]]
        found[s.name] = [[*path, s.name] for path in before or [[]]]
    return list(itertools.chain.from_iterable(found.values()))


@pytest.mark.parametrize(
    ("mode", "share", "floor", "of_stage"),
    [
        pytest.param("product", 0.0, 0.36, 0.6, id="no more than the least accurate"),
        pytest.param("product", 0.4, 0.54, 0.54**0.5, id="equally in log space"),
        pytest.param("product", 1.0, 0.81, 0.9, id="all of it"),
        pytest.param("sum", 0.5, 1.5, 0.75, id="equally where accuracies add up"),
    ],
)
def test_a_floor_is_split_between_the_extremes_of_every_stage(
    mode: str, share: float, floor: float, of_stage: float
) -> None:
    spec = pipeline(stage("first"), stage("second"), accuracy=mode)

    assert floor_at(spec, share) == pytest.approx(floor)
    assert stage_floors(spec, floor) == pytest.approx({"first": of_stage, "second": of_stage})


def test_the_floors_of_stages_keep_the_floor_of_the_pipeline_whatever_they_differ_in() -> None:
    poor = variant("poor", 0.3, 1, (1, 0.1))
    spec = pipeline(stage("first", SMALL, QUICK), stage("second", poor, QUICK))

    floors = stage_floors(spec, 0.5)

    assert floors["first"] * floors["second"] == pytest.approx(0.5)
    assert floors["second"] < floors["first"]


def test_where_accuracy_is_measured_together_whatever_is_admitted_keeps_the_floor() -> None:
    """0.5 lies 52 % of the way from 0.3 to 0.8 in log space, as two of 0.74 do; two `middle` do not."""
    three = (SMALL, variant("middle", 0.8, 1, (1, 0.1)), LARGE)
    together = dict.fromkeys(itertools.product(("small", "middle", "large"), repeat=2), 0.3)
    together |= {("middle", "middle"): 0.4, ("large", "middle"): 0.7, ("large", "large"): 0.8}
    table = [{"variants": list(names), "accuracy": a} for names, a in together.items()]
    spec = pipeline(stage("first", *three), stage("second", *three), accuracy="measured", accuracyTable=table)

    assert stage_floors(spec, 0.3) == pytest.approx({"first": 0.6, "second": 0.6})
    assert stage_floors(spec, 0.5) == pytest.approx({"first": 0.9, "second": 0.9})


def test_a_variant_that_is_never_right_can_still_be_the_least_accurate() -> None:
    spec = pipeline(stage("first", variant("none", 0.0, 1, (1, 0.1)), QUICK))

    assert 0 < stage_floors(spec, 0.1)["first"] < 0.95


@pytest.mark.parametrize(
    ("floor", "message"),
    [
        pytest.param(0.82, "no variants of pipeline 'toy' reach an accuracy of 0.82", id="above the best"),
    ],
)
def test_a_floor_that_nothing_keeps_is_refused(floor: float, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        stage_floors(TWO, floor)


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_floor_is_a_share(share: float) -> None:
    with pytest.raises(UsageError, match="a share between 0 and 1"):
        floor_at(TWO, share)


def test_extremes_that_were_never_measured_together_are_named() -> None:
    table = [{"variants": ["small", "small"], "accuracy": 0.3}]
    spec = pipeline(stage("first"), stage("second"), accuracy="measured", accuracyTable=table)

    with pytest.raises(UsageError, match="large, large together was never measured"):
        floor_at(spec, 0.5)


@pytest.mark.parametrize(
    ("load_rps", "most", "least", "replicas"),
    [
        pytest.param(20.0, 9, 1, 2, id="exactly two"),
        pytest.param(20.1, 9, 1, 3, id="a little more"),
        pytest.param(0.0, 9, 1, 1, id="never none"),
        pytest.param(0.0, 9, 4, 4, id="the least there may be"),
        pytest.param(900.0, 9, 1, 9, id="the most there may be"),
    ],
)
def test_replicas_carry_the_load_within_their_bounds(
    load_rps: float, most: int, least: int, replicas: int
) -> None:
    assert replicas_for(load_rps, 10.0, most=most, least=least) == replicas


def test_of_equally_accurate_variants_the_one_of_fewer_cores_counts() -> None:
    spec = pipeline(
        stage("first", variant("wide", 0.9, 4, (1, 0.1)), variant("slim", 0.9, 2, (1, 0.1))),
    )

    assert most_accurate(spec.stages[0]).name == least_accurate(spec.stages[0]).name == "slim"
