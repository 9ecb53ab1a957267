"""InferLine's plan keeps the SLO by formulas of the test's own, and none of its actions would save more."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines._planner import Plan, planned
from baselines._room import room_of
from core.configuration import Configuration
from core.pipeline import Pipeline
from core.prediction import longest_path, stage_loads
from tests.baselines.inferline import ALONE, ONE, situation
from tests.core.toys import SMALL, configuration, pipeline, stage, variant


def plan(spec: Pipeline, load_rps: float) -> Plan:
    return planned(spec, load_rps, room_of(situation(spec)))


def test_replicas_are_added_until_the_queue_keeps_the_slo() -> None:
    """15 rps, 0.1 s each, SLO 0.15 s: of four replicas 1 % wait 0.052 s or longer, of five 0.025 s."""
    spec = pipeline(stage("first", ALONE), slo_s=0.15)

    assert [_wait_s(15, 1, n, 10) < 0.05 for n in (4, 5)] == [False, True]
    assert plan(spec, 15.0).configuration == configuration(("first", "only", 1, 5))
    assert plan(spec, 15.0).utilisation == {"first": pytest.approx(0.3)}


def test_the_most_accurate_variant_that_alone_keeps_the_slo_is_run() -> None:
    assert plan(pipeline(stage("first", batches=[1])), 3.0).configuration["first"].variant == "large"
    fast = pipeline(stage("first", batches=[1]), slo_s=0.15)
    assert plan(fast, 3.0).configuration["first"].variant == "small"


def test_where_services_alone_break_the_slo_the_fastest_carry_the_load() -> None:
    impossible = pipeline(stage("first"), slo_s=0.05)

    assert plan(impossible, 25.0).configuration == configuration(("first", "small", 1, 3))


def test_larger_batches_are_used_where_they_save_replicas() -> None:
    """At 30 rps one by one takes at least four; in fours two, whose filling and service take 0.3 s."""
    spec = pipeline(stage("first", SMALL))

    assert plan(spec, 30.0).configuration == configuration(("first", "small", 4, 2))
    assert plan(pipeline(stage("first", SMALL), slo_s=0.25), 30.0).configuration["first"].batch == 1


@given(
    load_rps=st.floats(0.5, 30),
    slo_s=st.floats(0.35, 2),
    fan_out=st.sampled_from([0.5, 1.0, 2.0]),
    beside=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_a_plan_keeps_the_slo_and_no_action_saves_more(
    load_rps: float, slo_s: float, fan_out: float, *, beside: bool
) -> None:
    first = variant("a", 0.6, 1, (1, 0.1), (4, 0.2), fanOut=fan_out)
    second = stage("second", variant("b", 0.9, 2, (1, 0.2), (4, 0.5)), **({"after": []} if beside else {}))
    wide = {"min": 1, "max": 60}
    spec = pipeline(stage("first", first, replicas=wide), {**second, "replicas": wide}, slo_s=slo_s)

    chosen = plan(spec, load_rps).configuration

    counts = [s.replicas for s in chosen.stages]
    assert _latency_s(spec, chosen, load_rps) <= slo_s + 1e-9
    for fewer in ((1, 0), (0, 1)):
        rest = [n - less for n, less in zip(counts, fewer, strict=True)]
        if min(rest) >= 1:
            assert _latency_s(spec, _sized(chosen, rest), load_rps) > slo_s - 1e-9
    for one, other in ((0, 1), (1, 0)):
        setting = chosen.stages[one]
        for n in range(1, setting.replicas):
            wider = (setting.stage, setting.variant, 4, n)
            kept = chosen.stages[other]
            same = (kept.stage, kept.variant, kept.batch, kept.replicas)
            both = (wider, same) if one == 0 else (same, wider)
            assert _latency_s(spec, configuration(*both), load_rps) > slo_s - 1e-9


def _latency_s(spec: Pipeline, chosen: Configuration, load_rps: float) -> float:
    loads = stage_loads(spec, chosen, load_rps)
    points = {s.stage: spec.stage(s.stage).variant(s.variant).at(s.batch) for s in chosen.stages}
    return longest_path(
        spec,
        {
            name: point.latency_s
            + (point.batch - 1) / loads[name]
            + _wait_s(loads[name], point.batch, chosen[name].replicas, point.throughput_rps)
            for name, point in points.items()
        },
    )


def _wait_s(load_rps: float, batch: int, replicas: int, rate_rps: float) -> float:
    """Return the wait that 99 % stay below, by the formula in core/queueing's docstring."""
    used = load_rps / (replicas * rate_rps)
    if used >= 1:
        return math.inf
    probability = used ** (math.sqrt(2 * (replicas + 1)) - 1)
    mean_s = (1 / batch + 0.05) / 2 * (batch / rate_rps) / (replicas * (1 - used))
    return max(0.0, mean_s * math.log(probability / 0.01))


def _sized(chosen: Configuration, counts: Sequence[int]) -> Configuration:
    return configuration(
        *((s.stage, s.variant, s.batch, n) for s, n in zip(chosen.stages, counts, strict=True))
    )


def test_limits_take_from_the_stage_with_most_to_spare() -> None:
    """30 rps take four or more of each; of five cores one stage gets three, the other two."""
    spec = pipeline(stage("first", ALONE), stage("second", ALONE), limits={"maxCores": 5})
    bounded = pipeline(stage("first", ALONE, replicas={"min": 1, "max": 2}))

    assert sorted(s.replicas for s in plan(spec, 30.0).configuration.stages) == [2, 3]
    assert plan(bounded, 30.0) == Plan(configuration(("first", "only", 1, 2)), {"first": 1.0})


def test_nothing_planned_for_is_no_reason_to_fail() -> None:
    assert plan(ONE, 0.0) == Plan(configuration(("first", "only", 1, 1)), {"first": 1.0})
