"""Timing a real replica of the detector that needs no weights."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path
from urllib.request import urlopen

import pytest

pytest.importorskip("mlserver", reason="a real server is started: make serving")
pytest.importorskip("cv2", reason="as above")

from pipelines import kits
from pipelines.profiling.replica import ReplicaFailed, running
from pipelines.profiling.timing import LEAST_BATCHES, WARM_UPS, Task, point, timed

NOWHERE = Path("nowhere")


def _task(*batches: int, variant: str = "classic", runs: int = 6) -> Task:
    kit = kits.load("id_card")
    cards = [example.payload for example in kit.examples(3, 1, 0.0)]
    return Task(
        kit="id_card",
        pipeline="id-card",
        stage="detect",
        variant=variant,
        models=NOWHERE,
        slo_s=0.4,
        batches=batches,
        items={("a",): cards[:1], ("b",): cards[1:], ("never sends",): []},
        runs=runs,
        seed=1,
        saturation_s=0.2,
    )


def test_only_full_batches_are_served_and_the_choices_before_take_turns() -> None:
    task = _task(4)

    with running(task.settings) as replica:
        found = point(task, replica, 4)
        with urlopen(f"http://127.0.0.1:{replica.settings.port}/metrics/") as answer:
            metrics = answer.read().decode()

    sizes = {le: float(n) for le, n in re.findall(r'batch_size_bucket{.*?le="([\d.]+)".*?} (\S+)', metrics)}
    assert sizes["3.0"] == 0
    assert sizes["4.0"] == sizes["128.0"] >= 1 + WARM_UPS + task.runs + LEAST_BATCHES
    assert len(found.seconds) == 6
    assert {found.after.count(("a",)), found.after.count(("b",))} == {3}
    assert found.saturated_s >= 0.2
    assert found.throughput_rps > 0.5 * 4 / max(found.seconds)


def test_every_batch_size_is_taken_up_while_it_runs() -> None:
    found = timed(_task(1, 3, runs=2), lambda _, __: None)

    assert [p.batch for p in found.points] == [1, 3]
    assert 0.1 < found.load_s < 60
    assert found.memory_bytes > 50 * 2**20


def test_a_replica_that_does_not_start_says_why() -> None:
    with pytest.raises(ReplicaFailed, match=r"v3det-224 did not start; its log ends: .*is missing"):
        timed(_task(1, variant="v3det-224"), lambda _, __: None)


def test_a_request_that_is_refused_is_no_latency() -> None:
    task = _task(1)

    refused = pytest.raises(ReplicaFailed, match=r"refused a timed request \(400\)")
    with running(task.settings) as replica, closing(replica.connect()) as connection, refused:
        replica.infer(connection, b"{}")
