"""The HPA as a policy: what it takes for utilisation, what it deploys, what limits leave it.

At the toy stage, one by one, `small` (0.6) serves 10 a second on one core and `large` (0.9) 5 on two. At the
planned 15 rps the optimum is two `small`; at 70 % of their time these carry 14 rps.
"""

from __future__ import annotations

from typing import Any

import pytest

from baselines._deployed import filled
from baselines._granted import granted
from baselines.hpa import utilisation
from baselines.policy import Policy, Situation, create
from core.configuration import Configuration
from core.errors import UsageError
from core.forecast import Forecast
from core.observation import Observation, ServiceObservation, StageObservation
from tests.core.toys import configuration, pipeline, stage, variant

ONE_BY_ONE = pipeline(stage("first", batches=[1]))


def seen(time_s: float, *, batches: int, ready: int | None, **fields: Any) -> Observation:  # noqa: ANN401
    """Return ten seconds in which `small` served so many batches of 0.1 s."""
    service = ServiceObservation(variant="small", batch=1, batches=batches, mean_s=0.1)
    first = {"stage": "first", "arrivals_rps": batches / 10, "queue": 0, "ready": ready}
    return Observation(
        time_s=time_s,
        interval_s=10.0,
        loads_rps=(batches / 10,) * 10,
        latency_s=None,
        in_time=None,
        dropped_rps=None,
        accuracy=None,
        stages=(StageObservation(**(first | {"services": (service,)} | fields)),),
    )


def situation(
    observation: Observation | None,
    running: Configuration | None,
    **fields: Any,  # noqa: ANN401
) -> Situation:
    return Situation(
        pipeline=fields.pop("spec", ONE_BY_ONE),
        forecast=Forecast(point_rps=15, upper_rps=15, quantile=0.9, horizon_s=30, method="told"),
        observation=observation,
        running=running,
        planned_rps=fields.pop("planned_rps", 15.0),
    )


def small(replicas: int) -> Configuration:
    return configuration(("first", "small", 1, replicas))


def deployed() -> Policy:
    policy = create("hpa")
    policy.decide(situation(None, None))
    return policy


def test_the_optimum_at_the_planned_peak_is_deployed() -> None:
    assert create("hpa").decide(situation(None, None)) == small(2)


def test_without_a_feasible_deployment_the_caller_hears_why() -> None:
    with pytest.raises(UsageError, match="nothing is feasible at the planned peak of 101 rps"):
        create("hpa").decide(situation(None, None, planned_rps=101.0))


@pytest.mark.parametrize(
    ("batches", "ready", "replicas"),
    [
        pytest.param(150, 2, 2, id="75 %: within the tolerance of 70 %"),
        pytest.param(180, 2, 3, id="90 %: ceil(2 * 0.9 / 0.7)"),
        pytest.param(144, 1, 2, id="one of two not ready: 144 % becomes 72 %"),
        pytest.param(0, 2, 2, id="idle, but the window remembers two"),
    ],
)
def test_replicas_follow_utilisation(batches: int, ready: int, replicas: int) -> None:
    policy = deployed()

    assert policy.decide(situation(seen(10, batches=batches, ready=ready), small(2))) == small(replicas)


PAUSING = variant("small", 0.6, 1, (1, 0.1, 5))
"""Serves in 0.1 s and can take the next 0.1 s later."""
AT_ONCE = variant("small", 0.6, 1, (1, 0.1, 20))
"""Serves in 0.1 s and can take the next 0.05 s after the one before."""


@pytest.mark.parametrize(
    ("served_by", "batches", "replicas"),
    [
        pytest.param(PAUSING, 100, 3, id="all they can, half of it pauses: 100 %, not 50 %"),
        pytest.param(PAUSING, 75, 2, id="75 %, not 37 %: within the tolerance"),
        pytest.param(AT_ONCE, 300, 2, id="75 %, not 150 %: within the tolerance"),
        pytest.param(AT_ONCE, 400, 3, id="all they can, two at once: 100 %, not 200 %"),
    ],
)
def test_a_replica_is_busy_until_it_can_take_the_next_batch(
    served_by: Any,  # noqa: ANN401 - a part of a file
    batches: int,
    replicas: int,
) -> None:
    policy, spec = create("hpa"), pipeline(stage("first", served_by))
    policy.decide(situation(None, None, spec=spec))

    chosen = policy.decide(situation(seen(10, batches=batches, ready=2), small(2), spec=spec))

    assert chosen == small(replicas)


def test_a_burst_that_pausing_replicas_cannot_carry_is_scaled_out_until_they_can() -> None:
    """30 rps keep six replicas busy all the time, seven for 86 %: ceil(7 * 0.86 / 0.7) are wanted."""
    policy, spec = create("hpa"), pipeline(stage("first", PAUSING))
    running = policy.decide(situation(None, None, spec=spec, planned_rps=5.0))

    for now_s in range(10, 200, 10):
        ready = running["first"].replicas
        observation = seen(now_s, batches=min(300, ready * 50), ready=ready)
        running = policy.decide(situation(observation, running, spec=spec))

    assert running == small(9)


TOLD = variant("small", 0.6, 1, (2, 0.1, 5), (4, 0.2, 8))
"""Two keep a replica for 0.4 s, three for 3 / 6.5 s and four for 0.5 s."""
TOLD_AT_FOUR = variant("small", 0.6, 1, (1, 0.1), (2, 0.1), (4, 0.2, 8))
"""Two are known as 20 rps from their latency, three lie between that and 8 rps."""
TOLD_AT_ONE = variant("small", 0.6, 1, (1, 0.1, 5), (4, 0.2))
"""Two lie between 5 rps and the 20 rps of four, at a third: 10 rps."""


@pytest.mark.parametrize(
    ("served_by", "sizes", "busy_s"),
    [
        pytest.param(TOLD, ((4, 10),), 5.0, id="as measured"),
        pytest.param(TOLD, ((3, 13),), 6.0, id="between two measured"),
        pytest.param(TOLD, ((1, 10),), 4.0, id="smaller than any measured: as the smallest"),
        pytest.param(TOLD, ((2, 5), (4, 6)), 5.0, id="each size by itself"),
        pytest.param(TOLD_AT_FOUR, ((2, 10),), 1.3, id="not measured there: as observed"),
        pytest.param(TOLD_AT_FOUR, ((3, 14),), 3.0, id="measured above it"),
        pytest.param(TOLD_AT_ONE, ((2, 10),), 2.0, id="measured below it"),
        pytest.param(TOLD_AT_FOUR, ((1, 5), (4, 2)), 1.65, id="some as observed, some as measured"),
    ],
)
def test_a_batch_keeps_its_replica_for_as_long_as_profiled(
    served_by: Any,  # noqa: ANN401 - a part of a file
    sizes: tuple[tuple[int, int], ...],
    busy_s: float,
) -> None:
    """0.13 s are observed, which counts only where nothing was profiled."""
    batches = sum(count for _, count in sizes)
    service = ServiceObservation(variant="small", batch=9, batches=batches, mean_s=0.13, sizes=sizes)
    observed = StageObservation(stage="first", arrivals_rps=1, queue=0, ready=2, services=(service,))

    used = utilisation(observed, pipeline(stage("first", served_by)).stage("first"), 10.0)

    assert used == pytest.approx(busy_s / 20)


def test_where_only_the_mean_size_is_known_it_counts() -> None:
    service = ServiceObservation(variant="small", batch=3, batches=13, mean_s=0.13)
    observed = StageObservation(stage="first", arrivals_rps=1, queue=0, ready=2, services=(service,))

    used = utilisation(observed, pipeline(stage("first", TOLD)).stage("first"), 10.0)

    assert used == pytest.approx(6.0 / 20)


def test_without_a_profiled_throughput_service_times_count_as_observed() -> None:
    """0.1 s are profiled, as the 99th percentile, and 0.07 s observed."""
    service = ServiceObservation(variant="small", batch=1, batches=100, mean_s=0.07, sizes=((1, 100),))
    observed = StageObservation(stage="first", arrivals_rps=10, queue=0, ready=1, services=(service,))

    assert utilisation(observed, ONE_BY_ONE.stage("first"), 10.0) == pytest.approx(0.7)


def test_after_five_idle_minutes_one_replica_is_left() -> None:
    policy, running = deployed(), small(2)
    history = {}

    for now_s in range(10, 400, 10):
        running = policy.decide(situation(seen(now_s, batches=0, ready=2, services=()), running))
        history[now_s] = running["first"].replicas

    assert [history[t] for t in (300, 310, 390)] == [2, 1, 1]


@pytest.mark.parametrize(
    "missing",
    [
        pytest.param({"ready": None}, id="how many are ready"),
        pytest.param({"ready": 2, "arrivals_rps": None, "services": ()}, id="what they served"),
        pytest.param({"ready": 0}, id="any ready replica"),
    ],
)
def test_without_metrics_nothing_changes(missing: dict[str, Any]) -> None:
    policy = deployed()

    for now_s in range(10, 700, 10):
        observation = seen(now_s, batches=200, **missing)
        assert policy.decide(situation(observation, small(3))) == small(3)


def test_the_target_is_a_parameter() -> None:
    policy = create("hpa", {"target": 0.5})
    policy.decide(situation(None, None))

    assert policy.decide(situation(seen(10, batches=150, ready=2), small(2))) == small(3)


def test_the_tolerance_is_a_parameter() -> None:
    policy = create("hpa", {"tolerance": 0.0})
    policy.decide(situation(None, None))

    assert policy.decide(situation(seen(10, batches=150, ready=2), small(2))) == small(3)


def test_the_stage_furthest_behind_gets_what_there_is() -> None:
    """Three and six are wanted, two and two run, and one core is left."""
    spec = pipeline(stage("first", batches=[1]), stage("second", batches=[1]), limits={"maxCores": 5})
    running = configuration(("first", "small", 1, 2), ("second", "small", 1, 2))
    wanted = configuration(("first", "small", 1, 3), ("second", "small", 1, 6))

    chosen = granted(situation(None, running, spec=spec), wanted)

    assert chosen == configuration(("first", "small", 1, 2), ("second", "small", 1, 3))


def test_stages_share_what_a_core_limit_leaves() -> None:
    """Both want four `small`, the budget has five cores: the one that is behind comes first."""
    spec = pipeline(stage("first", batches=[1]), stage("second", batches=[1]), limits={"maxCores": 5})
    policy = create("hpa")
    running = policy.decide(situation(None, None, spec=spec))
    both = seen(10, batches=200, ready=2)
    second = both.stages[0].model_copy(update={"stage": "second"})
    busy = both.model_copy(update={"stages": (*both.stages, second)})

    chosen = policy.decide(situation(busy, running, spec=spec))

    assert running == configuration(("first", "small", 1, 2), ("second", "small", 1, 2))
    assert chosen == configuration(("first", "small", 1, 3), ("second", "small", 1, 2))


def test_a_batch_that_no_longer_fills_in_time_is_made_smaller() -> None:
    """At 15 rps four fill in 0.2 s; at 4 rps in 0.75 s, and 0.2 s to serve them are more than the SLO."""
    spec = pipeline(stage("first"), slo_s=0.9)
    policy = create("hpa")
    told = situation(None, None, spec=spec)
    slow = Forecast(point_rps=4, upper_rps=4, quantile=0.9, horizon_s=30, method="told")

    at_peak = policy.decide(told)
    at_night = policy.decide(Situation(spec, slow, seen(10, batches=40, ready=1), at_peak, planned_rps=15.0))

    assert at_peak == configuration(("first", "small", 4, 1))
    assert at_night == configuration(("first", "small", 1, 1))


THREE_SIZES = variant("only", 0.6, 1, (1, 0.1), (2, 0.15), (4, 0.2))


def test_the_batch_that_fills_slowest_is_made_smaller_first() -> None:
    """At 5 rps four and two take 0.8 s to fill and 0.35 s to serve; twice two 0.4 s and 0.3 s."""
    spec = pipeline(stage("first", THREE_SIZES), stage("second", THREE_SIZES))
    both = configuration(("first", "only", 4, 1), ("second", "only", 2, 1))

    assert filled(spec, both, 5.0) == configuration(("first", "only", 2, 1), ("second", "only", 2, 1))


def test_where_no_batch_fills_in_time_the_smallest_are_left() -> None:
    spec = pipeline(stage("first", THREE_SIZES, batches=[2, 4]))

    assert filled(spec, configuration(("first", "only", 4, 1)), 0.1) == configuration(("first", "only", 2, 1))
