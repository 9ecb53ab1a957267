from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import InvalidDocument, UsageError
from evals.frames import Row, load, rows_of, trails_of, without_trails
from tests.evals.made_up import episode, paper_like, scored, write


def test_what_was_written_is_read(tmp_path: Path) -> None:
    episodes = [episode("video/bursty", "ilp", 3, extra='{"alarms": 2}', p99_s=None)]

    (row,) = load(write(tmp_path, episodes)).rows

    assert (row.policy, row.seed, row.extra, row.p99_s) == ("ilp", 3, {"alarms": 2}, None)


def test_a_run_of_0_episodes_is_a_failure(tmp_path: Path) -> None:
    schema = pa.Table.from_pylist([episode("video/bursty", "ilp", 0)]).schema
    pq.write_table(schema.empty_table(), tmp_path / "episodes.parquet")

    with pytest.raises(UsageError, match="0 episodes were executed"):
        load(tmp_path)


@pytest.mark.parametrize("column", sorted(Row.model_fields))
def test_a_column_that_is_missing_is_named(tmp_path: Path, column: str) -> None:
    row = episode("video/bursty", "ilp", 0)
    del row[column]

    with pytest.raises(InvalidDocument, match=f"no column '{column}'"):
        load(write(tmp_path, [row]))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        pytest.param("slo_attainment", 1.5, id="a share above 1"),
        pytest.param("score", float("nan"), id="a score that is no number"),
        pytest.param("requests", -1, id="a negative count"),
        pytest.param("extra", "{", id="broken JSON"),
    ],
)
def test_a_figure_that_cannot_be_is_refused(tmp_path: Path, column: str, value: object) -> None:
    with pytest.raises(InvalidDocument, match=column):
        load(write(tmp_path, [episode("video/bursty", "ilp", 0, **{column: value})]))


def test_an_episode_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    row = episode("video/bursty", "ilp", 0)

    with pytest.raises(InvalidDocument, match="'ilp' is there twice in 'video/bursty' with seed 0"):
        load(write(tmp_path, [row, row]))


def test_two_suites_in_one_folder_are_refused(tmp_path: Path) -> None:
    rows = [episode("a/b", "ilp", 0, suite="paper"), episode("c/d", "ilp", 0, suite="ours")]

    with pytest.raises(InvalidDocument, match="ours and paper"):
        load(write(tmp_path, rows))


def test_a_folder_without_results_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="give a folder that `trimtab evaluate` wrote"):
        load(tmp_path)


def test_episodes_that_others_in_the_cell_have_are_missed(tmp_path: Path) -> None:
    rows = [*scored("video/bursty", {"ilp": [1.0, 2.0], "ipa": [1.0]}), *scored("nlp/bursty", {"rim": [1.0]})]

    assert load(write(tmp_path, rows)).missing() == (("video/bursty", "ipa", 1),)


def test_series_are_read_by_scenario_and_policy_with_gaps_where_nothing_was_completed(tmp_path: Path) -> None:
    results = load(paper_like(tmp_path, pipelines=["video"], traces=["bursty"], seeds=1, seconds=20))

    trail = results.trails["video/bursty", "ilp"]
    assert len(results.trails) == len(results.policies)
    assert trail.second.tolist() == list(range(20))
    assert [second for second in range(20) if trail.latency_s[second] != trail.latency_s[second]] == [0]


def test_the_episodes_of_one_scenario_are_read_alone(tmp_path: Path) -> None:
    rows = [*scored("video/bursty", {"rim": [1.0], "ilp": [3.0, 2.0]}), *scored("nlp/bursty", {"ilp": [1.0]})]

    found = rows_of(write(tmp_path, rows), "video/bursty")

    assert [(row.policy, row.seed, row.score) for row in found] == [
        ("ilp", 0, 3.0),
        ("ilp", 1, 2.0),
        ("rim", 0, 1.0),
    ]


def test_the_series_that_are_asked_for_are_those_of_the_whole(tmp_path: Path) -> None:
    whole = load(paper_like(tmp_path, seeds=1, seconds=2000)).trails

    found = trails_of(tmp_path, "nlp/steady-low", ["ipa", "ilp", "nobody"])

    assert set(found) == {"ipa", "ilp"}
    for policy, trail in found.items():
        np.testing.assert_equal(asdict(trail), asdict(whole["nlp/steady-low", policy]))


def test_without_its_series_a_folder_has_all_else(tmp_path: Path) -> None:
    whole = load(paper_like(tmp_path, seeds=2, seconds=20))

    assert without_trails(tmp_path) == replace(whole, trails={})


def test_a_folder_without_series_has_none_of_anybody(tmp_path: Path) -> None:
    assert trails_of(tmp_path, "video/bursty", ["ilp"]) == {}


def test_a_series_that_lacks_a_column_or_is_damaged_is_named(tmp_path: Path) -> None:
    write(tmp_path, [], {"scenario": ["a"], "policy": ["b"]})

    with pytest.raises(InvalidDocument, match="no column 'second'"):
        trails_of(tmp_path, "a", ["b"])

    (tmp_path / "series.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(UsageError, match=r"cannot read .*series\.parquet"):
        trails_of(tmp_path, "a", ["b"])
