"""The embedded cluster: it is watched through scrapes only, and remembers what it was asked for."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from core.configuration import Configuration
from core.errors import ActuationFailed, MetricsUnavailable, UsageError
from core.problem import Problem
from core.verify import Approved, approve
from simulator.faults import Fault, MetricOutage, ReplicaCrash
from simulator.scrape import Scrape
from tests.core.toys import configuration, pipeline, stage
from tests.pipelines.left import LEFT
from tools.embedded import EmbeddedCluster
from tools.observe import observed
from tools.ports import Desired

SPEC = pipeline(stage("first"))
TRACE = (12.0,) * 120


def small(replicas: int) -> Configuration:
    return configuration(("first", "small", 1, replicas))


def approved(wanted: Configuration) -> Approved:
    found = approve(Problem.of(SPEC, 12.0), wanted)
    assert isinstance(found, Approved)
    return found


def started(folder: Path, *faults: Fault, **fields: Any) -> EmbeddedCluster:  # noqa: ANN401 - any argument
    arguments: dict[str, Any] = {
        "pipeline": SPEC,
        "initial": small(2),
        "trace_rps": TRACE,
        "initial_rps": 12.0,
        "seed": 1,
        "memory": folder / "cluster.json",
        "faults": faults,
    }
    return EmbeddedCluster(**(arguments | fields))


def test_an_observation_is_what_the_scrapes_of_the_interval_show(tmp_path: Path) -> None:
    """A second cluster of the same seed is asked for nothing but its scrapes."""
    cluster, other = started(tmp_path / "a", memory=tmp_path / "a"), started(tmp_path, memory=tmp_path / "b")
    scrapes: list[Scrape] = [other.twin.scrape()]
    for _ in range(10):
        other.twin.step(other.twin.now_s + 1.0)
        scrapes.append(other.twin.scrape())
    loads = [b.requests_total - a.requests_total for a, b in pairwise(scrapes)]

    cluster.pass_time(10)

    assert cluster.samples() == loads
    assert cluster.observe() == observed(SPEC, scrapes[0], scrapes[-1], loads)


def test_intervals_follow_each_other_without_a_gap(tmp_path: Path) -> None:
    cluster, total = started(tmp_path), 0.0

    for _ in range(3):
        cluster.pass_time(10)
        observation = cluster.observe()
        assert observation.interval_s == 10.0
        total += sum(load or 0.0 for load in cluster.samples())

    assert total == cluster.twin.report().requests


def test_what_the_metrics_do_not_show_is_not_known(tmp_path: Path) -> None:
    """Both replicas die in the outage; the truth has it, the observation must not."""
    faults = (
        MetricOutage(start_s=5.0, end_s=15.0),
        ReplicaCrash(stage="first", start_s=6.0, replicas=2, restarts=False),
    )
    cluster = started(tmp_path, *faults)

    cluster.pass_time(10)

    with pytest.raises(MetricsUnavailable, match="no metrics at 10 s"):
        cluster.observe()
    assert [load is None for load in cluster.samples()] == [False] * 4 + [True] * 6
    cluster.pass_time(10)
    with pytest.raises(MetricsUnavailable, match="no metrics at 20 s"):
        cluster.observe()
    cluster.pass_time(10)
    assert cluster.observe().stages[0].ready == 0


def test_an_applied_change_begins_to_roll_out(tmp_path: Path) -> None:
    cluster = started(tmp_path)

    cluster.apply("d1", approved(small(4)), 30.0)

    assert cluster.desired() == Desired(change="d1", configuration=small(4), load_rps=30.0)
    assert cluster.twin.scrape().replicas == {("first", "small"): 4.0}
    assert cluster.twin.scrape().ready_replicas == {("first", "small"): 2.0}
    cluster.pass_time(5)
    assert cluster.twin.scrape().ready_replicas == {("first", "small"): 4.0}


def test_applying_the_same_change_again_changes_nothing(tmp_path: Path) -> None:
    cluster = started(tmp_path)
    cluster.apply("d1", approved(small(4)), 30.0)
    before = (tmp_path / "cluster.json").stat().st_mtime_ns
    cluster.pass_time(2)

    cluster.apply("d1", approved(small(4)), 30.0)

    assert (tmp_path / "cluster.json").stat().st_mtime_ns == before
    assert cluster.twin.report().replica_starts == 2


def test_a_restarted_controller_finds_what_was_applied_and_under_which_id(tmp_path: Path) -> None:
    started(tmp_path).apply("d1", approved(small(4)), 30.0)

    again = started(tmp_path, initial=small(9))

    assert again.desired() == Desired(change="d1", configuration=small(4), load_rps=30.0)
    assert again.twin.scrape().ready_replicas == {("first", "small"): 4.0}


def test_what_cannot_be_remembered_is_not_applied(tmp_path: Path) -> None:
    cluster = started(tmp_path)
    (tmp_path / "cluster.json").unlink()
    (tmp_path / "cluster.json").mkdir()

    with pytest.raises(ActuationFailed, match=r"cluster\.json: cannot be written: Is a directory"):
        cluster.apply("d1", approved(small(4)), 30.0)

    assert cluster.desired().change == "initial"
    assert cluster.twin.scrape().replicas == {("first", "small"): 2.0}


def test_a_crash_while_remembering_leaves_the_old_state(tmp_path: Path) -> None:
    started(tmp_path).apply("d1", approved(small(4)), 30.0)
    (tmp_path / LEFT).write_text('{"change": "d2", "configu')

    assert started(tmp_path).desired().change == "d1"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("{", id="cut off"),
        pytest.param('{"change": "d1"}', id="incomplete"),
        pytest.param(
            Desired(
                change="d1", configuration=configuration(("other", "small", 1, 1)), load_rps=1.0
            ).model_dump_json(),
            id="another pipeline",
        ),
    ],
)
def test_a_memory_that_is_none_of_this_pipeline_is_refused_and_kept(text: str, tmp_path: Path) -> None:
    memory = tmp_path / "cluster.json"
    memory.write_text(text)

    with pytest.raises(UsageError, match="not the state of pipeline 'toy'; use another --data folder"):
        started(tmp_path)

    assert memory.read_text() == text
