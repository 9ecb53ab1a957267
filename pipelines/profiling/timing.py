"""Time one variant as it is served: a real replica, one v2 request that fills a batch, and saturation.

*Latency* is the round trip of a request of b items to a replica whose batch size is b, with nothing else
outstanding: decoding, the model, encoding and HTTP, as the router sees them, but not the router itself. All
items of one batch come from the same choice of variants before the stage, as they do in production, and the
choices take turns. *Throughput* is items per second with two such requests always outstanding: the replica
never waits, and nothing but b items is ever served together.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.profiling.measured import Point, Timed
from pipelines.profiling.replica import ReplicaFailed, RunningReplica, running
from pipelines.serving.contract import LiveSettings, ReplicaSettings
from pipelines.serving.tensors import request_body

WARM_UPS = 5
"""Runs of each point that do not count."""
OUTSTANDING = 2
LEAST_BATCHES = 8
"""In each round, however long they take."""
BATCH_WAIT_S = 1.0
"""Never reached: a request fills the batch at once."""
CHANGE_LIMIT_S = 10.0
"""For a replica to take up another batch size."""
PREPARED = 16
"""Requests that saturation goes round, made before it starts."""
READ_AGAIN_S = 0.05
MOST_BYTES = 256_000_000

Items = Mapping[tuple[str, ...], Sequence[bytes]]
"""By the variants of the stages before: encoded items."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be timed."""

    kit: str
    pipeline: str
    stage: str
    variant: str
    models: Path
    slo_s: float
    batches: tuple[int, ...]
    items: Items
    runs: int
    seed: int
    saturation_s: float

    def settings(self, port: int, config: Path) -> ReplicaSettings:
        """Return what the replica is started with."""
        return ReplicaSettings(
            pipeline=self.pipeline,
            kit=self.kit,
            slo_s=self.slo_s,
            port=port,
            most_bytes=MOST_BYTES,
            drain_delay_s=0.0,
            stage=self.stage,
            variant=self.variant,
            models=self.models,
            batch=self.batches[0],
            batch_wait_s=BATCH_WAIT_S,
            queue_limit=OUTSTANDING * max(self.batches),
            config=config,
        )


def timed(task: Task, told: Callable[[str, float], None]) -> Timed:
    """Start a replica, time every batch size, and end it.

    Raises:
        ReplicaFailed: it did not start, or did not serve.
    """
    points = []
    told(f"{task.variant}: starting", 0.0)
    with running(task.settings) as replica:
        for k, batch in enumerate(task.batches):
            told(f"{task.variant}: batch {batch}", k / len(task.batches))
            points.append(point(task, replica, batch))
        return Timed(
            stage=task.stage,
            variant=task.variant,
            load_s=replica.load_s,
            memory_bytes=replica.memory_bytes,
            points=tuple(points),
        )


def point(task: Task, replica: RunningReplica, batch: int) -> Point:
    """Return the timing of one batch size on a running replica.

    Raises:
        ReplicaFailed: it did not serve, or did not take up the batch size.
    """
    rng = np.random.default_rng([task.seed, batch])
    bodies = _bodies(task.items, batch, rng)
    replica.configure(LiveSettings(batch=batch, batch_wait_s=BATCH_WAIT_S))
    connection = replica.connect()
    try:
        _await_batch(replica, batch, next(bodies)[1])
        for _ in range(WARM_UPS):
            replica.infer(connection, next(bodies)[1])
        runs = [_run(replica, connection, *next(bodies)) for _ in range(task.runs)]
    finally:
        connection.close()
    throughput_rps, saturated_s = _saturated(task, replica, batch, bodies)
    return Point(
        batch=batch,
        seconds=tuple(seconds for _, seconds in runs),
        after=tuple(after for after, _ in runs),
        throughput_rps=throughput_rps,
        saturated_s=saturated_s,
    )


def _run(
    replica: RunningReplica, connection: http.client.HTTPConnection, after: tuple[str, ...], body: bytes
) -> tuple[tuple[str, ...], float]:
    started_s = time.perf_counter()
    replica.infer(connection, body)
    return after, time.perf_counter() - started_s


def _bodies(items: Items, batch: int, rng: np.random.Generator) -> Iterator[tuple[tuple[str, ...], bytes]]:
    """Yield requests of *batch* items without end; the variants before take turns."""
    usable = [(after, of_choice) for after, of_choice in items.items() if of_choice]
    if not usable:
        raise ReplicaFailed("nothing to serve: the variants before sent nothing on for any example")
    while True:
        for after, of_choice in usable:
            chosen = rng.integers(0, len(of_choice), batch)
            yield after, request_body([of_choice[k] for k in chosen])


def _await_batch(replica: RunningReplica, batch: int, body: bytes) -> None:
    """Return once the replica says that it runs *batch*."""
    until_s = time.monotonic() + CHANGE_LIMIT_S
    connection = replica.connect()
    try:
        while time.monotonic() < until_s:
            if json.loads(replica.infer(connection, body))["parameters"]["batch"] == batch:
                return
            time.sleep(READ_AGAIN_S)
    finally:
        connection.close()
    raise ReplicaFailed(
        f"{replica.settings.variant} did not take up batch size {batch} in {CHANGE_LIMIT_S:g} s"
    )


def _saturated(
    task: Task, replica: RunningReplica, batch: int, bodies: Iterator[tuple[tuple[str, ...], bytes]]
) -> tuple[float, float]:
    """Return items per second, and the seconds it was measured for, with two requests always outstanding."""
    prepared = [next(bodies)[1] for _ in range(PREPARED)]
    finished_s: list[float] = []

    def send(first: int) -> None:
        connection = replica.connect()
        try:
            k = first
            while not (
                len(finished_s) > LEAST_BATCHES and finished_s[-1] - finished_s[0] >= task.saturation_s
            ):
                replica.infer(connection, prepared[k % len(prepared)])
                finished_s.append(time.perf_counter())
                k += OUTSTANDING
        finally:
            connection.close()

    with ThreadPoolExecutor(OUTSTANDING) as pool:
        for future in [pool.submit(send, first) for first in range(OUTSTANDING)]:
            future.result()
    held_s = max(finished_s) - min(finished_s)
    return batch * (len(finished_s) - 1) / held_s, held_s
