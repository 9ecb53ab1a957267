"""Accuracy drift: seldom alleged, found, and put down to whom the labelled samples tell."""

from __future__ import annotations

import numpy as np
import pytest

from core.belief import AccuracyFactor
from simulator.faults import AccuracyDrift
from tests.tools.assess.lives import PIPELINE, labelled, moment, observation, turns
from tools.assess import Assessor

PROFILED: dict[tuple[str, ...], float] = {
    ("small", "small"): 0.64,
    ("large", "small"): 0.76,
    ("small", "large"): 0.76,
}
"""Products of 0.8 and 0.95."""


def told(
    assessor: Assessor, factor: float, *variants: str, intervals: int = 30, after: int = 0, seed: int = 1
) -> None:
    """Let samples of a combination pass that keeps *factor* of its accuracy, 50 in an interval."""
    rng, names = np.random.default_rng(seed), variants or ("small", "small")
    for k in range(after + 1, after + intervals + 1):
        right = int(rng.binomial(50, factor * PROFILED[names]))
        seen = observation(10.0 * k, labelled_by=labelled(50, right, *names))
        assessor.assess(moment(seen))


def places(found: tuple[AccuracyFactor, ...]) -> list[tuple[str, str]]:
    return [(f.stage, f.variant) for f in found]


def test_variants_as_good_as_profiled_are_seldom_accused() -> None:
    alarms = 0
    for seed in range(20):
        assessor = Assessor(PIPELINE)
        told(assessor, 1.0, intervals=100, seed=seed)
        alarms += bool(assessor.accuracy.belief())

    assert alarms == 0  # 2000 intervals of two detectors, one false alarm in 10 000 is stated


def test_where_one_combination_serves_the_loss_is_split_evenly_and_that_is_said() -> None:
    assessor = Assessor(PIPELINE)

    told(assessor, 0.64)

    found = assessor.accuracy.belief()
    assert places(found) == [("first", "small"), ("second", "small")]
    for factor in found:
        assert factor.factor == pytest.approx(0.8, abs=0.03)
        assert factor.evidence.low < 0.64 < factor.factor < factor.evidence.high == 1.0
    assert "cannot be told from second/small, so the loss is split evenly" in found[0].evidence.statement


def test_a_combination_that_is_well_tells_who_is_to_blame() -> None:
    assessor = Assessor(PIPELINE)
    told(assessor, 0.7)

    told(assessor, 1.0, "large", "small", after=30)

    (factor,) = assessor.accuracy.belief()
    assert (factor.stage, factor.variant) == ("first", "small")
    assert factor.evidence.low <= 0.7 <= factor.evidence.high < 1
    assert factor.factor == pytest.approx(0.7, abs=0.05)
    assert "split" not in factor.evidence.statement


def test_a_combination_that_is_not_well_either_tells_so_too() -> None:
    assessor = Assessor(PIPELINE)
    told(assessor, 0.7)

    told(assessor, 0.7, "large", "small", after=30)

    assert places(assessor.accuracy.belief()) == [("second", "small")]


def test_the_loss_is_over_when_it_ends() -> None:
    assessor = Assessor(PIPELINE)
    told(assessor, 0.7)

    told(assessor, 1.0, after=30, intervals=10)

    assert assessor.accuracy.belief() == ()


def test_the_interval_holds_the_true_factor_as_often_as_stated() -> None:
    held = 0
    for seed in range(60):
        assessor = Assessor(PIPELINE)
        told(assessor, 0.7, intervals=20, seed=seed)
        held += all(f.evidence.low <= 0.7 for f in assessor.accuracy.belief())

    assert held / 60 >= 0.95


def test_a_few_wrong_answers_prove_nothing() -> None:
    assessor = Assessor(PIPELINE)

    assessor.assess(moment(observation(labelled_by=labelled(4, 0))))

    assert assessor.accuracy.belief() == ()


def test_a_loss_that_lasts_asks_for_a_new_measurement() -> None:
    assessor = Assessor(PIPELINE)
    told(assessor, 0.5, intervals=70)

    kinds = [f.kind for f in assessor.accuracy.findings(moment(observation(700.0)))]

    assert kinds == ["accuracy drift", "re-profile"] * 2


def test_a_drift_of_the_twin_is_found_by_its_labels() -> None:
    drift = AccuracyDrift(stage="first", variant="small", factor=0.6, start_s=100.0)
    assessor = Assessor(PIPELINE)

    seen = {m.time_s: assessor.assess(m) for m in turns(drift, seconds=300, labelled_share=0.5)}

    begun = [t for t, a in seen.items() if a.belief.accuracy]
    assert 100 < begun[0] <= 150
    assert {f.subject for f in seen[300.0].findings if f.kind == "accuracy drift"} == {"first", "second"}
    assert seen[300.0].belief.accuracy[0].evidence.since_s == pytest.approx(100, abs=20)
