"""What is true at a time, by hand and against a fine grid; what the oracle makes of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baselines.policy import Situation
from core.forecast import Forecast
from core.observation import Observation
from evals.bias import biased
from evals.drift.truth import DriftOracle, belief_at, foreseen_rps, lost_at, matters
from simulator.faults import AccuracyDrift, CapacityLoss, LatencyDrift, MetricOutage, ReplicaCrash
from tests.evals import drifttoy


def test_a_ramp_is_known_as_far_as_it_will_have_come_within_the_span() -> None:
    drift = LatencyDrift(stage="read", variant="small", start_s=50, ramp_s=100, factor=2.0)

    assert belief_at([drift], 100, 0).latency_factor("read", "small") == pytest.approx(1.5)
    assert belief_at([drift], 100, 10).latency_factor("read", "small") == pytest.approx(1.6)


@given(
    start_s=st.integers(0, 100),
    ramp_s=st.integers(0, 50),
    lasts_s=st.integers(1, 100),
    from_s=st.integers(0, 200),
    span_s=st.integers(0, 40),
)
def test_the_factor_is_the_largest_of_any_second_in_the_span(
    start_s: int, ramp_s: int, lasts_s: int, from_s: int, span_s: int
) -> None:
    end_s = start_s + lasts_s
    drift = LatencyDrift(
        stage="read", variant="small", start_s=start_s, end_s=end_s, ramp_s=ramp_s, factor=3.0
    )
    grid = [from_s + k / 64 for k in range(64 * span_s + 1)]
    shares = [min(1.0, (t - start_s) / ramp_s) if ramp_s else 1.0 for t in grid if start_s <= t < end_s]

    found = belief_at([drift], from_s, span_s).latency_factor("read", "small")

    assert found == pytest.approx(1 + 2 * max(shares, default=0.0), abs=2 / 64 / max(1, ramp_s) + 1e-9)


def test_drifts_of_one_variant_multiply_and_others_are_left_alone() -> None:
    faults = [AccuracyDrift(stage="read", variant="small", start_s=0, factor=f) for f in (0.8, 0.5)]

    belief = belief_at(faults, 10, 0)

    assert belief.accuracy_factor("read", "small") == pytest.approx(0.4)
    assert belief.accuracy_factor("read", "large") == 1.0


@pytest.mark.parametrize("sizes", [(3, 2), (2, 3)])
def test_of_two_losses_of_capacity_the_tighter_holds_and_only_while_it_lasts(sizes: tuple[int, int]) -> None:
    faults = [CapacityLoss(stage="read", start_s=10, end_s=20, replicas=n) for n in sizes]

    assert belief_at(faults, 12, 0).replica_cap("read") == 2
    assert belief_at(faults, 20, 5).replica_cap("read") is None
    assert belief_at(faults, 5, 5).replica_cap("read") == 2


def test_replicas_that_died_without_replacement_are_counted_at_the_worst_moment_of_the_span() -> None:
    crashes = [
        ReplicaCrash(stage="read", start_s=s, end_s=e, replicas=n, restarts=False)
        for s, e, n in ((0, 10, 1), (5, 20, 2), (30, 40, 5))
    ]

    assert lost_at(crashes, 0, 8) == {("read", None): 3}
    assert lost_at(crashes, 12, 8) == {("read", None): 2}
    assert lost_at(crashes, 20, 5) == {}


def test_what_died_of_one_variant_is_counted_apart() -> None:
    crashes = [
        ReplicaCrash(stage="read", variant=v, start_s=0, replicas=n, restarts=False)
        for v, n in (("small", 1), ("large", 2), (None, 4), ("small", 8))
    ]

    assert lost_at(crashes, 5, 0) == {("read", "small"): 9, ("read", "large"): 2, ("read", None): 4}


def test_the_oracle_serves_what_drift_takes_and_asks_for_what_crashes_take() -> None:
    slower = LatencyDrift(stage="read", variant="small", start_s=0, factor=2.0)
    crash = ReplicaCrash(stage="read", start_s=0, end_s=60, restarts=False)
    seen = Observation(
        time_s=10, interval_s=10, loads_rps=(), latency_s=None, in_time=None, dropped_rps=None, accuracy=None
    )
    plain, drifted, crashing = (
        DriftOracle(drifttoy.case(f), 10).decide(_situation(seen))["read"] for f in ([], [slower], [crash])
    )

    assert (plain.variant, plain.replicas) == ("small", 2)
    assert (drifted.variant, drifted.replicas) == ("large", 3)
    assert (crashing.variant, crashing.replicas) == ("small", 3)


@pytest.mark.parametrize(
    ("died", "best"),
    [
        pytest.param(1, ("small", 4), id="0.8 - 4 * 0.02 is more than 0.81 - 5 * 0.02"),
        pytest.param(2, ("large", 5), id="0.8 - 5 * 0.02 is less"),
    ],
)
def test_the_oracle_stays_with_a_variant_that_crashes_or_leaves_it_by_what_is_better(
    died: int, best: tuple[str, int]
) -> None:
    crash = ReplicaCrash(stage="read", variant="small", start_s=0, end_s=60, replicas=died, restarts=False)
    seen = Observation(
        time_s=10, interval_s=10, loads_rps=(), latency_s=None, in_time=None, dropped_rps=None, accuracy=None
    )

    decided = DriftOracle(drifttoy.case([crash]), 10).decide(_situation(seen, load_rps=24))["read"]

    assert (decided.variant, decided.replicas) == best


@pytest.mark.parametrize(
    ("factor", "changes"),
    [
        pytest.param(2.5, True, id="3 no longer do"),
        pytest.param(1.5, False, id="the surplus does"),
    ],
)
def test_a_fault_matters_where_what_was_best_no_longer_carries_the_load(factor: float, changes: bool) -> None:
    slower = LatencyDrift(stage="read", variant="small", start_s=0, factor=factor)

    assert matters(drifttoy.case([slower]), 30) is changes


def test_a_crash_matters_where_the_replicas_left_do_not_carry_the_load() -> None:
    one, two = (ReplicaCrash(stage="read", start_s=0, end_s=60, replicas=n, restarts=False) for n in (1, 2))

    assert matters(drifttoy.case([two]), 30), "22.8 rps are foreseen, 3 asked for; 1 serves 10 of 14"
    assert not matters(drifttoy.case([one]), 30)


def test_a_crash_of_a_variant_that_nobody_would_run_does_not_matter() -> None:
    crash = ReplicaCrash(stage="read", variant="large", start_s=0, end_s=60, replicas=2, restarts=False)

    assert not matters(drifttoy.case([crash]), 30)


def test_lost_capacity_matters_by_what_serves_and_not_by_what_is_asked_for() -> None:
    left = {n: CapacityLoss(stage="read", start_s=0, replicas=n) for n in (1, 2, 3)}

    assert not matters(drifttoy.case([left[1]]), 30), "nothing that would fit is within the cap"
    assert not matters(drifttoy.case([left[3]]), 30)


def test_a_loss_of_accuracy_matters_where_another_variant_is_better_by_then() -> None:
    worse, hardly = (AccuracyDrift(stage="read", variant="small", start_s=0, factor=f) for f in (0.7, 0.99))

    assert matters(drifttoy.case([worse]), 30)
    assert not matters(drifttoy.case([hardly]), 30)


def test_a_forecast_lies_above_the_load_by_what_poisson_arrivals_need() -> None:
    rng = np.random.default_rng(5)

    highest = rng.poisson(100, size=(4000, 11)).max(axis=1)

    assert foreseen_rps(100) == pytest.approx(np.quantile(highest, 0.9), rel=0.02)


def test_an_outage_matters_where_the_load_rises_meanwhile() -> None:
    dark = MetricOutage(start_s=20, end_s=60)
    steady = drifttoy.case([dark])
    rising = replace(steady, trace_rps=tuple(14.0 + (t > 20) * t for t in range(60)))

    assert matters(rising, 50)
    assert not matters(steady, 50)


def test_a_biased_forecast_is_wrong_in_both_figures_alike() -> None:
    honest = Forecast(point_rps=8, upper_rps=10, quantile=0.9, horizon_s=12, method="last")

    told = biased(honest, 0.5)

    assert (told.point_rps, told.upper_rps, told.quantile) == (4, 5, 0.9)


def _situation(seen: Observation, *, load_rps: float = 14) -> Situation:
    return Situation(
        pipeline=drifttoy.pipeline(),
        forecast=Forecast(
            point_rps=load_rps, upper_rps=load_rps, quantile=0.9, horizon_s=12, method="foresight"
        ),
        observation=seen,
        running=None,
        planned_rps=14,
    )
