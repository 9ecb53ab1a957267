"""How long a batch waits for a free replica: the optional queueing margin.

Batches of b requests leave a Poisson stream of rate L at rate L / b with squared coefficient of
variation 1 / b (an Erlang-b stream). A stage with n replicas of mean service time S is then a
G/G/n queue with utilisation r = L S / (b n). Sakasegawa's approximation (1977), in the form of
Allen and Cunneen, gives

    P(wait) = r ** (sqrt(2 (n + 1)) - 1)
    E[wait | wait] = (ca2 + cs2) / 2 * S / (n (1 - r))

and the tail of a wait is close to exponential, so its q-quantile is
max(0, E[wait | wait] * ln(P(wait) / (1 - q))).

Approximations: Poisson arrivals within the interval, all batches full, one steady state.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DEFAULT_SERVICE_SCV = 0.05
"""Squared coefficient of variation of service times where the profile gives no median to tell."""

Z_99 = 2.3263478740408408
"""0.99-quantile of the standard normal distribution: profiled latencies are 99th percentiles."""

Floats = NDArray[np.float64]


def service_scv(latency_s: Floats, median_s: Floats) -> Floats:
    """Return the squared coefficient of variation of service times, taking them as log-normal.

    *latency_s* are 99th percentiles, *median_s* medians, NaN where unknown.
    """
    with np.errstate(invalid="ignore"):
        told = median_s < latency_s
        sigma = np.log(np.where(told, latency_s / median_s, 1.0)) / Z_99
    return np.where(told, np.expm1(sigma * sigma), DEFAULT_SERVICE_SCV)


def wait_quantile_s(
    *,
    load_rps: float,
    batch: Floats,
    replicas: Floats,
    rate_rps: Floats,
    scv: Floats,
    quantile: float,
) -> Floats:
    """Return the wait in seconds that a share *quantile* of batches stays below; inf if overloaded.

    *rate_rps* is what one busy replica serves. All arrays have one shape.
    """
    if load_rps == 0:
        return np.zeros_like(batch)
    with np.errstate(divide="ignore", invalid="ignore"):
        used = load_rps / (replicas * rate_rps)
        waits = used ** (np.sqrt(2 * (replicas + 1)) - 1)
        mean_wait_s = (1 / batch + scv) / 2 * (batch / rate_rps) / (replicas * (1 - used))
        tail_s = mean_wait_s * np.log(waits / (1 - quantile))
    return np.where(used < 1, np.maximum(tail_s, 0.0), np.inf)
