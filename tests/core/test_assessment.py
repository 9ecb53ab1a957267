"""Every kind of finding with figures worked out by hand, and how often an alarm is false."""

from __future__ import annotations

import math
import random

import pytest

from core.assessment import FALSE_ALARM, Finding, assess, breach_chance
from core.configuration import Configuration
from core.observation import Observation, StageObservation
from tests.core.toys import configuration, pipeline, stage

PIPELINE = pipeline(stage("first"), stage("second"), slo={"latency": 1.0, "quantile": 0.99})
RUNNING = configuration(("first", "small", 1, 3), ("second", "small", 1, 2))


def observed(
    *,
    loads: tuple[float | None, ...] = (10.0,) * 10,
    in_time: float | None = 1.0,
    judged: int | None = None,
    ready: tuple[int | None, int | None] = (3, 2),
) -> Observation:
    return Observation(
        time_s=10.0,
        interval_s=10.0,
        loads_rps=loads,
        latency_s=0.5,
        in_time=in_time,
        judged=round(sum(rate or 0.0 for rate in loads)) if judged is None else judged,
        dropped_rps=0.0,
        accuracy=None,
        stages=tuple(
            StageObservation(stage=name, arrivals_rps=10.0, queue=0, ready=n)
            for name, n in zip(("first", "second"), ready, strict=True)
        ),
    )


def findings(
    seen: Observation,
    *,
    decided_rps: float = 20.0,
    settled: bool = True,
    running: Configuration = RUNNING,
) -> tuple[Finding, ...]:
    return assess(PIPELINE, seen, running, decided_rps=decided_rps, settled=settled)


def test_a_quiet_interval_has_nothing_out_of_the_ordinary() -> None:
    assert findings(observed()) == ()


def test_a_breach_is_found_with_its_chance() -> None:
    (found,) = findings(observed(in_time=0.9))

    # 100 requests, 90 % in time where 99 % must be: exp(-100 (0.1 ln 10 + 0.9 ln(0.9 / 0.99)))
    assert found.kind == "slo breach"
    assert found.subject == "toy"
    assert found.statement == "90.0% of 100 requests were served within 1 s, 0.99 must be"
    assert found.false_alarm == pytest.approx(1e-10 * 1.1**90)


def test_too_few_requests_are_no_evidence_of_a_breach() -> None:
    # 10 requests: (1e-10 * 1.1 ** 90) ** (1 / 10) = 0.236
    assert breach_chance(0.9, 10, 0.99) == pytest.approx(0.1 * 1.1**9)
    assert findings(observed(loads=(1.0,) * 10, in_time=0.9)) == ()


def test_an_interval_in_which_nothing_was_in_time_is_a_breach() -> None:
    (found,) = findings(observed(loads=(2.0,), in_time=0.0))

    assert found.false_alarm == pytest.approx(0.01**2)


def test_requests_that_still_wait_are_no_evidence() -> None:
    (found,) = findings(observed(loads=(50.0, None, 50.0), in_time=0.5, judged=10), decided_rps=50.0)

    assert "of 10 requests" in found.statement
    assert found.false_alarm == pytest.approx(breach_chance(0.5, 10, 0.99))


def test_an_unknown_share_is_no_breach() -> None:
    assert findings(observed(in_time=None)) == ()


def test_the_promised_share_itself_is_no_breach() -> None:
    assert breach_chance(0.99, 1e9, 0.99) == 1.0
    assert breach_chance(1.0, 1e9, 0.99) == 1.0


def test_a_load_above_the_one_decided_for_is_a_surge() -> None:
    (found,) = findings(observed(loads=(10.0, 31.5, 12.0)), decided_rps=30.0)

    assert found.kind == "load surge"
    assert found.subject == "toy"
    assert found.statement == "load reached 31.5 rps, the configuration was decided for 30"
    assert found.false_alarm is None


@pytest.mark.parametrize(
    ("loads", "why"),
    [
        pytest.param((10.0, 30.0), "as much as decided for", id="equal"),
        pytest.param((None, None), "nothing known", id="unknown"),
        pytest.param((), "no samples", id="empty"),
    ],
)
def test_no_more_than_decided_for_is_no_surge(loads: tuple[float | None, ...], why: str) -> None:
    assert findings(observed(loads=loads), decided_rps=30.0) == (), why


def test_a_stage_with_fewer_replicas_ready_has_lost_capacity() -> None:
    (found,) = findings(observed(ready=(1, 2)))

    assert found.kind == "capacity loss"
    assert found.subject == "first"
    assert found.statement == "1 of 3 replicas are ready"
    assert found.false_alarm is None


def test_every_stage_is_looked_at() -> None:
    assert [f.subject for f in findings(observed(ready=(0, 1)))] == ["first", "second"]


@pytest.mark.parametrize("ready", [(3, 2), (4, 9), (None, None)])
def test_enough_or_unknown_replicas_are_no_loss(ready: tuple[int | None, int | None]) -> None:
    assert findings(observed(ready=ready)) == ()


def test_replicas_that_still_load_are_not_lost() -> None:
    assert findings(observed(ready=(1, 1)), settled=False) == ()


def test_all_that_is_wrong_is_told_at_once() -> None:
    found = findings(observed(loads=(40.0,) * 5, in_time=0.5, ready=(0, 2)), decided_rps=30.0)

    assert [f.kind for f in found] == ["slo breach", "load surge", "capacity loss"]


@pytest.mark.parametrize(("requests", "quantile"), [(20, 0.9), (100, 0.99), (300, 0.95), (900, 0.99)])
def test_the_bound_is_never_below_the_binomial_chance(requests: int, quantile: float) -> None:
    chance = 0.0
    for served in range(requests):
        chance += math.comb(requests, served) * quantile**served * (1 - quantile) ** (requests - served)

        assert breach_chance(served / requests, requests, quantile) >= chance * (1 - 1e-9)


def test_a_pipeline_that_keeps_its_slo_is_seldom_accused() -> None:
    rng, intervals, requests = random.Random(7), 20_000, 50
    alarms = 0
    for _ in range(intervals):
        served = sum(rng.random() < 0.99 for _ in range(requests))
        seen = observed(loads=(float(requests),), in_time=served / requests)
        alarms += bool(findings(seen, decided_rps=1e6))

    assert 0 < alarms / intervals <= FALSE_ALARM


def test_a_pipeline_at_half_its_promise_is_always_accused() -> None:
    rng = random.Random(8)

    for _ in range(100):
        share = sum(rng.random() < 0.5 for _ in range(100)) / 100
        assert findings(observed(in_time=share))
