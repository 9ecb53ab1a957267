"""What one interval shows: every finding with figures worked out by hand, and how often one is false."""

from __future__ import annotations

import random
from typing import Any

import pytest

from core.assessment import FALSE_ALARM, Finding, breach_chance
from core.observation import Observation
from tests.core.toys import configuration
from tests.tools.assess.lives import PIPELINE, RUNNING, moment, observation
from tools.assess import Assessor


def findings(seen: Observation | None, **fields: Any) -> tuple[Finding, ...]:  # noqa: ANN401 - of a moment
    return Assessor(PIPELINE).assess(moment(seen, **fields)).findings


def test_a_quiet_interval_has_nothing_out_of_the_ordinary() -> None:
    assert findings(observation()) == ()


def test_nothing_is_concluded_without_metrics() -> None:
    assert findings(None) == ()


def test_a_breach_is_found_with_its_chance() -> None:
    (found,) = findings(observation(in_time=0.9))

    # 100 requests, 90 % in time where 99 % must be: exp(-100 (0.1 ln 10 + 0.9 ln(0.9 / 0.99)))
    assert found.kind == "slo breach"
    assert found.subject == "toy"
    assert found.statement == "90.0% of 100 requests were served within 1 s, 0.99 must be"
    assert found.false_alarm == pytest.approx(1e-10 * 1.1**90)


def test_an_interval_in_which_nothing_was_in_time_is_a_breach() -> None:
    (found,) = findings(observation(in_time=0.0, judged=2))

    assert found.false_alarm == pytest.approx(0.01**2)


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(observation(in_time=0.9, judged=10), id="too few requests"),
        pytest.param(observation(in_time=None), id="unknown share"),
        pytest.param(observation(in_time=0.99), id="just kept"),
    ],
)
def test_what_is_no_evidence_is_no_breach(seen: Observation) -> None:
    assert findings(seen) == ()


def test_requests_that_still_wait_are_no_evidence() -> None:
    (found,) = findings(observation(loads_rps=(50.0, None, 50.0), in_time=0.5, judged=10), decided_rps=50.0)

    assert found.false_alarm == pytest.approx(breach_chance(0.5, 10, 0.99))


def test_a_load_above_the_one_decided_for_is_a_surge() -> None:
    (found,) = findings(observation(loads_rps=(10.0, 31.5, 12.0)), decided_rps=30.0)

    assert (found.kind, found.subject, found.figure) == ("load surge", "toy", 31.5)
    assert found.statement == "load reached 31.5 rps, the configuration was decided for 30"
    assert found.false_alarm is None


@pytest.mark.parametrize("loads", [(10.0, 30.0), (None, None), ()])
def test_no_more_than_decided_for_is_no_surge(loads: tuple[float | None, ...]) -> None:
    assert findings(observation(loads_rps=loads), decided_rps=30.0) == ()


def test_every_stage_with_fewer_replicas_ready_has_lost_capacity() -> None:
    found = findings(observation(ready=(0, 1)))

    assert [(f.kind, f.subject, f.statement) for f in found] == [
        ("capacity loss", "first", "0 of 3 replicas are ready"),
        ("capacity loss", "second", "1 of 2 replicas are ready"),
    ]


@pytest.mark.parametrize("ready", [(3, 2), (4, 9), (None, None)])
def test_enough_or_unknown_replicas_are_no_loss(ready: tuple[int | None, int | None]) -> None:
    assert findings(observation(ready=ready)) == ()


def test_replicas_that_still_load_are_not_lost() -> None:
    assert findings(observation(ready=(1, 1)), settled=False) == ()


def test_there_and_back_within_a_minute_is_flapping() -> None:
    other = configuration(("first", "large", 1, 3), ("second", "small", 1, 2))
    applied = ((0.0, RUNNING), (30.0, other), (60.0, RUNNING))

    (found,) = findings(observation(70.0), applied=applied)

    assert (found.kind, found.subject, found.since_s) == ("flapping", "first", 30.0)
    assert found.statement == "3 small to 3 large and back in 30 s"


@pytest.mark.parametrize(
    "times_s", [pytest.param((0.0, 30.0, 91.0), id="slow"), pytest.param((0.0, 5.0, 9.0), id="long ago")]
)
def test_back_after_a_while_or_long_ago_is_no_flapping(times_s: tuple[float, float, float]) -> None:
    other = configuration(("first", "large", 1, 3), ("second", "small", 1, 2))
    applied = tuple(zip(times_s, (RUNNING, other, RUNNING), strict=True))

    assert findings(observation(95.0), applied=applied) == ()


def test_a_batch_size_that_goes_there_and_back_is_no_flapping() -> None:
    other = configuration(("first", "small", 4, 3), ("second", "small", 1, 2))

    assert findings(observation(70.0), applied=((0, RUNNING), (30, other), (60, RUNNING))) == ()


def test_a_pipeline_that_keeps_its_slo_is_seldom_accused() -> None:
    rng, intervals, requests, alarms = random.Random(7), 3_000, 50, 0
    assessor = Assessor(PIPELINE)
    for k in range(intervals):
        kept = sum(rng.random() < 0.99 for _ in range(requests))
        seen = observation(10.0 * (k + 1), in_time=kept / requests, judged=requests)
        alarms += bool(assessor.slo.findings(moment(seen)))

    assert alarms / intervals <= FALSE_ALARM


def test_a_pipeline_at_half_its_promise_is_always_accused() -> None:
    rng = random.Random(8)

    for _ in range(100):
        share = sum(rng.random() < 0.5 for _ in range(100)) / 100
        assert [f.kind for f in findings(observation(in_time=share))] == ["slo breach"]
