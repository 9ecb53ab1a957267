"""The HPA's arithmetic against the numbers of Kubernetes' documentation, and cases worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baselines._hpa import Allowance, Bounds, Direction, Scaler, by_total, by_usage

WIDE = Bounds(1, 1000)


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


def test_per_cent_are_rounded_in_favour_of_more() -> None:
    """10 % of 5 are half a pod."""
    scaler = Scaler(out=Direction(0.0, (Allowance(period_s=60, percent=10),)))

    assert scaler.scaled(now_s=0, current=5, recommended=50, bounds=WIDE) == 6
