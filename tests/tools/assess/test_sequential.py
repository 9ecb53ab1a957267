"""How long the sequential tests keep still while all is well, against what they state; how they forget."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.tools.assess.lives import PIPELINE, forecast, moment, observation
from tools.assess import Assessor, slo
from tools.assess._evidence import Evidence, binomial_log_ratios
from tools.assess.latency import EFFECTS, _log_ratio


def mean_run(log_ratios: np.ndarray, run_length: float) -> float:
    """Return a lower estimate of the mean time to the first alarm.

    *log_ratios* is (seeds, intervals, alternatives). Written out anew and for all seeds at once; a
    run that never alarms counts as long as it was watched.
    """
    seeds, intervals, _ = log_ratios.shape
    logs, first = np.zeros((seeds, log_ratios.shape[2])), np.full(seeds, intervals)
    for t in range(intervals):
        logs = np.maximum(logs, 0) + log_ratios[:, t]
        hit = np.exp(np.minimum(logs, 50)).mean(axis=1) >= run_length
        first = np.where(hit & (first == intervals), t + 1, first)
    return float(first.mean())


def test_breaches_are_alleged_no_more_often_than_stated() -> None:
    rng = np.random.default_rng(1)
    late = rng.binomial(60, 0.01, size=(400, 1500))
    p = 0.01 * np.array(slo.WORSE)
    ratios = late[..., None] * np.log(p / 0.01) + (60 - late[..., None]) * np.log((1 - p) / 0.99)

    assert mean_run(ratios, 200) >= 200
    assert np.allclose(ratios[0, 0], binomial_log_ratios(late[0, 0], 60, 0.01, list(p)))


def test_drifts_are_alleged_no_more_often_than_stated() -> None:
    """At the worst allowed: exactly as slow as is still tolerated."""
    rng, variance, effects = np.random.default_rng(2), 0.002, np.array(EFFECTS)
    x = rng.normal(0.0, math.sqrt(variance), size=(400, 1500))[..., None]
    ratios = effects * x / variance - effects**2 / (2 * variance)

    assert mean_run(ratios, 200) >= 200
    assert np.allclose(ratios[0, 0], [_log_ratio(float(x[0, 0, 0]), d, variance) for d in EFFECTS])


def test_evidence_agrees_with_the_formula_on_random_ratios() -> None:
    ratios = np.random.default_rng(3).normal(-0.1, 1.0, size=(1, 300, 2))
    evidence, alarmed = Evidence(2, run_length=50), None
    for t, pair in enumerate(ratios[0]):
        evidence.add(pair.tolist(), float(t))
        if alarmed is None and evidence.alarmed:
            alarmed = t + 1

    assert alarmed == mean_run(ratios, 50)


def test_a_run_begins_where_the_evidence_last_began_to_grow() -> None:
    evidence = Evidence(1, run_length=100)
    for t, ratio in enumerate((1.0, -3.0, -1.0, 2.0, 2.0, 2.0)):
        evidence.add([ratio], 10.0 * t)

    assert (evidence.alarmed, evidence.since_s) == (True, 30.0)


def test_what_is_over_is_soon_forgotten() -> None:
    evidence = Evidence(1, run_length=100)
    evidence.add([1e6], 0.0)
    evidence.add([-4.0], 10.0)

    assert not evidence.alarmed


def test_a_breach_too_small_for_one_interval_is_found_over_several() -> None:
    assessor = Assessor(PIPELINE)
    for k in range(1, 60):
        found = assessor.assess(moment(observation(10.0 * k, in_time=0.97))).findings
        if found:
            break

    assert k < 30
    assert (found[0].kind, found[0].since_s, found[0].false_alarm) == ("slo breach", 0.0, 1e-4)
    assert (
        found[0].statement == f"97.00% of {100 * k} requests were served within 1 s since 0 s, 0.99 must be"
    )


def test_a_forecast_that_is_always_exceeded_is_biased() -> None:
    assessor = Assessor(PIPELINE)
    for k in range(1, 20):
        found = assessor.assess(moment(observation(10.0 * k), forecast=forecast(9.0))).findings
        if found:
            break

    assert k < 12
    assert (found[0].kind, found[0].since_s, found[0].figure) == ("forecast bias", 10.0, 100.0)
    assert found[0].statement == f"{k - 1} of {k - 1} forecasts since 10 s were exceeded, 10% should be"


def test_a_forecast_exceeded_as_often_as_stated_is_not_biased() -> None:
    rng, alarms = np.random.default_rng(5), 0
    assessor = Assessor(PIPELINE)
    for k in range(1, 2001):
        loads = (12.0 if rng.random() < 0.1 else 8.0,) * 10
        seen = moment(observation(10.0 * k, loads_rps=loads), forecast=forecast(10.0))
        assessor.bias.learn(seen)
        alarms += bool(assessor.bias.findings(seen))

    assert alarms == 0
    assert len(assessor.bias.scored) == 360


@pytest.mark.parametrize("gap", ["outage", "samples"])
def test_a_target_that_is_not_known_in_full_is_not_scored(gap: str) -> None:
    assessor = Assessor(PIPELINE)
    assessor.assess(moment(observation(10.0), forecast=forecast(9.0)))
    holes = observation(20.0, loads_rps=(50.0, *(None,) * 9)) if gap == "samples" else None

    assessor.assess(moment(holes, time_s=20.0))

    assert assessor.bias.scored == []
