"""Shapes of load for the drift suite, as requests per second for each second. Not measured workloads.

`simulator.workload.bursty` is the fifth shape.
"""

from __future__ import annotations

import math

Trace = tuple[float, ...]

SWELL_S = 600.0
"""Period of the slow swell that keeps a steady load from being a constant."""
SWELL_SHARE = 0.08
"""Its height as a share of the load."""
DAY_SHARE = 0.6
"""How far a day's load goes above and below its mean, as a share of it."""
RISE_S = 20.0
"""How long a crowd takes to come, and to go: flash crowds arrive within seconds."""


def steady(seconds: int, *, base_rps: float, phase: float = 0.0) -> Trace:
    """Return a load that only swells a little; *phase* in radians."""
    return tuple(
        base_rps * (1 + SWELL_SHARE * math.sin(2 * math.pi * t / SWELL_S + phase)) for t in range(seconds)
    )


def diurnal(seconds: int, *, base_rps: float, phase: float = 0.0) -> Trace:
    """Return a whole day, pressed into so many seconds."""
    return tuple(
        base_rps * (1 + DAY_SHARE * math.sin(2 * math.pi * t / seconds + phase)) for t in range(seconds)
    )


def crowd(trace_rps: Trace, *, start_s: float, end_s: float, factor: float) -> Trace:
    """Return the trace with *factor* times the load from *start_s* to *end_s*, ramps inside of it."""
    return tuple(
        rps * (1 + (factor - 1) * _there(t, start_s=start_s, end_s=end_s)) for t, rps in enumerate(trace_rps)
    )


def _there(time_s: float, *, start_s: float, end_s: float) -> float:
    """Return how much of the crowd is there, in [0, 1]."""
    return max(0.0, min(1.0, (time_s - start_s) / RISE_S, (end_s - time_s) / RISE_S))
