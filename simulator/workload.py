"""Synthetic load for demonstrations: a slow swell, noise that wanders, and bursts.

    trace_rps = bursty(1200, base_rps=6, peak_rps=20, seed=7)

Each burst rises within seconds and decays exponentially, as flash crowds do. Not a measured workload.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SWELL_S = 600.0
"""Period of the slow swell."""
SWELL_SHARE = 0.25
"""Its height as a share of the base."""
NOISE_SHARE = 0.1
"""Standard deviation of the wandering noise as a share of the base."""
NOISE_MEMORY = 0.95
"""Correlation of the noise from one second to the next."""
BURST_EVERY_S = 180.0
"""Mean time between bursts."""
BURST_RISE_S = 12.0
BURST_DECAY_S = 45.0
BURST_SPREAD = 0.4
"""How far burst heights spread below the highest, as a share of it."""


def bursty(seconds: int, *, base_rps: float, peak_rps: float, seed: int) -> tuple[float, ...]:
    """Return requests per second for each second; its highest second has exactly *peak_rps*."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(seconds, dtype=np.float64)
    rate = base_rps * (1 + SWELL_SHARE * np.sin(2 * np.pi * time_s / SWELL_S))
    rate += base_rps * NOISE_SHARE * _wandering(seconds, rng)
    bursts = np.zeros(seconds)
    count = max(1, rng.poisson(seconds / BURST_EVERY_S))
    for start_s in rng.uniform(0, seconds, count):
        height = 1 - BURST_SPREAD * rng.random()
        bursts = np.maximum(bursts, height * _burst(time_s - start_s))
    rate = np.maximum(rate, 0.0)
    top = int(np.argmax(bursts))
    rate += bursts * max(0.0, peak_rps - rate[top]) / bursts[top]
    return tuple(float(r) for r in np.round(np.minimum(rate, peak_rps), 3))


def _wandering(seconds: int, rng: np.random.Generator) -> Floats:
    """Return stationary noise of standard deviation 1."""
    shocks = rng.normal(size=seconds) * np.sqrt(1 - NOISE_MEMORY**2)
    noise = np.empty(seconds)
    last = float(rng.normal())
    for k in range(seconds):
        last = NOISE_MEMORY * last + float(shocks[k])
        noise[k] = last
    return noise


def _burst(
    since_s: Floats,
) -> Floats:
    """Return a burst of height 1 that began *since_s* ago."""
    rising = np.clip(since_s / BURST_RISE_S, 0, 1)
    decaying = np.exp(-np.maximum(since_s - BURST_RISE_S, 0) / BURST_DECAY_S)
    return np.asarray(np.where(since_s < BURST_RISE_S, rising, decaying))
