"""KEDA: each replica gets its share of the arrivals; between none and one KEDA decides, above it the HPA.

At the toy stage, one by one, `small` serves 10 rps: at the share of 0.8 a replica should get 8 rps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from baselines.policy import Policy, Situation, create
from core.configuration import Configuration
from core.errors import UsageError
from core.forecast import Forecast
from core.observation import Observation, StageObservation
from core.pipeline import Pipeline
from tests.core.toys import configuration, pipeline, stage

ONE_BY_ONE = pipeline(stage("first", batches=[1]))
TO_ZERO = pipeline(stage("first", batches=[1], replicas={"min": 0, "max": 10}))
FORECAST = Forecast(point_rps=15, upper_rps=15, quantile=0.9, horizon_s=30, method="told")


def seen(time_s: float, arrivals_rps: float | None) -> Observation:
    return Observation(
        time_s=time_s,
        interval_s=10.0,
        loads_rps=(arrivals_rps,) * 10,
        latency_s=None,
        in_time=None,
        dropped_rps=None,
        accuracy=None,
        stages=(StageObservation(stage="first", arrivals_rps=arrivals_rps, queue=0, ready=1),),
    )


def situation(
    observation: Observation | None,
    running: Configuration | None,
    *,
    spec: Pipeline = ONE_BY_ONE,
    planned_rps: float = 15.0,
) -> Situation:
    return Situation(spec, FORECAST, observation, running, planned_rps=planned_rps)


def small(replicas: int) -> Configuration:
    return configuration(("first", "small", 1, replicas))


def deployed(spec: Pipeline = ONE_BY_ONE, **parameters: Any) -> Policy:  # noqa: ANN401
    policy = create("keda", parameters)
    policy.decide(situation(None, None, spec=spec))
    return policy


def counts(policy: Policy, loads_rps: Sequence[float | None], spec: Pipeline, start: int) -> list[int]:
    """Return the replicas after each interval of ten seconds with these arrivals."""
    running, found = small(start), []
    for k, load_rps in enumerate(loads_rps, start=1):
        running = policy.decide(situation(seen(10.0 * k, load_rps), running, spec=spec))
        found.append(running["first"].replicas)
    return found


def test_the_optimum_at_the_planned_peak_is_deployed() -> None:
    assert create("keda").decide(situation(None, None)) == small(2)


def test_without_a_feasible_deployment_the_caller_hears_why() -> None:
    with pytest.raises(UsageError, match="nothing is feasible at the planned peak of 101 rps"):
        create("keda").decide(situation(None, None, planned_rps=101.0))


@pytest.mark.parametrize(
    ("load_rps", "replicas"),
    [
        pytest.param(16.0, 2, id="what two should get"),
        pytest.param(17.5, 2, id="a little more is tolerated"),
        pytest.param(17.7, 3, id="more is not"),
        pytest.param(40.0, 5, id="five times eight"),
        pytest.param(400.0, 6, id="four pods within 15 s"),
    ],
)
def test_each_replica_gets_its_share(load_rps: float, replicas: int) -> None:
    assert counts(deployed(), [load_rps], ONE_BY_ONE, 2) == [replicas]


def test_the_share_is_a_parameter() -> None:
    assert counts(deployed(share=0.5), [20.0], ONE_BY_ONE, 2) == [4]


def test_the_largest_number_of_replicas_holds() -> None:
    assert counts(deployed(), [400.0] * 4, ONE_BY_ONE, 2)[-1] == 10


def test_it_scales_in_after_the_window_and_never_below_one() -> None:
    found = counts(deployed(), [8.0] * 29 + [0.0] * 60, ONE_BY_ONE, 4)

    assert found[:30] == [4] * 30
    assert found[31] == 1
    assert set(found[31:]) == {1}


def test_without_metrics_nothing_changes() -> None:
    assert counts(deployed(), [None] * 80, ONE_BY_ONE, 3) == [3] * 80


def test_a_stage_that_may_be_empty_goes_to_zero_after_the_cooldown() -> None:
    """Last active at 10 s; 300 s after that have passed at 320 s, not yet at 310 s."""
    found = counts(deployed(TO_ZERO), [8.0] + [0.0] * 33, TO_ZERO, 1)

    assert found[:31] == [1] * 31
    assert found[31:] == [0] * 3


def test_an_empty_stage_is_woken_by_the_first_request_and_then_scaled() -> None:
    assert counts(deployed(TO_ZERO), [0.0, 24.0, 24.0], TO_ZERO, 0) == [0, 1, 3]


def test_below_the_activation_threshold_nothing_wakes() -> None:
    assert counts(deployed(TO_ZERO, activation_rps=5.0), [5.0, 5.1], TO_ZERO, 0) == [0, 1]


def test_a_cooldown_of_its_own() -> None:
    assert counts(deployed(TO_ZERO, cooldown_s=20.0), [8.0, 0.0, 0.0, 0.0], TO_ZERO, 1) == [1, 1, 1, 0]


def test_above_zero_the_hpa_leaves_one_however_idle_it_is() -> None:
    assert counts(deployed(TO_ZERO, cooldown_s=1000.0), [0.0] * 50, TO_ZERO, 2)[-1] == 1


def test_the_target_follows_the_batch_in_use() -> None:
    """In fours a replica serves 20, one by one 10: at 24 rps that makes two or three."""
    spec = pipeline(stage("first"))
    policy = create("keda")
    policy.decide(situation(None, None, spec=spec, planned_rps=40.0))
    fours, ones = configuration(("first", "small", 4, 1)), small(1)

    def replicas(running: Configuration) -> int:
        return policy.decide(situation(seen(10.0, 24.0), running, spec=spec))["first"].replicas

    assert [replicas(fours), replicas(ones)] == [2, 3]
