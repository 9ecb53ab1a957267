"""The `paper` suite: twenty cells, everybody on all of them, each with what its authors published for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from baselines.policy import create
from core.errors import UsageError
from evals.episode import play
from evals.ipa import DATA, NAMES, TRACES, setup, trace
from evals.runner import comparisons
from evals.scenario import Entrant, Scenario
from evals.suites import paper
from tests.evals.ipafiles import written


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("ipa"))


def by_label(data: Path) -> dict[str, Entrant]:
    return {one.label: one for one in paper.entrants(data)}


def cells(data: Path, **options: Any) -> dict[str, Scenario]:  # noqa: ANN401
    return {one.name: one for one in paper.scenarios(data, **options)}


def test_every_pipeline_meets_every_trace(data: Path) -> None:
    found = cells(data)

    assert [*found] == [f"{name}/{pattern}" for name in NAMES for pattern in TRACES]
    assert {one.suite for one in found.values()} == {"paper"}
    one = found["nlp/steady-high"]
    assert (one.group, one.pipeline, one.trace_rps) == (
        "steady-high",
        setup("nlp", data).measured(),
        trace("steady-high", data),
    )


def test_by_ranks_the_cells_are_the_same_and_the_objective_is_ipas(data: Path) -> None:
    ranked = cells(data, accuracy="ranks")

    assert [*ranked] == [*cells(data)]
    assert ranked["video/bursty"].pipeline == setup("video", data).ranked()


def test_nobody_is_there_twice_and_ours_comes_first(data: Path) -> None:
    labels = [one.label for one in paper.entrants(data)]

    assert len(labels) == len(set(labels))
    assert labels[0] == "ilp"
    assert {"oracle", "oracle-warm", "ipa", "ipa-own", "rim", *paper.RIVALS} <= set(labels)


def test_only_the_limit_that_no_cluster_reaches_has_no_cold_starts(data: Path) -> None:
    assert [one.label for one in paper.entrants(data) if not one.cold_starts] == ["oracle-warm"]


@pytest.mark.parametrize("label", ["ipa", "ipa-own", "rim"])
def test_ipa_gets_the_batch_cap_and_the_margin_of_its_own_runs(data: Path, label: str) -> None:
    given = by_label(data)[label].parameters_for(setup("sum-qa", data).measured())

    assert (given["batch_cap"], given["margin"]) == (1, 0.2)


def test_rim_gets_the_replicas_of_its_own_runs_by_stage(data: Path) -> None:
    rim = by_label(data)["rim"]

    assert rim.parameters_for(setup("nlp", data).measured())["replicas"] == {
        "zeroth": 4, "first": 15, "second": 8,
    }  # fmt: skip
    assert rim.parameters_for(setup("audio-qa", data).measured())["replicas"] == {"first": 27, "second": 6}


def test_everybody_can_be_made_for_every_pipeline(data: Path) -> None:
    for name in NAMES:
        pipeline = setup(name, data).measured()
        for one in paper.entrants(data):
            create(one.policy, one.parameters_for(pipeline))


@pytest.mark.parametrize("name", ["video/bursty", "nlp/steady-high"])
def test_everybody_plays_on_the_same_requests(data: Path, name: str) -> None:
    everyone = paper.entrants(data)

    rows = [played.row for played in play(cells(data)[name], everyone, 0, series=False)]

    assert [row.policy for row in rows] == [one.label for one in everyone]
    assert len({row.requests for row in rows}) == 1
    assert all(row.score is not None and row.decisions == 4 for row in rows)


def test_tasks_are_every_cell_under_every_seed_and_the_lowest_is_kept_by_the_second(data: Path) -> None:
    chosen = [*cells(data).values()][:2]

    tasks = comparisons(chosen, paper.entrants(data)[:3], range(4, 6))

    assert [(task.scenario.name, task.seed, task.series) for task in tasks] == [
        (chosen[0].name, 4, True),
        (chosen[1].name, 4, True),
        (chosen[0].name, 5, False),
        (chosen[1].name, 5, False),
    ]
    assert {len(task.entrants) for task in tasks} == {3}


def test_without_ipas_data_it_says_how_to_name_their_place(tmp_path: Path) -> None:
    for asked in (lambda: [*paper.scenarios(tmp_path)], lambda: paper.entrants(tmp_path)):
        with pytest.raises(UsageError, match="--data FOLDER"):
            asked()


@pytest.mark.skipif(not DATA.is_dir(), reason="IPA's figures (../shared/data/ipa) are not here")
def test_with_ipas_data_there_are_twenty_cells_of_twenty_minutes() -> None:
    found = cells(DATA)

    assert len(found) == 20
    assert {len(one.trace_rps) for one in found.values()} == {1200}
    rim = by_label(DATA)["rim"]
    for one in found.values():
        create("rim", rim.parameters_for(one.pipeline))
    assert rim.parameters_for(found["video/bursty"].pipeline) == {
        "batch_cap": 8, "margin": 0.0, "replicas": {"crop": 3, "classification": 3},
    }  # fmt: skip
