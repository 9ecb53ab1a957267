"""What the model expects of a configuration, with numbers worked out by hand."""

from __future__ import annotations

import math

import pytest

from core.belief import AccuracyFactor, Belief, Evidence, LatencyFactor
from core.errors import UsageError
from core.ilp import optimum
from core.pipeline import Variant
from core.prediction import believed_accuracy, filling_s, longest_path, predict, stage_loads
from core.problem import Margins, Problem
from tests.core.toys import LARGE, SMALL, configuration, pipeline, stage, variant

EVIDENCE = Evidence(statement="measured", low=0.1, high=3.0, since_s=0.0)
CROPS = variant("crops", 0.5, 1, (1, 0.1), (4, 0.2), fanOut=3.0)
DIAMOND = pipeline(
    stage("detect", CROPS),
    stage("read", after=["detect"]),
    stage("sort", after=[{"stage": "detect", "fanOut": 0.5}]),
    stage("join", after=["read", "sort"]),
)
"""One image brings 3 crops to be read, 1.5 to be sorted, and 3 to be joined."""
RUNS = configuration(
    ("detect", "crops", 1, 2), ("read", "small", 4, 3), ("sort", "large", 1, 4), ("join", "small", 1, 5)
)


def test_loads_multiply_by_fan_outs_and_a_join_takes_the_largest() -> None:
    loads = stage_loads(DIAMOND, RUNS, 10.0)

    assert loads == {"detect": 10.0, "read": 30.0, "sort": 15.0, "join": 30.0}


def test_every_figure_of_a_diamond() -> None:
    expected = predict(Problem.of(DIAMOND, 10.0), RUNS)

    # read: 0.2 s for a batch of four and 3 / 30 s to fill it; sort: 0.2 s; the longer path is by read
    latencies = {s.stage: s.latency_s for s in expected.stages}
    assert latencies == pytest.approx({"detect": 0.1, "read": 0.3, "sort": 0.2, "join": 0.1})
    assert expected.latency_s == pytest.approx(0.1 + 0.3 + 0.1)
    capacities = {s.stage: s.capacity_rps for s in expected.stages}
    assert capacities == pytest.approx({"detect": 20, "read": 60, "sort": 20, "join": 50})
    assert {s.stage: s.cores for s in expected.stages} == {"detect": 2, "read": 3, "sort": 8, "join": 5}
    assert expected.cores == 18
    assert expected.accuracy == pytest.approx(0.5 * 0.6 * 0.9 * 0.6)
    assert expected.switching == 0
    assert expected.objective == pytest.approx(10 * 0.162 - 18)


def test_the_sum_of_accuracies() -> None:
    problem = Problem.of(pipeline(stage("a"), stage("b"), accuracy="sum"), 5.0)

    assert believed_accuracy(problem, ("small", "large")) == pytest.approx(1.5)


def test_the_joint_table_and_what_it_does_not_hold() -> None:
    table = [{"variants": ["small", "large"], "accuracy": 0.7}]
    problem = Problem.of(
        pipeline(stage("a"), stage("b"), accuracy="measured", accuracyTable=table),
        5.0,
        belief=Belief(accuracy=(AccuracyFactor(stage="b", variant="large", factor=0.5, evidence=EVIDENCE),)),
    )

    unknown = predict(problem, configuration(("a", "large", 1, 1), ("b", "large", 1, 1)))

    assert believed_accuracy(problem, ("small", "large")) == pytest.approx(0.35)
    assert unknown.accuracy is None
    assert unknown.objective is None


def test_a_belief_slows_service_and_capacity_but_not_filling() -> None:
    slower = LatencyFactor(stage="first", variant="small", factor=1.5, evidence=EVIDENCE)
    problem = Problem.of(pipeline(), 10.0, belief=Belief(latency=(slower,)))

    expected = predict(problem, configuration(("first", "small", 4, 2)))

    assert expected.latency_s == pytest.approx(0.2 * 1.5 + 3 / 10)
    assert expected.stages[0].capacity_rps == pytest.approx(40 / 1.5)


def test_a_measured_throughput_counts_before_batch_over_latency() -> None:
    measured = variant("measured", 0.5, 1, (4, 0.2, 25.0))
    problem = Problem.of(pipeline(stage("first", measured)), 10.0)

    assert predict(problem, configuration(("first", "measured", 4, 2))).stages[0].capacity_rps == 50


def test_a_wait_is_added_where_a_margin_asks_for_it() -> None:
    # one replica of 10 rps at 5 rps, coefficient 0.05: (1 + 0.05) / 2 * 0.1 / 0.5 * ln(0.5 / 0.01)
    problem = Problem.of(pipeline(), 5.0, margins=Margins(wait_quantile=0.99))

    expected = predict(problem, configuration(("first", "small", 1, 1)))

    assert expected.latency_s == pytest.approx(0.1 + 0.105 * math.log(50))


def test_cold_starts_are_charged_against_what_runs() -> None:
    running = configuration(("first", "small", 1, 2), ("second", "large", 1, 1))
    problem = Problem.of(
        pipeline(
            stage("first"), stage("second"), objective={"alpha": 10.0, "beta": 1.0, "delta": 0.1, "rho": 0.01}
        ),
        10.0,
        running=running,
    )

    expected = predict(problem, configuration(("first", "small", 4, 5), ("second", "small", 1, 3)))

    # three more small at first, three new small at second: 6 * 1 core * 5 s; batches 4 + 1
    assert expected.switching == 30
    assert expected.objective == pytest.approx(10 * 0.36 - 8 - 0.1 * 5 - 0.01 * 30)


def test_fewer_replicas_and_other_batches_start_nothing() -> None:
    running = configuration(("first", "small", 1, 5))
    problem = Problem.of(pipeline(), 10.0, running=running)

    assert predict(problem, configuration(("first", "small", 4, 3))).switching == 0


@pytest.mark.parametrize(
    ("batch", "load_rps", "seconds"),
    [(1, 0, 0.0), (1, 9, 0.0), (4, 30, 0.1), (8, 3.5, 2.0), (2, 0, math.inf)],
)
def test_the_first_of_a_batch_waits_for_the_last(batch: int, load_rps: float, seconds: float) -> None:
    assert filling_s(batch, load_rps) == pytest.approx(seconds)


def test_the_longest_path_ends_wherever_it_ends() -> None:
    forked = pipeline(stage("a"), stage("b", after=["a"]), stage("c", after=["a"]), stage("d", after=[]))

    assert longest_path(forked, {"a": 1, "b": 2, "c": 5, "d": 3}) == 6
    assert longest_path(forked, {"a": 1, "b": 2, "c": 3, "d": 9}) == 9


def test_between_measured_points_a_line_is_drawn() -> None:
    small = Variant.model_validate(SMALL)

    # a third of the way from (1, 0.1 s, 10 rps) to (4, 0.2 s, 20 rps)
    between = small.interpolated(2)
    assert between.latency_s == pytest.approx(0.1 + 0.1 / 3)
    assert between.throughput_rps == pytest.approx(10 + 10 / 3)
    assert between.median_s is None
    assert small.interpolated(4) is small.at(4)


@pytest.mark.parametrize("batch", [1, 5, 100])
def test_outside_the_measured_range_nothing_is_guessed(batch: int) -> None:
    narrow = Variant.model_validate(variant("narrow", 0.5, 1, (2, 0.1), (4, 0.2)))

    with pytest.raises(
        UsageError, match=rf"batch {batch} lies outside the measured range 2\.\.4 of .*'narrow'"
    ):
        narrow.interpolated(batch)


def test_the_solver_and_the_check_use_no_interpolated_point() -> None:
    # at batch 2 (0.133 s, 0.04 s to fill, 13.3 rps) two replicas would do, but it was not measured
    problem = Problem.of(pipeline(slo_s=0.21), 25.0)
    best = optimum(problem)

    assert best is not None
    assert best.configuration == configuration(("first", "small", 1, 3))
    with pytest.raises(UsageError, match=r"'small' is not offered at batch 2; measured and allowed: 1, 4"):
        predict(problem, configuration(("first", "small", 2, 2)))


def test_an_unmeasured_batch_is_named_with_the_measured_ones() -> None:
    with pytest.raises(UsageError, match="variant 'large' was not measured at batch 3, only 1, 4"):
        Variant.model_validate(LARGE).at(3)
