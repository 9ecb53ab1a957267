"""The oracle's plan is the best of all ways through its candidates, cold starts included.

At the toy stage, one by one, `small` (0.6, 5 s to load) serves 10 a second on one core and `large` (0.9,
20 s) 5 on two; a point of accuracy is worth a tenth of a core. Decisions fall every 10 s, so each must carry
the load of 30 s. A change to one `large` costs 2 cores times 20 s, which is 4 a decision of 10 s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.oracle import Oracle, needed_rps
from baselines.policy import Situation, create, names
from core.belief import Belief, Evidence, ReplicaCap
from core.configuration import Configuration
from core.errors import UsageError
from core.forecast import Forecast
from core.pipeline import Pipeline
from core.problem import Margins
from simulator.options import TwinOptions
from tests.core.toys import configuration, pipeline, stage, variant
from tools.replay import ReplaySettings, replay

MOST = 3
"""Replicas: `small` carries 30 rps at most, `large` 15."""
SPEC = pipeline(stage("first", batches=[1], replicas={"min": 1, "max": MOST}))
RATES = {"small": (0.6, 1, 10.0), "large": (0.9, 2, 5.0)}
"""Accuracy, cores and requests per second of a replica."""

Setting = tuple[str, int]
"""Variant and replicas of the one stage."""


def loading(small_s: float, large_s: float, **spec: float) -> Pipeline:
    """Return the toy with other cold starts."""
    variants = (
        variant("small", 0.6, 1, (1, 0.1), loadTime=small_s),
        variant("large", 0.9, 2, (1, 0.2), loadTime=large_s),
    )
    return pipeline(stage("first", *variants, batches=[1], replicas={"min": 1, "max": MOST}), **spec)


def situation(
    future_rps: Sequence[float], spec: Pipeline = SPEC, running: Configuration | None = None
) -> Situation:
    return Situation(
        pipeline=spec,
        forecast=Forecast(point_rps=1.0, upper_rps=1.0, quantile=0.9, horizon_s=30.0, method="not read"),
        observation=None,
        running=running,
        future_rps=tuple(future_rps),
    )


def by_interval(*loads_rps: float) -> tuple[float, ...]:
    return tuple(load for load in loads_rps for _ in range(10))


def plan(first: Situation) -> list[Setting]:
    """Return what the oracle decides to the end of the episode."""
    oracle, told, found = Oracle(), first, []
    while told.future_rps:
        chosen = oracle.decide(told)
        found.append((chosen["first"].variant, chosen["first"].replicas))
        told = replace(told, future_rps=told.future_rps[10:], running=chosen)
    return found


def small(replicas: int) -> Configuration:
    return configuration(("first", "small", 1, replicas))


def large(replicas: int) -> Configuration:
    return configuration(("first", "large", 1, replicas))


ONE_LEFT = ReplicaCap(
    stage="first", replicas=1, evidence=Evidence(statement="seen", low=1, high=1, since_s=0.0)
)


def carried(setting: Setting) -> float:
    return RATES[setting[0]][2] * setting[1]


def worth(setting: Setting) -> float:
    accuracy, cores, _ = RATES[setting[0]]
    return 10 * accuracy - cores * setting[1]


def cold(before: Setting, after: Setting, load_s: dict[str, float]) -> float:
    """Return the core-seconds of replicas that start."""
    started = after[1] if before[0] != after[0] else max(0, after[1] - before[1])
    return started * RATES[after[0]][1] * load_s[after[0]]


def value(way: Sequence[Setting], loads_rps: Sequence[float], load_s: dict[str, float]) -> float:
    """Return what a way is worth; nothing may be overloaded."""
    if any(carried(s) < load for s, load in zip(way, loads_rps, strict=True)):
        return float("-inf")
    starts = sum(cold(a, b, load_s) for a, b in pairwise(way))
    return sum(map(worth, way)) - starts / 10


def needed(loads_rps: Sequence[float], load_s: dict[str, float]) -> list[float]:
    """Return what each decision must carry: intervals until the slowest replica asked for then is ready."""
    ahead = 1 + -(-int(max(load_s.values())) // 10)
    return [loads_rps[0], *(max(loads_rps[k : k + ahead]) for k in range(1, len(loads_rps)))]


def optimum(load_rps: float) -> Setting:
    everything = [(name, n) for name in RATES for n in range(1, MOST + 1)]
    return max((s for s in everything if carried(s) >= load_rps), key=worth)


@given(
    loads_rps=st.lists(st.sampled_from([1.0, 4.75, 9.5, 14.0, 19.0, 29.25]), min_size=4, max_size=4),
    small_s=st.sampled_from([0.0, 5.0, 10.0]),
    large_s=st.sampled_from([0.0, 2.0, 6.0, 20.0]),
)
@settings(max_examples=60, deadline=None)
def test_no_way_through_the_candidates_is_better(
    loads_rps: list[float], small_s: float, large_s: float
) -> None:
    load_s = {"small": small_s, "large": large_s}
    must = needed(loads_rps, load_s)
    ways = product({optimum(load) for load in must}, repeat=4)

    found = plan(situation(by_interval(*loads_rps), loading(small_s, large_s)))

    best = max(value(way, must, load_s) for way in ways)
    assert value(found, must, load_s) == pytest.approx(best)


def test_a_cold_start_that_does_not_pay_is_not_made() -> None:
    """A decision of `large` is worth 7, of two `small` 4; there costs 4 and back 1: worth it from two on."""
    one_calm = by_interval(14.0, 4.0, 4.0, 4.0, 14.0)
    two_calm = by_interval(14.0, 4.0, 4.0, 4.0, 4.0, 14.0)

    assert plan(situation(one_calm)) == [("small", 2)] * 5
    assert plan(situation(two_calm)) == [("small", 2), *[("large", 1)] * 2, *[("small", 2)] * 3]


def test_the_load_is_carried_from_when_it_comes_not_from_when_it_is_seen() -> None:
    """`small` needs 5 s, but whatever is asked for must bridge the slowest start: 30 s from the decision."""
    found = plan(situation(by_interval(4.0, 4.0, 4.0, 28.0)))

    assert found[1:] == [("small", 3)] * 3


def test_without_cold_starts_it_is_the_optimum_of_each_interval() -> None:
    loads_rps = (4.0, 14.0, 28.0, 4.0, 9.5)

    found = plan(situation(by_interval(*loads_rps), loading(0.0, 0.0)))

    assert found == [optimum(load) for load in loads_rps]


@pytest.mark.parametrize(
    ("changes", "chosen"),
    [
        pytest.param({}, large(2), id="as it is: 2 x 5 rps for 9"),
        pytest.param({"margins": Margins(headroom=1.2)}, large(3), id="with headroom: 10.8 rps"),
        pytest.param({"belief": Belief(capacity=(ONE_LEFT,))}, small(1), id="one replica left"),
        pytest.param({"running": small(1)}, small(1), id="a start that does not pay"),
        pytest.param({"future_rps": (19.0,) * 10}, small(2), id="another load"),
        pytest.param({"interval_s": 5.0}, large(2), id="another interval"),
    ],
)
def test_a_plan_is_of_what_it_was_asked_for_and_of_nothing_asked_before(
    changes: dict[str, Any], chosen: Configuration
) -> None:
    """Plans are kept and shared; cores are cheap here: ten points of accuracy are worth two."""
    spec = pipeline(
        stage("first", batches=[1], replicas={"min": 1, "max": 3}), objective={"alpha": 20.0, "beta": 1.0}
    )
    told = situation((9.0,) * 10, spec)
    Oracle().decide(told)

    assert Oracle().decide(replace(told, **changes)) == chosen


def test_where_cores_are_what_counts_fewer_are_better() -> None:
    spec = pipeline(stage("first", batches=[1]), objective={"minimise": "cost", "minAccuracy": 0.5})

    oracle = Oracle()
    oracle.decide(situation(by_interval(25.0, 4.0, 4.0, 4.0), spec))

    assert oracle.plan[-1] == small(1)


def test_what_is_asked_for_beside_what_runs_must_carry_the_load_until_others_can() -> None:
    told = situation(by_interval(4.0, 28.0))

    assert needed_rps(told) == [4.0, 28.0]
    assert needed_rps(replace(told, running=small(1))) == [28.0, 28.0]


def test_what_runs_is_where_the_way_begins() -> None:
    """With two decisions to go `large` gains 4 over `small`, which a start eats up."""
    told = situation(by_interval(4.0, 4.0))

    assert plan(told) == [("large", 1)] * 2
    assert plan(replace(told, running=small(1))) == [("small", 1)] * 2
    assert plan(replace(told, running=small(1), future_rps=by_interval(4.0, 4.0, 4.0))) == [("large", 1)] * 3


@pytest.mark.parametrize("future_rps", [None, ()])
def test_it_must_be_handed_the_future(future_rps: tuple[float, ...] | None) -> None:
    with pytest.raises(UsageError, match="the oracle decides by the true load"):
        Oracle().decide(replace(situation([1.0]), future_rps=future_rps))


def test_where_requests_may_wait_one_second_of_many_is_not_a_load() -> None:
    spike = (4.0,) * 14 + (94.0,) + (4.0,) * 15
    patient = pipeline(stage("first", batches=[1]), slo_s=5.0)

    assert needed_rps(situation(spike)) == [4.0, 94.0, 4.0]
    assert needed_rps(situation(spike, patient)) == [4.0, 13.0, 13.0]


def test_loads_are_rounded_up_and_never_down() -> None:
    assert needed_rps(situation([4.01] * 10)) == [4.25]


def test_what_nothing_carries_gets_the_most_there_is() -> None:
    found = plan(situation(by_interval(4.0, 4.0, 90.0, 29.0)))

    assert found[2] == ("small", 3)


def test_an_episode_that_falls_silent_is_planned() -> None:
    """At no load a batch never fills, so what was best in fours breaks the SLO: one by one goes."""
    spec = pipeline(stage("first", replicas={"min": 1, "max": MOST}))

    oracle = Oracle()
    first = oracle.decide(situation(by_interval(50.0, 0.0, 0.0, 0.0, 0.0), spec))

    assert first["first"].batch == 4
    assert [c["first"].batch for c in oracle.plan[1:]] == [1, 1, 1]


def test_another_belief_is_planned_for_anew() -> None:
    oracle, told = Oracle(), situation(by_interval(14.0, 28.0, 28.0, 28.0))
    running = oracle.decide(told)

    later = replace(
        told, future_rps=by_interval(4.0, 4.0, 4.0), running=running, belief=Belief(capacity=(ONE_LEFT,))
    )

    assert oracle.decide(later)["first"].replicas == 1


def test_a_decision_that_was_left_out_does_not_put_the_plan_behind_the_clock() -> None:
    """Without metrics nobody is asked: the next decision is the one of its own time."""
    told = situation(by_interval(4.0, 4.0, 28.0, 28.0, 4.0, 4.0), loading(0.0, 0.0))
    oracle = Oracle()
    running = oracle.decide(told)

    later = replace(told, future_rps=by_interval(28.0, 28.0, 4.0, 4.0), running=running)

    assert oracle.decide(later) == small(3)


def test_nobody_with_the_same_margins_and_the_same_clock_scores_more_on_a_load_that_steps() -> None:
    """In the twin, on even arrivals: what the plan knows is all there is to know."""
    trace = by_interval(*[4.0] * 4, *[14.0] * 4, *[24.0] * 3, *[4.0] * 9)
    told = ReplaySettings(options=TwinOptions(arrivals="exact", service="deterministic"))

    scores = {name: replay(SPEC, create(name), trace, seed=1, settings=told).score for name in names()}

    best = scores.pop("oracle")
    assert best is not None
    assert max(score for score in scores.values() if score is not None) <= best
