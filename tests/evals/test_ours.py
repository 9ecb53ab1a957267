"""The `ours` suite: our own pipelines at three SLOs, on loads of their size."""

from __future__ import annotations

import pytest

from baselines.policy import create
from core.problem import Problem
from core.solution import Optimum
from core.solve import solve
from evals.ipa import TRACES
from evals.runner import comparisons
from evals.scenario import Scenario
from evals.suites import ours
from tests.core.toys import pipeline, stage
from tests.evals.ipafiles import written
from tools.cadence import margins_of


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> list[Scenario]:
    return [*ours.scenarios(tmp_path_factory.mktemp("empty"))]


@pytest.fixture(scope="module")
def with_traces(tmp_path_factory: pytest.TempPathFactory) -> list[Scenario]:
    return [*ours.scenarios(written(tmp_path_factory.mktemp("ipa")))]


def test_without_ipas_traces_every_pipeline_meets_the_generated_one_at_three_slos(
    generated: list[Scenario],
) -> None:
    assert len(generated) == len({one.name for one in generated}) == 12
    assert {one.group for one in generated} == {"generated"}
    assert {one.name.rpartition("/")[2] for one in generated} == {"tight", "normal", "loose"}
    assert {len(one.trace_rps) for one in generated} == {1200}


def test_with_them_it_meets_those_too(with_traces: list[Scenario]) -> None:
    assert len({one.name for one in with_traces}) == 12 * (1 + len(TRACES))


def test_the_slo_is_half_that_of_the_file_that_itself_and_twice_that(generated: list[Scenario]) -> None:
    by_pipeline: dict[str, list[float]] = {}
    for one in generated:
        by_pipeline.setdefault(one.pipeline.name, []).append(one.pipeline.slo.latency_s)

    assert len(by_pipeline) == 4
    for tight_s, normal_s, loose_s in by_pipeline.values():
        assert (2 * tight_s, normal_s, loose_s / 2) == pytest.approx((normal_s,) * 3)


def test_accuracy_is_that_of_the_measured_joint_table(generated: list[Scenario]) -> None:
    assert {one.pipeline.accuracy for one in generated} == {"measured"}


def test_all_traces_of_a_pipeline_have_its_peak_and_the_shape_they_had(with_traces: list[Scenario]) -> None:
    for one in with_traces:
        peak_rps = ours.PEAK_RPS[one.pipeline.name.replace("-", "_")]
        assert max(one.trace_rps) == pytest.approx(peak_rps)
        if one.group == "bursty":
            assert one.trace_rps == pytest.approx([peak_rps / 3] * 20 + [peak_rps] * 10 + [peak_rps / 3] * 10)


def test_scaling_keeps_the_shape() -> None:
    assert ours.scaled([1.0, 4.0, 2.0], 10.0) == (2.5, 10.0, 5.0)


def test_another_slo_changes_nothing_else() -> None:
    spec = pipeline(stage("first"), slo_s=1.0)

    assert spec.with_slo(0.5) == pipeline(stage("first"), slo_s=0.5)


def test_the_peak_of_every_cell_can_be_carried(generated: list[Scenario]) -> None:
    """Else a policy that is sized for it has nothing to run."""
    for one in generated:
        spec = one.pipeline
        found = solve(Problem.of(spec, max(one.trace_rps), margins=margins_of(spec)))
        assert isinstance(found, Optimum), one.name


def test_everybody_can_be_made_for_every_pipeline(generated: list[Scenario]) -> None:
    everyone = ours.entrants()
    assert len(everyone) == len({one.label for one in everyone})

    for cell in generated:
        for one in everyone:
            create(one.policy, one.parameters_for(cell.pipeline))


def test_tasks_are_every_cell_under_every_seed_and_the_lowest_is_kept_by_the_second(
    generated: list[Scenario],
) -> None:
    tasks = comparisons(generated, ours.entrants(), (0, 1))

    assert len(tasks) == 24
    assert {task.seed for task in tasks if task.series} == {0}
