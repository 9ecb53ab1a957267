"""The HPA against the numbers of Kubernetes' documentation, and against cases worked out by hand.

At the toy stage, one by one, `small` (0.6) serves 10 a second on one core and `large` (0.9) 5 on two. At the
planned 15 rps the optimum is two `small`; at 70 % of their time these carry 14 rps.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baselines._deployed import filled
from baselines._granted import granted
from baselines._hpa import Allowance, Bounds, Direction, Scaler, by_total, by_usage
from baselines.policy import Policy, Situation, create
from core.configuration import Configuration
from core.errors import UsageError
from core.forecast import Forecast
from core.observation import Observation, ServiceObservation, StageObservation
from tests.core.toys import configuration, pipeline, stage, variant

ONE_BY_ONE = pipeline(stage("first", batches=[1]))
WIDE = Bounds(1, 1000)


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


@pytest.mark.parametrize(
    ("usage", "replicas"),
    [
        pytest.param(200, 2, id="200m where 100m are wanted: doubled"),
        pytest.param(50, 1, id="50m where 100m are wanted: halved"),
        pytest.param(109, 1, id="within the tolerance of 0.1"),
        pytest.param(111, 2, id="just outside of it"),
    ],
)
def test_the_ratio_of_the_documentation(usage: float, replicas: int) -> None:
    assert by_usage(current=1, usage=usage, target=100, measured=1) == replicas


@pytest.mark.parametrize(("usage", "replicas"), [(0.90, 60), (0.825, 50), (0.675, 50), (0.6, 40)])
def test_the_example_of_fifty_replicas_at_75_percent(usage: float, replicas: int) -> None:
    """Kubernetes' blog on tolerances: 50 replicas at 90 % with a target of 75 % become 60."""
    assert by_usage(current=50, usage=usage, target=0.75, measured=50) == replicas


@pytest.mark.parametrize(
    ("case", "replicas"),
    [
        pytest.param({"current": 4, "usage": 1.0, "measured": 2, "unready": 2}, 4, id="unready turn it"),
        pytest.param({"current": 4, "usage": 1.4, "measured": 2, "unready": 2}, 6, id="unready dampen it"),
        pytest.param(
            {"current": 4, "usage": 0.25, "measured": 2, "unready": 2}, 1, id="scaling in: left out"
        ),
        pytest.param({"current": 4, "usage": 1.0, "measured": 3, "missing": 1}, 6, id="missing count idle"),
        pytest.param({"current": 4, "usage": 0.2, "measured": 3, "missing": 1}, 4, id="missing count full"),
        pytest.param({"current": 4, "usage": 0.0, "measured": 3, "missing": 1}, 2, id="and still scale in"),
        pytest.param({"current": 4, "usage": 0.549, "measured": 4, "unready": 0}, 4, id="tolerated"),
        pytest.param(
            {"current": 4, "usage": 0.46, "measured": 2, "unready": 2}, 4, id="in tolerance: left out"
        ),
        pytest.param(
            {"current": 9, "usage": 0.9, "measured": 3, "missing": 1}, 9, id="fewer pods than asked"
        ),
        pytest.param({"current": 4, "usage": 9.0, "measured": 0, "unready": 4}, 4, id="nothing measured"),
        pytest.param({"current": 9, "usage": 0.6, "measured": 3, "unready": 0, "missing": 0}, 4, id="of 3"),
    ],
)
def test_pods_that_are_not_ready_or_have_no_metrics(case: dict[str, Any], replicas: int) -> None:
    """With a target of one half. Worked out by hand:

    1.0 of 2 and two idle is 0.5 of 4, the target. 1.4 of 2 and two idle is 0.7 of 4, ratio 1.4. 1.0 of 3
    and an idle one is 0.75, ratio 1.5 of 4. 0.2 of 3 and a full one is 0.4, ratio 0.8: ceil(3.2) = 4. 0 of 3
    and a full one is 0.25, ratio 0.5 of 4.
    """
    assert by_usage(target=0.5, **case) == replicas


@given(
    usage=st.floats(0, 3),
    target=st.floats(0.1, 1),
    measured=st.integers(0, 30),
    unready=st.integers(0, 10),
    missing=st.integers(0, 10),
)
def test_corrections_never_turn_the_direction(
    usage: float, target: float, measured: int, unready: int, missing: int
) -> None:
    current = measured + unready + missing

    replicas = by_usage(
        current=current, usage=usage, target=target, measured=measured, unready=unready, missing=missing
    )

    if usage > target and measured:
        assert replicas >= measured
    if usage < target:
        assert replicas <= current


@pytest.mark.parametrize(
    ("total", "replicas"),
    [
        pytest.param(30, 3, id="as wanted"),
        pytest.param(32.9, 3, id="within the tolerance"),
        pytest.param(34, 4, id="outside"),
        pytest.param(26, 3, id="13 % under, and still three"),
        pytest.param(20, 2, id="a third less"),
        pytest.param(0, 0, id="nothing"),
    ],
)
def test_a_total_is_shared_out(total: float, replicas: int) -> None:
    assert by_total(current=3, total=total, target=10) == replicas


def test_scaling_in_takes_80_pods_down_as_in_the_documentation() -> None:
    """4 pods or 10 % a minute: 80, 72 (8 = 10 %), 64 (7.2 rounds to 8), ..., from 40 on by fours."""
    policies = (Allowance(period_s=60, pods=4), Allowance(period_s=60, percent=10))
    scaler = Scaler(into=Direction(0.0, policies))
    counts = [80]

    for minute in range(1, 16):
        counts.append(scaler.scaled(now_s=60.0 * minute, current=counts[-1], recommended=10, bounds=WIDE))

    assert counts == [80, 72, 64, 57, 51, 45, 40, 36, 32, 28, 24, 20, 16, 12, 10, 10]


@pytest.mark.parametrize(
    ("current", "reached"),
    [pytest.param(1, 5, id="by four pods"), pytest.param(10, 20, id="by 100 %")],
)
def test_scaling_out_is_limited_by_the_more_generous_of_both(current: int, reached: int) -> None:
    assert Scaler().scaled(now_s=0, current=current, recommended=500, bounds=WIDE) == reached


def test_within_15_s_no_more_is_added_than_the_start_of_the_period_allows() -> None:
    scaler = Scaler()

    counts = [scaler.scaled(now_s=0, current=10, recommended=500, bounds=WIDE)]
    counts += [scaler.scaled(now_s=t, current=counts[-1], recommended=500, bounds=WIDE) for t in (10,)]
    counts += [scaler.scaled(now_s=t, current=counts[-1], recommended=500, bounds=WIDE) for t in (15,)]

    assert counts == [20, 20, 40]


def test_scaling_in_waits_for_the_highest_recommendation_of_300_s_to_pass() -> None:
    scaler, count, history = Scaler(), 8, {}

    for now_s in range(0, 700, 10):
        recommended = 6 if now_s == 200 else 2
        count = scaler.scaled(now_s=now_s, current=count, recommended=recommended, bounds=WIDE)
        history[now_s] = count

    assert [history[t] for t in (0, 290, 300, 490, 500, 690)] == [8, 8, 6, 6, 2, 2]


def test_a_count_outside_its_bounds_is_put_right_at_once() -> None:
    assert Scaler().scaled(now_s=0, current=12, recommended=12, bounds=Bounds(1, 10)) == 10
    assert Scaler().scaled(now_s=0, current=0, recommended=0, bounds=Bounds(2, 10)) == 2


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 40)), max_size=30))
def test_the_bounds_and_the_allowances_hold_whatever_is_recommended(steps: list[tuple[int, int]]) -> None:
    scaler, now_s, current = Scaler(), 0, 5

    for waited_s, recommended in steps:
        now_s += waited_s
        scaled = scaler.scaled(now_s=now_s, current=current, recommended=recommended, bounds=Bounds(2, 20))
        assert 2 <= scaled <= min(20, max(current + 4, 2 * current))
        current = scaled


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


def test_per_cent_are_rounded_in_favour_of_more() -> None:
    """10 % of 5 are half a pod."""
    scaler = Scaler(out=Direction(0.0, (Allowance(period_s=60, percent=10),)))

    assert scaler.scaled(now_s=0, current=5, recommended=50, bounds=WIDE) == 6


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
