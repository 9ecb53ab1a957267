"""The local cluster: real processes, a real Prometheus, changes under load, and whatever dies."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from core.errors import ActuationFailed, UsageError
from pipelines.serving import names
from tests.tools.local.clusters import apply, cluster, load, running, scraped, spec, wait_for
from tools.local.cluster import LocalCluster, alive, bring_up, take_down
from tools.local.layout import Layout

pytestmark = pytest.mark.alone  # 8 to 12 requests a second to real models take both cores
CHEAP = running("classic", "v3rec-w40")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    with cluster(tmp_path_factory.mktemp("local") / "cluster") as up:
        yield up


@pytest.mark.parametrize("steps", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_roll_outs_under_load_lose_no_request(found: LocalCluster, tmp_path: Path, steps: int) -> None:
    """Both stages change their variant in each step; nothing is refused, lost, late or failed."""
    others = [running("v3det-224", "v3rec-w55"), running("classic", "v3rec-w40")]
    roll_outs = 0
    with load(found, tmp_path, rps=8, seconds=600) as sending:
        for step in range(steps):
            wanted = others[step % 2]
            apply(found, f"step-{step}-of-{steps}", wanted)
            wait_for(found, wanted)
            roll_outs += len(wanted.stages)
        sending.stop()
        sent = sending.results(stopped=True)

    assert roll_outs == 2 * steps
    statuses = Counter(s.status for s in sent)
    assert set(statuses) == {200}, statuses
    assert len(sent) > 8 * roll_outs / 2, "a step takes a second and more"
    time.sleep(1.5)  # until the last of it is scraped
    reasons = ("expired", "queue_full", "no_replica", "failed")
    assert sum(scraped(found, names.DROPPED, reason=reason) for reason in reasons) == 0
    combinations = {s.variants for s in sent}
    assert {"classic v3rec-w40", "v3det-224 v3rec-w55"} <= combinations


def test_the_cheapest_variants_serve_ten_requests_a_second(found: LocalCluster, tmp_path: Path) -> None:
    apply(found, "cheap", CHEAP)
    wait_for(found, CHEAP)
    found.metrics.observe()
    with load(found, tmp_path, rps=12, seconds=20) as sending:
        sent = sending.results()
    seconds = max(s.at + s.latency_s for s in sent) - min(s.at for s in sent)

    assert all(s.status == 200 for s in sent)
    assert len(sent) / seconds >= 10
    assert sum(s.right or False for s in sent) > 0.2 * len(sent)


def test_an_observation_shows_what_the_clients_saw(found: LocalCluster, tmp_path: Path) -> None:
    apply(found, "cheap", CHEAP)
    wait_for(found, CHEAP)
    time.sleep(1.5)  # until the last of what came before is scraped
    found.metrics.observe()
    with load(found, tmp_path, rps=5, seconds=8) as sending:
        sent = sending.results()
    time.sleep(1.5)

    seen = found.observe()

    assert seen.judged == len(sent)
    assert seen.labelled == len(sent)
    assert seen.accuracy == pytest.approx(sum(s.right or False for s in sent) / len(sent))
    assert sum(load for load in seen.loads_rps if load is not None) == pytest.approx(len(sent), abs=2)
    detect, read = seen.stages
    assert [s.variant for s in detect.services] == ["classic"]
    assert (detect.ready, read.ready) == (1, 1)
    assert detect.arrivals_rps is not None
    assert read.arrivals_rps is not None
    assert read.arrivals_rps > 2 * detect.arrivals_rps, "a card has three lines and more"


def test_batch_size_and_wait_change_without_a_new_process(found: LocalCluster, tmp_path: Path) -> None:
    apply(found, "cheap", CHEAP)
    wait_for(found, CHEAP)
    before = {r.pid for r in found.layout.read_state().replicas}  # type: ignore[union-attr]
    wanted = running("classic", "v3rec-w40", batch=4)
    apply(found, "batched", wanted)
    time.sleep(1.5)
    found.metrics.observe()
    with load(found, tmp_path, rps=6, seconds=6) as sending:
        sending.results()
    time.sleep(1.5)

    seen = found.observe()

    assert {r.pid for r in found.layout.read_state().replicas} == before  # type: ignore[union-attr]
    (service,) = seen.stages[1].services
    assert max(size for size, _ in service.sizes) == 4


def test_a_killed_replica_costs_only_what_was_inside_it_and_comes_back(
    found: LocalCluster, tmp_path: Path
) -> None:
    apply(found, "cheap", CHEAP)
    wait_for(found, CHEAP)
    restarts = alive(found.layout).restarts
    with load(found, tmp_path, rps=6, seconds=12) as sending:
        time.sleep(5)
        victim = next(r for r in alive(found.layout).replicas if r.stage == "read")
        os.kill(victim.pid, signal.SIGKILL)
        sent = sending.results()
    wait_for(found, CHEAP)

    failed = [s for s in sent if s.status != 200]
    time.sleep(1.5)
    lost = scraped(found, names.RESENT, reason="lost")
    assert len(failed) <= lost
    assert alive(found.layout).restarts == restarts + 1
    assert "read" in alive(found.layout).problem
    assert victim.pid not in {r.pid for r in alive(found.layout).replicas}


def test_a_second_controller_takes_the_running_cluster_over(found: LocalCluster) -> None:
    again = bring_up(spec(), found.layout.folder, running("v6det-320"), load_rps=1.0, interval_s=5.0)

    assert again.state.pid == found.state.pid
    assert again.desired() == found.desired()


def test_a_cluster_with_other_settings_is_not_taken_over(found: LocalCluster) -> None:
    other = spec().model_copy(update={"labels": False})

    with pytest.raises(UsageError, match="other settings"):
        bring_up(other, found.layout.folder, CHEAP, load_rps=1.0, interval_s=5.0)


def test_a_dead_supervisor_is_noticed_and_what_it_left_is_ended_by_the_next(tmp_path: Path) -> None:
    folder = tmp_path / "cluster"
    with cluster(folder) as first:
        apply(first, "wish", running("v3det-224", "v3rec-w40"))
        wait_for(first, running("v3det-224", "v3rec-w40"))
        orphans = alive(first.layout).pids
        os.kill(first.state.pid, signal.SIGKILL)
        time.sleep(0.5)
        replaced = Layout(folder).read_state()
        assert replaced is not None
        Layout(folder).state.write_text(replaced.model_copy(update={"seen_at": 1.0}).model_dump_json())
        with pytest.raises(ActuationFailed, match="no supervisor"):
            apply(first, "later", CHEAP)

        second = bring_up(spec(), folder, CHEAP, load_rps=4.0, interval_s=5.0)

        assert second.desired().change == "wish", "what was asked for last is gone on with"
        assert second.state.pid != first.state.pid
        assert not any(psutil.pid_exists(pid) and _serves(pid) for pid in orphans)


def test_a_cluster_that_is_taken_down_leaves_no_process(tmp_path: Path) -> None:
    folder = tmp_path / "cluster"
    with cluster(folder) as up:
        pids = alive(up.layout).pids
        assert len(pids) == 4
        assert take_down(folder)

    assert not take_down(folder)
    assert not any(psutil.pid_exists(pid) and _serves(pid) for pid in pids)


def _serves(pid: int) -> bool:
    """Say whether a process is a living server: a zombie that nobody waits for is none."""
    try:
        return bool(psutil.Process(pid).cmdline())
    except psutil.Error:
        return False
