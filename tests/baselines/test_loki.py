"""Loki: the most accurate that fits its cluster, held against a search that shares no code with it.

At the toy stage `small` (0.6) serves 10 a second one by one and 20 in fours (0.1 s, 0.2 s) on one core, and
`large` (0.9) 5 and 8 (0.2 s, 0.5 s) on two. Services may take half of the SLO of one second.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.loki import planned_cores
from baselines.policy import Policy, Situation, create
from core.configuration import Configuration
from core.forecast import Forecast
from core.observation import Observation
from core.pipeline import Pipeline
from core.prediction import longest_path, stage_loads
from tests.core.toys import configuration, pipeline, stage, variant

ONE = pipeline(stage("first"))


def situation(
    upper_rps: float,
    *,
    loads_rps: tuple[float | None, ...] | None = None,
    spec: Pipeline = ONE,
    planned_rps: float = 15.0,
) -> Situation:
    observation = None
    if loads_rps is not None:
        observation = Observation(
            time_s=10.0,
            interval_s=10.0,
            loads_rps=loads_rps,
            latency_s=None,
            in_time=None,
            dropped_rps=None,
            accuracy=None,
        )
    forecast = Forecast(point_rps=0, upper_rps=upper_rps, quantile=0.9, horizon_s=30, method="told")
    return Situation(spec, forecast, observation, None, planned_rps=planned_rps)


def loki(cores: float, **parameters: Any) -> Policy:  # noqa: ANN401
    return create("loki", {"cluster_cores": cores, "beta": 1.0, **parameters})


@pytest.mark.parametrize(
    ("load_rps", "chosen"),
    [
        pytest.param(5.0, ("large", 1, 1), id="hardware scaling: one large"),
        pytest.param(8.0, ("large", 4, 1), id="in fours it carries eight"),
        pytest.param(16.0, ("large", 4, 2), id="two of them sixteen, on four cores"),
        pytest.param(16.1, ("small", 4, 1), id="accuracy scaling: nothing accurate fits five cores"),
        pytest.param(20.1, ("small", 4, 2), id="and no more cores than it takes"),
        pytest.param(100.0, ("small", 4, 5), id="the most that five cores carry"),
        pytest.param(140.0, ("small", 4, 5), id="and the same where they do not suffice"),
    ],
)
def test_hardware_first_then_accuracy_then_the_largest_share(
    load_rps: float, chosen: tuple[str, int, int]
) -> None:
    assert loki(5.0).decide(situation(load_rps)) == configuration(("first", *chosen))


def test_of_equal_choices_the_faster_batch_is_taken() -> None:
    assert loki(1.0).decide(situation(10.0)) == configuration(("first", "small", 1, 1))


def test_services_may_take_half_of_the_slo() -> None:
    """With 0.9 s a four of `large` (0.5 s) is too slow: 8 rps then take two of them, one by one."""
    spec = pipeline(stage("first"), slo_s=0.9)

    assert loki(5.0).decide(situation(8.0, spec=spec)) == configuration(("first", "large", 1, 2))


def test_where_nothing_takes_half_of_the_slo_the_fastest_serve() -> None:
    spec = pipeline(stage("first"), slo_s=0.15)

    assert loki(5.0).decide(situation(8.0, spec=spec)) == configuration(("first", "small", 1, 1))


def test_a_lighter_variant_above_leaves_more_to_the_stage_below() -> None:
    """At 4 rps `rich` sends 20 on, which takes nine cores; `poor` sends 4, and `large` can stay below."""
    rich = variant("rich", 0.9, 1, (1, 0.1), fanOut=5.0)
    poor = variant("poor", 0.8, 1, (1, 0.1), fanOut=1.0)
    spec = pipeline(stage("first", rich, poor), stage("second", batches=[1]), slo_s=2.0)

    assert loki(9.0).decide(situation(4.0, spec=spec)) == configuration(
        ("first", "rich", 1, 1), ("second", "large", 1, 4)
    )
    assert loki(8.0).decide(situation(4.0, spec=spec)) == configuration(
        ("first", "poor", 1, 1), ("second", "large", 1, 1)
    )


def _fanned(poor: float) -> Any:  # noqa: ANN401
    return stage(
        "first",
        variant("small", 0.6, 1, (1, 0.1), (4, 0.2), fanOut=poor),
        variant("large", 0.9, 2, (1, 0.2), (4, 0.5), fanOut=2.0),
        replicas={"min": 1, "max": 4},
    )


@given(
    load_rps=st.floats(0.5, 40),
    cores=st.integers(1, 14),
    slo_s=st.sampled_from([0.3, 0.8, 1.4, 3.0]),
    poor=st.sampled_from([0.5, 1.0, 3.0]),
    mode=st.sampled_from(["product", "sum"]),
    beside=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_no_configuration_is_better(
    load_rps: float, cores: int, slo_s: float, poor: float, mode: str, *, beside: bool
) -> None:
    second = stage("second", replicas={"min": 1, "max": 4}, **({"after": []} if beside else {}))
    spec = pipeline(_fanned(poor), second, slo_s=slo_s, accuracy=mode, limits={"maxCores": 14})
    keys = [key for c in _everything(spec, 4) if (key := _key(spec, c, load_rps, cores)) is not None]

    chosen = loki(cores).decide(situation(load_rps, spec=spec))

    if keys:
        assert _key(spec, chosen, load_rps, cores) == pytest.approx(max(keys))
    else:
        assert all(s.replicas >= 1 for s in chosen.stages)


def _everything(spec: Pipeline, most: int) -> list[Configuration]:
    settings = [
        [(s.name, v.name, b, n) for v in s.variants for b in v.points for n in range(1, most + 1)]
        for s in spec.stages
    ]
    return [configuration(*choice) for choice in itertools.product(*settings)]


def _key(
    spec: Pipeline, chosen: Configuration, load_rps: float, cores: float
) -> tuple[float, float, float] | None:
    """Return (share served, accuracy, -cores) of what keeps the deadline and fits the cluster."""
    points = {s.stage: spec.stage(s.stage).variant(s.variant).at(s.batch) for s in chosen.stages}
    fastest_s = longest_path(spec, {s.name: min(v.at(1).latency_s for v in s.variants) for s in spec.stages})
    latency_s = longest_path(spec, {name: point.latency_s for name, point in points.items()})
    if latency_s > max(spec.slo.latency_s / 2, fastest_s) + 1e-9 or chosen.cores(spec) > cores + 1e-9:
        return None
    loads = stage_loads(spec, chosen, load_rps)
    served = min(chosen[n].replicas * points[n].throughput_rps / loads[n] for n in points)
    return round(min(1.0, served), 9), chosen.accuracy(spec) or 0.0, -chosen.cores(spec)


@pytest.mark.parametrize(
    ("loads_rps", "demand_rps"),
    [
        pytest.param((10.0,), 10.0, id="the first sample"),
        pytest.param((10.0, 35.9), 19.9, id="10 + 25.9 / 2.6"),
        pytest.param((10.0, None, 35.9), 19.9, id="a missing sample says nothing"),
    ],
)
def test_the_demand_is_a_weighted_mean(loads_rps: tuple[float | None, ...], demand_rps: float) -> None:
    """One by one `small` carries ten a replica."""
    spec = pipeline(stage("first", variant("small", 0.6, 1, (1, 0.1))))

    chosen = loki(10.0, beta=1.0).decide(situation(99.0, loads_rps=loads_rps, spec=spec))

    assert chosen["first"].replicas == math.ceil(demand_rps / 10)


def test_demand_is_over_provided_for_and_never_below_the_floor() -> None:
    spec = pipeline(stage("first", variant("small", 0.6, 1, (1, 0.1))))

    def replicas(load_rps: float, **parameters: float) -> int:
        policy = create("loki", {"cluster_cores": 10.0, **parameters})
        return policy.decide(situation(99.0, loads_rps=(load_rps,), spec=spec))["first"].replicas

    assert [replicas(9.5), replicas(9.6)] == [1, 2]
    assert replicas(0.0) == 1
    assert replicas(0.0, least_rps=50.0, beta=1.0) == 5


def test_the_shared_forecast_may_be_used_instead() -> None:
    policy = loki(10.0, predictor="shared")

    assert policy.decide(situation(60.0, loads_rps=(1.0,))) == configuration(("first", "small", 4, 3))


def test_the_cluster_is_what_the_optimum_needs_at_the_planned_peak() -> None:
    """At 15 rps that is one `small` in fours; where nothing is feasible, what the pipeline may use."""
    limited = pipeline(stage("first"), limits={"maxCores": 7})

    assert planned_cores(situation(1.0, planned_rps=15.0)) == 1.0
    assert planned_cores(situation(1.0, planned_rps=500.0, spec=limited)) == 7.0
    assert planned_cores(situation(1.0, planned_rps=500.0)) == math.inf
    assert create("loki").decide(situation(5.0)) == configuration(("first", "small", 1, 1))


def test_the_limits_of_the_pipeline_hold_in_a_larger_cluster() -> None:
    limited = pipeline(stage("first", maxCores=3), limits={"maxCores": 7})

    assert loki(50.0).decide(situation(100.0, spec=limited)) == configuration(("first", "small", 4, 3))
    in_all = pipeline(stage("first"), limits={"maxCores": 4})
    assert loki(50.0).decide(situation(100.0, spec=in_all)) == configuration(("first", "small", 4, 4))


def test_where_the_cluster_cannot_hold_the_least_the_lightest_serve() -> None:
    spec = pipeline(stage("first", replicas={"min": 2, "max": 4}))

    assert loki(1.0).decide(situation(15.0, spec=spec)) == configuration(("first", "small", 1, 2))


def test_no_load_takes_the_least_of_the_most_accurate() -> None:
    assert loki(5.0).decide(situation(0.0)) == configuration(("first", "large", 1, 1))
    assert loki(1.0).decide(situation(0.0)) == configuration(("first", "small", 1, 1))
