"""Look at the machine while something is measured: the fixed work, and who used the CPU. See `noise`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import psutil

from pipelines.profiling.noise import Noise

T = TypeVar("T")

REPEATS = 25
"""Of the fixed work at each look: half a second."""
_SORTED, _LOOPS = 220_000, 150_000
"""Sizes of the fixed work: about 20 ms in all."""


@dataclass(frozen=True, slots=True)
class CpuTimes:
    """CPU seconds up to a moment."""

    clock_s: float
    everybody_s: float
    """All processes of the machine, and what the host took away."""
    ours_s: float

    @classmethod
    def now(cls) -> CpuTimes:
        """Return them now. A child that ended and was waited for counts as ours."""
        times = psutil.cpu_times()
        idle_s = times.idle + getattr(times, "iowait", 0.0)
        counted_twice_s = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
        me = psutil.Process()
        own = [me.cpu_times(), *_of_children(me)]
        ours_s = sum(t.user + t.system + t.children_user + t.children_system for t in own)
        return cls(time.monotonic(), sum(times) - idle_s - counted_twice_s, ours_s)

    def foreign_cores_since(self, earlier: CpuTimes) -> float:
        """Return the cores that others used since *earlier*, on average."""
        used_s = (self.everybody_s - earlier.everybody_s) - (self.ours_s - earlier.ours_s)
        return max(0.0, used_s / max(self.clock_s - earlier.clock_s, 1e-3))


def calibration_s(repeats: int = REPEATS) -> tuple[float, ...]:
    """Return the seconds of each repeat of the fixed work, on this thread; the first does not count."""
    numbers = np.random.default_rng(0).random(_SORTED)
    seconds = []
    for _ in range(repeats + 1):
        started_s = time.perf_counter()
        np.sort(numbers)
        total = 0
        for k in range(_LOOPS):
            total += k
        seconds.append(time.perf_counter() - started_s)
    return tuple(seconds[1:])


def watched(work: Callable[[], T]) -> tuple[T, Noise]:
    """Do *work* and return its result with the noise around it."""
    before = calibration_s()
    start = CpuTimes.now()
    result = work()
    foreign_cores = CpuTimes.now().foreign_cores_since(start)
    return result, Noise(calibration_s=(*before, *calibration_s()), foreign_cores=foreign_cores)


def _of_children(me: psutil.Process) -> list[Any]:
    found = []
    for child in me.children(recursive=True):
        try:
            found.append(child.cpu_times())
        except psutil.NoSuchProcess:  # it ended just now
            continue
    return found
