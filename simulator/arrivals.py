"""When requests arrive: a per-second trace turned into arrival times, seeded.

They depend on the trace and the seed alone, never on the configuration, so that policies compared
under one seed face the very same requests.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.errors import UsageError

ArrivalMode = Literal["poisson", "exact"]
"""`poisson`: a Poisson process at each second's rate. `exact`: each second's number is a whole count
of requests, placed uniformly at random inside it."""

MOST_REQUESTS = 100_000_000
"""More than this in one trace is taken for a mistake: the twin keeps a record of each request."""


def arrival_times(
    trace_rps: Sequence[float], *, generator: np.random.Generator, mode: ArrivalMode
) -> NDArray[np.float64]:
    """Return the arrival times in seconds, ascending; second k of the trace covers [k, k + 1).

    Raises:
        UsageError: a rate is negative or not finite, or not a whole number in `exact` mode.
    """
    rates = checked_trace(trace_rps)
    if mode == "exact":
        fractional = np.flatnonzero(rates != np.floor(rates))
        if fractional.size:
            second = int(fractional[0])
            raise UsageError(
                f"second {second} of the trace has {rates[second]:g} requests; exact arrivals "
                "need whole counts: use poisson arrivals or round the trace"
            )
        counts = rates.astype(np.int64)
    else:
        counts = generator.poisson(rates)
    starts = np.repeat(np.arange(len(rates), dtype=np.float64), counts)
    times = starts + generator.random(starts.size)
    times.sort()
    return times


def recorded_times(arrivals_s: Sequence[float], end_s: float) -> NDArray[np.float64]:
    """Return recorded arrival times, in seconds from the start, as an array.

    Raises:
        UsageError: they do not ascend, or one lies outside of [0, *end_s*).
    """
    times = np.asarray(arrivals_s, dtype=np.float64)
    inside = np.isfinite(times).all() and (not times.size or (times[0] >= 0 and times[-1] < end_s))
    if times.ndim != 1 or not inside or (np.diff(times) < 0).any():
        raise UsageError(
            f"recorded arrivals must ascend from 0 and end before {end_s:g} s; sort and cut them"
        )
    return times


def checked_trace(trace_rps: Sequence[float]) -> NDArray[np.float64]:
    """Return the trace as an array.

    Raises:
        UsageError: it is empty, holds a negative or infinite rate, or more requests than fit.
    """
    rates = np.asarray(trace_rps, dtype=np.float64)
    if rates.ndim != 1 or rates.size == 0:
        raise UsageError("the trace is empty; give one rate per second")
    wrong = np.flatnonzero(~(np.isfinite(rates) & (rates >= 0)))
    if wrong.size:
        second = int(wrong[0])
        raise UsageError(
            f"second {second} of the trace is {rates[second]:g}; rates are finite and not negative"
        )
    if math.fsum(rates) > MOST_REQUESTS:
        raise UsageError(
            f"the trace holds {math.fsum(rates):.3g} requests, more than {MOST_REQUESTS:.3g}; "
            "shorten it or scale it down"
        )
    return rates
