"""`ilp` charges a change of variant what its cold starts cost, and takes what waits for load.

At the toy stage, one by one, `small` (0.6, 5 s to load) serves 10 a second on one core and `large` (0.9,
20 s) 5 on two; a point of accuracy is worth a tenth of a core. So at 4 rps `large` is worth 7 and `small` 5,
and starting `large` costs 2 cores times 20 s: 40 core-seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from baselines.ilp import ExactOptimum
from baselines.policy import Situation, create
from core.configuration import Configuration
from core.errors import UsageError
from core.forecast import Forecast
from core.observation import Observation, StageObservation
from core.pipeline import Pipeline
from tests.core.toys import configuration, pipeline, stage

SPEC = pipeline(stage("first", batches=[1]))
PATIENT = pipeline(stage("first", batches=[1]), slo_s=5.0)


def seen(time_s: float, queue: float = 0.0) -> Observation:
    return Observation(
        time_s=time_s,
        interval_s=10.0,
        loads_rps=(4.0,) * 10,
        latency_s=0.2,
        in_time=1.0,
        dropped_rps=0.0,
        accuracy=None,
        stages=(StageObservation(stage="first", arrivals_rps=4.0, queue=queue, ready=1),),
    )


def situation(
    rps: float,
    running: Configuration | None,
    observation: Observation | None,
    spec: Pipeline = SPEC,
    **fields: Any,  # noqa: ANN401
) -> Situation:
    return Situation(
        pipeline=spec,
        forecast=Forecast(point_rps=rps, upper_rps=rps, quantile=0.9, horizon_s=30.0, method="told"),
        observation=observation,
        running=running,
        **fields,
    )


def small(replicas: int) -> Configuration:
    return configuration(("first", "small", 1, replicas))


def large(replicas: int) -> Configuration:
    return configuration(("first", "large", 1, replicas))


def test_a_change_is_charged_for_as_long_as_variants_have_lasted() -> None:
    """It gains 2 a second and costs 40: charged over 30 s it gains 2 - 40 / 30; over 19 s it would lose."""
    assert create("ilp").decide(situation(4.0, small(1), seen(10.0))) == large(1)
    assert ExactOptimum(settle_s=19.0).decide(situation(4.0, small(1), seen(10.0))) == small(1)
    assert ExactOptimum(settle_s=21.0).decide(situation(4.0, small(1), seen(10.0))) == large(1)


def test_the_charge_is_that_of_the_cores_so_dear_cores_make_dear_starts() -> None:
    """With beta 2: `large` 9 - 4, `small` 6 - 2: gains 1, costs 2 x 40, so 80 s are what it takes."""
    spec = pipeline(stage("first", batches=[1]), objective={"alpha": 10.0, "beta": 2.0})

    chosen = {
        settle_s: ExactOptimum(settle_s=settle_s).decide(situation(4.0, small(1), seen(10.0), spec))
        for settle_s in (79.0, 81.0)
    }

    assert chosen == {79.0: small(1), 81.0: large(1)}


def test_what_has_lasted_for_long_is_expected_to_last() -> None:
    """The same change at the same load: refused soon after the last one, made once that was long ago."""
    policy = ExactOptimum(settle_s=15.0)
    assert policy.decide(situation(14.0, large(1), seen(100.0))) == small(2)

    soon = policy.decide(situation(4.0, small(2), seen(110.0)))
    later = policy.decide(situation(4.0, small(2), seen(121.0)))

    assert (soon, later) == (small(1), large(1))


def test_more_replicas_are_no_change_of_variant() -> None:
    policy = ExactOptimum(settle_s=15.0)
    policy.decide(situation(14.0, large(1), seen(100.0)))
    assert policy.decide(situation(24.0, small(2), seen(110.0))) == small(3)

    assert policy.decide(situation(4.0, small(3), seen(121.0))) == large(1)


def test_a_load_that_swings_is_not_followed_to_and_fro() -> None:
    """For 4 rps `large` gains 1.1 with alpha 7, not the 40 / 36 that it costs if it lasts for 36 s."""
    spec = pipeline(stage("first", batches=[1]), objective={"alpha": 7.0, "beta": 1.0})
    swinging_rps = [14.0, 4.0] * 20

    free = changes(ExactOptimum(settle_s=None), swinging_rps, spec)
    charged = changes(ExactOptimum(), swinging_rps, spec)

    assert free == 40
    assert charged <= 16  # there and back, at most once in 50 s


def changes(policy: ExactOptimum, loads_rps: Sequence[float], spec: Pipeline) -> int:
    """Return how often the variant changes, from one `large` on."""
    running, found = large(1), 0
    for turn, load_rps in enumerate(loads_rps, start=1):
        chosen = policy.decide(situation(load_rps, running, seen(10.0 * turn), spec))
        found += chosen["first"].variant != running["first"].variant
        running = chosen
    return found


@pytest.mark.parametrize(
    "objective",
    [
        pytest.param({"minimise": "cost", "minAccuracy": 0.8}, id="least cost"),
        pytest.param({"maximise": "accuracy", "maxCores": 4.0}, id="best accuracy"),
    ],
)
def test_where_nothing_is_weighed_nothing_is_charged(objective: dict[str, object]) -> None:
    spec = pipeline(stage("first", batches=[1]), objective=objective)

    assert ExactOptimum(settle_s=0.1).decide(situation(4.0, small(1), seen(10.0), spec)) == large(1)


def test_a_charge_of_the_pipelines_own_is_left_alone() -> None:
    spec = pipeline(stage("first", batches=[1]), objective={"alpha": 10.0, "beta": 1.0, "rho": 0.01})

    assert ExactOptimum(settle_s=0.1).decide(situation(4.0, small(1), seen(10.0), spec)) == large(1)


def test_what_waits_is_load_where_requests_may_wait() -> None:
    """50 waiting, 5 s to serve them in: 10 rps beside the 9 that come."""
    asked = situation(9.0, small(1), seen(10.0, queue=50.0), PATIENT)

    assert create("ilp").decide(asked) == small(2)


def test_what_waits_is_late_already_where_requests_may_not_wait() -> None:
    assert create("ilp").decide(situation(9.0, small(1), seen(10.0, queue=50.0))) == small(1)


@pytest.mark.parametrize("queue", [300.0, 100_000.0])
def test_a_queue_that_nothing_can_work_off_in_time_gets_all_that_can_be_had(queue: float) -> None:
    """Holding what runs would let it grow for ever. Ten replicas carry 100 rps, and 50 come."""
    asked = situation(50.0, small(1), seen(10.0, queue=queue), PATIENT)

    assert create("ilp").decide(asked) == small(10)


def test_a_load_that_fits_is_carried_whatever_waits() -> None:
    asked = situation(100.0, small(1), seen(10.0, queue=100_000.0), PATIENT)

    assert create("ilp").decide(asked) == small(10)


def test_where_the_load_alone_does_not_fit_what_runs_is_held() -> None:
    asked = situation(101.0, small(4), seen(10.0, queue=40.0), PATIENT)

    assert create("ilp").decide(asked) == small(4)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("ilp", {"settle": 3.0}, r"policy 'ilp': got an unexpected keyword argument 'settle'; .*settle_s"),
        ("ilp", {"_changed_s": 3.0}, "policy 'ilp'"),
        ("static-small", {"replicas": 3}, "policy 'static-small'"),
    ],
)
def test_a_parameter_that_a_policy_has_not_is_refused(
    name: str, parameters: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        create(name, parameters)


def test_a_policy_is_made_with_its_parameters() -> None:
    policy = create("ilp", {"settle_s": 19.0})

    assert policy.decide(situation(4.0, small(1), seen(10.0))) == small(1)
