"""The families: the same seed gives the same case, and what goes wrong changes what is best."""

from __future__ import annotations

from functools import cache

import pytest

from core.errors import UsageError
from core.problem import Problem
from core.solution import Optimum
from core.solve import solve
from evals.drift import families
from evals.drift.scene import ONSET_S, SECONDS
from tools.cadence import LOOP_MARGINS

case_of = cache(families.case)
"""As drawn once; that it is the same each time has a test of its own."""


def test_there_are_enough_of_each_kind() -> None:
    assert len(families.names("steady")) == 3
    assert len(families.names("crowd")) == 2
    assert len(families.names("wrong")) >= 10


@pytest.mark.parametrize("family", ["bursty", "announced crowd", "accuracy drift"])
def test_the_same_seed_gives_the_same_case_and_another_one_another(family: str) -> None:
    first, again, other = case_of(family, 0), families.case(family, 0), case_of(family, 1)

    assert first == again
    assert first.trace_rps != other.trace_rps
    assert (first.family, first.seed, first.seconds) == (family, 0, SECONDS)


@pytest.mark.parametrize("family", families.names())
def test_the_truth_says_when_and_on_what_the_pipeline_has(family: str) -> None:
    case = case_of(family, 0)

    for happening in case.truth:
        assert 0 <= happening.start_s < happening.end_s <= SECONDS
        assert happening.start_s == 0 or ONSET_S[0] <= happening.start_s <= ONSET_S[1] + 60
        if happening.subject != case.pipeline.name:
            stage = case.pipeline.stage(happening.subject)
            assert happening.variant is None or stage.variant(happening.variant)
    assert bool(case.truth) is (families.group_of(family) != "steady")


@pytest.mark.parametrize("family", families.names())
def test_the_first_load_can_be_served_on_what_is_believed_and_on_what_is_so(family: str) -> None:
    case = case_of(family, 0)

    for pipeline in (case.pipeline, case.believed):
        problem = Problem.of(pipeline, max(case.trace_rps[:10]), margins=LOOP_MARGINS)
        assert isinstance(solve(problem), Optimum)


def test_only_a_wrong_profile_is_believed_faster_than_the_truth_and_of_one_stage_alone() -> None:
    case = families.case("wrong profile", 0)

    (slow,) = case.truth
    for true, told in zip(case.pipeline.stages, case.believed.stages, strict=True):
        ratios = {
            round(a.latency_s / b.latency_s, 6)
            for v, w in zip(true.variants, told.variants, strict=True)
            for a, b in zip(v.profile, w.profile, strict=True)
        }
        assert len(ratios) == 1
        assert (ratios == {1.0}) is (true.name != slow.subject)
    assert families.case("stationary", 0).believed is families.case("stationary", 0).pipeline


def test_the_announced_crowd_is_as_large_and_as_long_as_announced() -> None:
    case = families.case("announced crowd", 0)

    (event,) = case.events
    inside = case.trace_rps[int(event.start_s) : int(event.end_s)]
    before = case.trace_rps[int(event.start_s) - 1]
    assert max(inside) / before == pytest.approx(event.load_factor, abs=0.05)
    assert max(case.trace_rps) == max(inside)


def test_a_biased_forecast_is_too_low() -> None:
    assert families.case("forecast bias", 0).forecast_factor < 0.8


def test_an_unknown_family_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"'drought'. Known: stationary, bursty"):
        families.case("drought", 0)
