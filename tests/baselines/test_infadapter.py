"""InfAdapter with stages: rounds, patience, prediction, limits.

At the toy stage, one by one, `small` (0.6) serves 10 a second on one core and `large` (0.9) 5 on two; 80 % of
that is counted on, in whole requests. A core costs 0.05 / 20 = 0.0025 of accuracy: `large` while it fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.infadapter import predicted_peak_rps
from baselines.policy import Policy, Situation, create
from core.configuration import Configuration
from core.forecast import Forecast
from core.observation import Observation
from core.pipeline import Pipeline
from tests.core.toys import LARGE, SMALL, configuration, pipeline, stage, variant

ONE_BY_ONE = pipeline(stage("first", batches=[1]))


@pytest.mark.parametrize(
    ("loads_rps", "predicted_rps"),
    [
        pytest.param([3.0], 3.0, id="one second"),
        pytest.param([*[1.0] * 59, 7.0], 7.0, id="the maximum of a minute"),
        pytest.param([*[8.0] * 60, *[4.0] * 60], (4 + 9 / 11 * 8) / (1 + 9 / 11), id="a mean of two"),
        pytest.param([9.0, *[2.0] * 599], 9.0, id="the maximum of ten minutes"),
        pytest.param([9.0, *[2.0] * 600], 2.0, id="and what was before is forgotten"),
    ],
)
def test_the_prediction(loads_rps: list[float], predicted_rps: float) -> None:
    assert predicted_peak_rps(loads_rps) == pytest.approx(predicted_rps)


def situation(
    load_rps: float | None,
    running: Configuration | None = None,
    *,
    time_s: float = 0.0,
    upper_rps: float = 4.0,
    spec: Pipeline = ONE_BY_ONE,
    planned_rps: float = 15.0,
) -> Situation:
    """Return a situation after ten seconds at *load_rps*; None before the first decision."""
    observation = None
    if load_rps is not None:
        observation = Observation(
            time_s=time_s,
            interval_s=10.0,
            loads_rps=(load_rps,) * 10,
            latency_s=None,
            in_time=None,
            dropped_rps=None,
            accuracy=None,
        )
    forecast = Forecast(point_rps=upper_rps, upper_rps=upper_rps, quantile=0.9, horizon_s=30, method="told")
    return Situation(spec, forecast, observation, running, planned_rps=planned_rps)


def small(replicas: int) -> Configuration:
    return configuration(("first", "small", 1, replicas))


def large(replicas: int) -> Configuration:
    return configuration(("first", "large", 1, replicas))


def followed(policy: Policy, loads_rps: Sequence[float], **fields: Any) -> list[Configuration]:  # noqa: ANN401
    """Return what ran first and after each ten seconds of these loads."""
    ran = [policy.decide(situation(None, **fields))]
    for k, load_rps in enumerate(loads_rps, start=1):
        ran.append(policy.decide(situation(load_rps, ran[-1], time_s=10.0 * k, **fields)))
    return ran


@pytest.mark.parametrize(
    ("upper_rps", "chosen"),
    [
        pytest.param(3.6, large(1), id="3.96 with its margin: one large carries 4"),
        pytest.param(3.7, large(2), id="4.07: two"),
        pytest.param(36.0, large(10), id="39.6 of the 40 that ten carry"),
        pytest.param(37.0, small(6), id="40.7: only small can, five would carry 40"),
        pytest.param(90.0, small(10), id="99 is beyond 80: the smallest with all there is"),
    ],
)
def test_the_first_decision_is_at_the_forecast_and_ten_per_cent(
    upper_rps: float, chosen: Configuration
) -> None:
    assert create("infadapter").decide(situation(None, upper_rps=upper_rps)) == chosen


def test_it_decides_every_30_s_on_what_it_saw() -> None:
    ran = followed(create("infadapter"), [30.0] * 3)

    assert ran == [large(2), large(2), large(2), large(9)]


def test_a_lower_prediction_must_come_four_times() -> None:
    """The mean of the minutes' maxima falls from the second minute on: four rounds are two minutes."""
    policy = create("infadapter", {"predictor": "shared"})
    policy.decide(situation(None, upper_rps=30.0))
    ran = [policy.decide(situation(1.0, large(9), time_s=30.0 * k, upper_rps=1.0)) for k in range(1, 6)]

    assert ran == [large(9)] * 3 + [large(1)] + [large(9)]


def test_a_higher_prediction_is_acted_on_and_starts_the_wait_anew() -> None:
    policy = create("infadapter", {"predictor": "shared"})
    policy.decide(situation(None, upper_rps=20.0))
    uppers = [1.0, 1.0, 1.0, 30.0, 1.0, 1.0, 1.0, 1.0]
    ran = [
        policy.decide(situation(1.0, large(6), time_s=30.0 * k, upper_rps=u)) for k, u in enumerate(uppers, 1)
    ]

    assert ran == [large(6)] * 3 + [large(9)] + [large(6)] * 3 + [large(1)]


def test_a_variant_that_breaks_the_stages_deadline_is_left_out() -> None:
    assert create("infadapter").decide(situation(None, spec=pipeline(stage("first"), slo_s=0.15))) == small(1)


def test_where_no_variant_is_in_time_the_smallest_gets_what_the_load_needs() -> None:
    assert create("infadapter").decide(
        situation(None, spec=pipeline(stage("first"), slo_s=0.05), upper_rps=20.0)
    ) == small(3)


def test_the_loads_below_follow_the_variant_above() -> None:
    """`large` sends three on, which makes 13.2 rps; of the two at the second stage, four `large` carry 16."""
    fanned = variant("large", 0.9, 2, (1, 0.2), loadTime=20, fanOut=3.0)
    spec = pipeline(stage("first", fanned, batches=[1]), stage("second", batches=[1]))

    chosen = create("infadapter").decide(situation(None, spec=spec, upper_rps=4.0))

    assert chosen == configuration(("first", "large", 1, 2), ("second", "large", 1, 4))


@given(
    max_cores=st.integers(2, 30),
    upper_rps=st.floats(0, 200),
    planned_rps=st.floats(0, 200),
    own_cores=st.none() | st.integers(2, 9),
)
@settings(max_examples=80, deadline=None)
def test_it_stays_within_the_limits(
    max_cores: int, upper_rps: float, planned_rps: float, own_cores: int | None
) -> None:
    first = stage("first", SMALL, LARGE, **({"maxCores": own_cores} if own_cores else {}))
    spec = pipeline(first, stage("second"), limits={"maxCores": max_cores})

    chosen = create("infadapter").decide(
        situation(None, spec=spec, upper_rps=upper_rps, planned_rps=planned_rps)
    )

    assert chosen == chosen.checked(spec)
    assert chosen.cores(spec) <= max_cores + 1e-9
    assert all(1 <= s.replicas <= 10 for s in chosen.stages)
    assert (
        own_cores is None
        or chosen["first"].replicas * (1 + (chosen["first"].variant == "large")) <= own_cores
    )


def test_a_dear_core_makes_it_frugal() -> None:
    assert create("infadapter", {"alpha": 10.0}).decide(situation(None, upper_rps=4.0)) == small(1)


def test_what_runs_counts_where_a_start_is_dear() -> None:
    """At 3.3 rps one `large` would do; the two that run start nothing, and a start costs 0.1."""
    cheap, dear = create("infadapter", {"beta": 0.0}), create("infadapter", {"beta": 0.1})

    assert cheap.decide(situation(None, large(2), upper_rps=3.0)) == large(1)
    assert dear.decide(situation(None, large(2), upper_rps=3.0)) == large(2)
