"""What failed is left alone for a while, twice as long each time, and what it showed is not forgotten."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.belief import Belief
from core.configuration import Configuration
from core.problem import Problem
from core.quarantine import (
    FIRST_S,
    FIRST_SHORT_S,
    MOST_S,
    active,
    barring,
    changed_variants,
    quarantined,
    remembered,
    shortages,
)
from core.trial import Failed, Fault, Quarantine, Shortfall, begin
from core.verify import verify
from tests.core.toys import configuration, pipeline, stage

TWO = pipeline(stage("first"), stage("second"), slo_s=5.0)
BEFORE = configuration(("first", "small", 1, 2), ("second", "small", 1, 2))
SWITCHED = configuration(("first", "large", 1, 4), ("second", "small", 1, 5))
GROWN = configuration(("first", "small", 1, 4), ("second", "small", 1, 5))


def short(stage_name: str, variant: str, ready: int, wanted: int, *, serving: bool = False) -> Shortfall:
    return Shortfall(stage=stage_name, variant=variant, ready=ready, wanted=wanted, serving=serving)


def failure(
    after: Configuration, fault: Fault = "late", *shortfalls: Shortfall, decision: str = "d-1"
) -> Failed:
    trial = begin(
        decision,
        Problem.of(TWO, 10.0),
        before=BEFORE,
        before_rps=5.0,
        after=after,
        time_s=0.0,
        interval_s=10.0,
        baseline_in_time=1.0,
    )
    return Failed(trial, fault, "evidence", shortfalls)


def names(quarantine: Quarantine) -> list[tuple[str, str]]:
    return [(v.stage, v.variant) for v in quarantine.variants]


def test_a_first_failure_is_left_alone_for_ten_minutes_with_its_evidence() -> None:
    (one,) = quarantined((), failure(SWITCHED), time_s=50.0)

    assert (one.since_s, one.until_s, one.times) == (50.0, 50.0 + FIRST_S, 1)
    assert (one.decision, one.evidence, one.configuration) == ("d-1", "evidence", SWITCHED)
    assert names(one) == [("first", "large")]


@pytest.mark.parametrize(
    ("shortfall", "variants"),
    [
        pytest.param(short("first", "large", 1, 4), [("first", "large")], id="the new variant"),
        pytest.param(short("second", "small", 3, 5), [], id="more of the old one"),
    ],
)
def test_a_shortfall_blames_only_what_is_short(shortfall: Shortfall, variants: list[tuple[str, str]]) -> None:
    (one,) = quarantined((), failure(SWITCHED, "unschedulable", shortfall), time_s=0.0)

    assert names(one) == variants


def test_a_new_variant_that_serves_in_too_small_a_number_is_not_left_out_and_tried_again_soon() -> None:
    works = short("first", "large", 1, 4, serving=True)

    (one,) = quarantined((), failure(SWITCHED, "unschedulable", works), time_s=0.0)

    assert (names(one), one.until_s) == ([], FIRST_SHORT_S)
    assert [(c.stage, c.replicas) for c in shortages([one], 1.0)] == [("first", 2)]  # as many as ran before
    assert barring([one], SWITCHED, 1.0) is one


def test_where_one_stage_has_too_few_and_another_none_that_serve_the_latter_is_left_out_for_long() -> None:
    both = configuration(("first", "large", 1, 4), ("second", "large", 1, 5))
    failed = failure(
        both, "unschedulable", short("first", "large", 3, 4, serving=True), short("second", "large", 2, 5)
    )

    (one,) = quarantined((), failed, time_s=0.0)

    assert (names(one), one.until_s) == ([("second", "large")], FIRST_S)
    assert [(c.stage, c.replicas) for c in shortages([one], 1.0)] == [("first", 3)]


def test_repetition_doubles_the_time_and_stays_one_entry() -> None:
    times: list[float] = []
    entries: tuple[Quarantine, ...] = ()
    now_s = 0.0

    for _ in range(12):
        entries = quarantined(remembered(entries, now_s), failure(SWITCHED), time_s=now_s)
        (one,) = entries
        times.append(one.until_s - now_s)
        now_s = one.until_s + 1

    assert times[:3] == [FIRST_S, 2 * FIRST_S, 4 * FIRST_S]
    assert max(times) == MOST_S == times[-1]


def test_a_repetition_long_after_is_a_first_failure_again() -> None:
    first = quarantined((), failure(SWITCHED), time_s=0.0)

    (again,) = quarantined(remembered(first, 2 * FIRST_S), failure(SWITCHED), time_s=2 * FIRST_S)

    assert again.times == 1


def test_the_same_variant_in_another_size_is_a_repetition_and_another_variant_is_not() -> None:
    first = quarantined((), failure(SWITCHED), time_s=0.0)
    smaller = configuration(("first", "large", 1, 3), ("second", "small", 1, 5))
    other = configuration(("first", "small", 1, 2), ("second", "large", 1, 5))

    assert [q.times for q in quarantined(first, failure(smaller), time_s=700.0)] == [2]
    assert [q.times for q in quarantined(first, failure(other), time_s=700.0)] == [1, 1]


@given(now_s=st.floats(0, 3000))
def test_in_force_is_a_part_of_what_is_remembered(now_s: float) -> None:
    entries = quarantined((), failure(SWITCHED), time_s=100.0)

    assert bool(active(entries, now_s)) == (now_s < 100 + FIRST_S)
    assert bool(remembered(entries, now_s)) == (now_s < 100 + 2 * FIRST_S)


@pytest.mark.parametrize(
    ("candidate", "barred"),
    [
        pytest.param(GROWN, True, id="the same"),
        pytest.param(configuration(("first", "small", 1, 3), ("second", "small", 1, 5)), True, id="less"),
        pytest.param(configuration(("first", "small", 1, 3), ("second", "small", 1, 6)), False, id="mixed"),
        pytest.param(configuration(("first", "small", 4, 4), ("second", "small", 1, 5)), False, id="batch"),
        pytest.param(SWITCHED, False, id="another variant"),
    ],
)
def test_after_lateness_no_less_of_the_same_is_tried(candidate: Configuration, barred: bool) -> None:
    entries = quarantined((), failure(GROWN), time_s=0.0)

    assert (barring(entries, candidate, 1.0) is not None) is barred
    assert barring(entries, candidate, FIRST_S) is None


@pytest.mark.parametrize(("second", "barred"), [(4, True), (5, True), (6, True), (3, False), (1, False)])
def test_after_a_shortfall_no_more_is_asked_for_than_could_be_had(second: int, barred: bool) -> None:
    failed = failure(GROWN, "unschedulable", short("second", "small", 3, 5))
    entries = quarantined((), failed, time_s=0.0)

    candidate = configuration(("first", "large", 1, 9), ("second", "small", 1, second))

    assert (barring(entries, candidate, 1.0) is not None) is barred


def test_a_costly_change_bars_itself_alone() -> None:
    entries = quarantined((), failure(GROWN, "costly"), time_s=0.0)

    assert barring(entries, GROWN, 1.0) is not None
    assert barring(entries, BEFORE, 1.0) is None


def test_a_shortfall_becomes_a_cap_under_which_the_last_good_configuration_stays_possible() -> None:
    failed = failure(GROWN, "unschedulable", short("first", "small", 0, 4), short("second", "small", 3, 5))
    caps = shortages(quarantined((), failed, time_s=0.0), 1.0)

    problem = Problem.of(TWO, 10.0, belief=Belief(capacity=caps))

    assert {c.stage: c.replicas for c in caps} == {"first": 2, "second": 3}
    assert caps[1].evidence.statement == "3 of 5 replicas got ready in the change of d-1"
    assert verify(problem, BEFORE).accepted
    assert not verify(problem, GROWN).accepted
    assert shortages(quarantined((), failed, time_s=0.0), FIRST_S) == ()


def test_a_shortfall_of_a_new_variant_says_nothing_of_the_others() -> None:
    failed = failure(SWITCHED, "unschedulable", short("first", "large", 1, 4))

    assert shortages(quarantined((), failed, time_s=0.0), 1.0) == ()


def test_changed_variants_are_those_that_come_in() -> None:
    two = configuration(("a", "small", 1, 1), ("b", "small", 1, 1))
    other = configuration(("a", "small", 4, 3), ("b", "large", 1, 1))

    assert [(v.stage, v.variant) for v in changed_variants(two, other)] == [("b", "large")]
    assert changed_variants(two, two) == ()
