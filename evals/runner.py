"""Run the episodes of a suite, in processes here or on Ray, and keep what is done.

A task is a few episodes that share their preparation. It is one object that can be sent to another process or
machine; what it gives is written here. The order in which tasks end changes nothing: every episode
has its own seed, and the results are sorted.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol

from core.errors import TrimtabError, UsageError
from evals import store
from evals.episode import Played, play
from evals.progress import Progress
from evals.scenario import Entrant, Scenario, digest

CONNECT_S = 10.0
"""For a Ray cluster to answer."""


class Task(Protocol):
    """Some episodes."""

    @property
    def episodes(self) -> dict[store.Key, str]:
        """What it will give, with the digest of what each depends on."""
        ...

    def without(self, done: store.Done) -> Task | None:
        """Return the task without the episodes that are there; None if nothing is left."""
        ...

    def run(self) -> list[Played]:
        """Run it."""
        ...


@dataclass(frozen=True, slots=True)
class Comparison:
    """All entrants on one scenario under one seed: they share arrivals and forecasts."""

    scenario: Scenario
    entrants: tuple[Entrant, ...]
    seed: int
    series: bool = False

    @property
    def episodes(self) -> dict[store.Key, str]:
        """What it will give."""
        return {(self.scenario.name, e.label, self.seed): digest(self.scenario, e) for e in self.entrants}

    def without(self, done: store.Done) -> Comparison | None:
        """Return what is left."""
        there = {key for key, value in self.episodes.items() if done.get(key) == value}
        left = tuple(e for e in self.entrants if (self.scenario.name, e.label, self.seed) not in there)
        return replace(self, entrants=left) if left else None

    def run(self) -> list[Played]:
        """Run it."""
        return play(self.scenario, self.entrants, self.seed, series=self.series)


def comparisons(
    cells: Sequence[Scenario], everyone: Sequence[Entrant], seeds: Sequence[int]
) -> list[Comparison]:
    """Return a suite's tasks; the lowest seed keeps its episodes second by second."""
    return [
        Comparison(cell, tuple(everyone), seed, series=seed == min(seeds)) for seed in seeds for cell in cells
    ]


@dataclass(frozen=True, slots=True)
class Workers:
    """Where tasks run."""

    processes: int | None = None
    """Here; None for as many as there are cores."""
    ray: str | None = None
    """Address of a Ray cluster; `local` starts one here."""


def run(tasks: Sequence[Task], folder: Path, workers: Workers, progress: Progress, *, fresh: bool) -> int:
    """Run what is left of *tasks* and write the results; return how many episodes there are.

    Raises:
        UsageError: the folder holds another commit's episodes, or Ray is not there.
        TrimtabError: an episode failed, or none was executed.
    """
    if fresh:
        store.forget(folder)
    there = store.done(folder)
    keys = [key for task in tasks for key in task.episodes]
    left = [rest for task in tasks if (rest := task.without(there)) is not None]
    count = len(keys) - sum(len(task.episodes) for task in left)
    progress(count, len(keys), "")
    ended = _here(left, workers.processes) if workers.ray is None else _on_ray(left, workers.ray)
    for played in ended:
        store.keep(folder, played)
        count += len(played)
        progress(count, len(keys), f"{played[-1].row.scenario}, seed {played[-1].row.seed}")
    return store.gather(folder, keys)


def _here(tasks: Sequence[Task], processes: int | None) -> Iterator[list[Played]]:
    """Yield what each task gave, in the order in which they end."""
    most = processes or os.cpu_count() or 1
    if most == 1 or len(tasks) < 2:  # noqa: PLR2004 - a pool of its own for one task is a loss
        yield from (task.run() for task in tasks)
        return
    with ProcessPoolExecutor(max_workers=most, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(_run, task) for task in tasks]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool as error:
            raise TrimtabError(
                "a process that ran episodes was killed, perhaps for want of memory; what is done is kept: "
                "run again, with fewer --workers"
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _run(task: Task) -> list[Played]:
    return task.run()


def _on_ray(tasks: Sequence[Task], address: str) -> Iterator[list[Played]]:
    """Yield what each task gave, as they end on a Ray cluster whose workers have this version installed."""
    ray = _ray(address)
    try:
        remote = ray.remote(num_cpus=1, max_retries=1)(_run)
        running = [remote.remote(task) for task in tasks]
        while running:
            ended, running = ray.wait(running, num_returns=1)
            try:
                yield ray.get(ended[0])
            except ray.exceptions.RayTaskError as error:
                cause = error.cause
                if isinstance(cause, TrimtabError):
                    raise cause from error
                raise
            except ray.exceptions.RayError as error:
                raise TrimtabError(f"Ray lost an episode: {error}") from error
    finally:
        ray.shutdown()


def _ray(address: str) -> Any:  # noqa: ANN401 - Ray has no types of its own
    try:
        import ray  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise UsageError("Ray is not installed here: pip install 'trimtab[ray]'") from error
    try:
        _knock(address)
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
        raise UsageError(f"--ray {address}: {' '.join(str(error).split())}") from error
    return ray


def _knock(address: str) -> None:
    """Fail at once where nobody listens at HOST:PORT: Ray itself tries for five minutes and more."""
    host, colon, port = address.rpartition(":")
    if colon and "/" not in host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_S).close()
