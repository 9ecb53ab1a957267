"""The reduction by hand: how many replicas are considered, and how many loads a stage may see."""

from __future__ import annotations

import pytest

from core.errors import UsageError
from core.ilp import optimum
from core.options import MAX_LEVELS, all_options
from core.problem import Margins, Problem, VariantName
from tests.core.toys import SMALL, configuration, pipeline, stage, variant


def test_each_pair_gets_the_fewest_sufficient_replicas() -> None:
    (found,) = all_options(Problem.of(pipeline(), 40.0))

    rows = [found.setting(k) for k in range(len(found.options))]
    assert [(r.variant, r.batch, r.replicas) for r in rows] == [
        ("large", 1, 8),
        ("large", 4, 5),
        ("small", 1, 4),
        ("small", 4, 2),
    ]


@pytest.mark.parametrize(("load_rps", "replicas"), [(20.0, 2), (20.0 * (1 + 1e-12), 2), (20.001, 3)])
def test_a_capacity_met_exactly_is_enough(load_rps: float, replicas: int) -> None:
    (found,) = all_options(Problem.of(pipeline(stage("first", SMALL, batches=[1])), load_rps))

    assert found.options.replicas.tolist() == [replicas]


def test_under_a_wait_counts_go_up_to_the_first_at_which_nothing_waits() -> None:
    """At 5 of 10 rps the chance to wait is 0.5, then 0.25 ** 1.449 = 0.13, then 0.17 ** 1.83 = 0.04."""
    one_by_one = pipeline(stage("first", SMALL, batches=[1]), slo_s=0.1)
    problem = Problem.of(one_by_one, 5.0, margins=Margins(wait_quantile=0.9))

    (found,) = all_options(problem)
    best = optimum(problem)

    assert found.options.replicas.tolist() == [1, 2, 3]
    assert found.options.latency_s[2] == pytest.approx(0.1)
    assert best is not None
    assert best.configuration == configuration(("first", "small", 1, 3))


def test_a_batch_that_never_fills_is_no_option() -> None:
    (found,) = all_options(Problem.of(pipeline(), 0.0))

    assert set(found.options.batch.tolist()) == {1}


def test_loads_below_what_every_path_brings_are_no_levels() -> None:
    thin = variant("thin", 0.5, 1, (1, 0.1), fanOut=0.5)
    problem = Problem.of(
        pipeline(
            stage("wide", after=[]),
            stage("narrow", SMALL, thin, after=[]),
            stage("join", after=["wide", "narrow"]),
        ),
        10.0,
    )

    assert all_options(problem)[2].levels_rps.tolist() == [10.0]


def test_an_excluded_variant_brings_no_load() -> None:
    many = variant("many", 0.5, 1, (1, 0.1), fanOut=3.0)
    chain = pipeline(stage("first", SMALL, many), stage("second"))

    every = all_options(Problem.of(chain, 10.0))[1]
    without = all_options(Problem.of(chain, 10.0, excluded=(VariantName(stage="first", variant="many"),)))[1]

    assert every.levels_rps.tolist() == pytest.approx([10, 30])
    assert without.levels_rps.tolist() == [10]


def test_a_stage_that_does_not_run_yet_starts_cold() -> None:
    """One small replica takes 1 core for 5 s."""
    chain = pipeline(stage("first", SMALL, batches=[1]), stage("second", SMALL, batches=[1]))
    running = configuration(("first", "small", 1, 1))

    first, second = all_options(Problem.of(chain, 10.0, running=running))

    assert (first.options.switching.tolist(), first.options.changed.tolist()) == ([0], [0])
    assert (second.options.switching.tolist(), second.options.changed.tolist()) == ([5], [1])


def test_paths_side_by_side_do_not_add_up() -> None:
    """Two stages of 0.1 s beside each other and one after both take 0.2 s, not 0.3 s."""
    joined = pipeline(
        stage("left", after=[]), stage("right", after=[]), stage("join", after=["left", "right"]), slo_s=0.2
    )

    best = optimum(Problem.of(joined, 10.0))

    assert best is not None
    assert best.prediction.latency_s == pytest.approx(0.2)


def test_too_many_loads_are_refused_with_the_way_out() -> None:
    chain = [
        stage(
            f"s{k}",
            *(variant(f"v{i}", 0.5, 1, (1, 0.01), fanOut=1 + 0.01 * i + 0.0007 * k * i) for i in range(14)),
        )
        for k in range(4)
    ]

    with pytest.raises(
        UsageError, match=rf"may see \d+ different loads .* at most {MAX_LEVELS} .* Round the"
    ):
        all_options(Problem.of(pipeline(*chain), 10.0))
