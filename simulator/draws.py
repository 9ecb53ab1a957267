"""Random numbers of the event loop: independent streams kept in the state, so that a run can pause.

Part of the compiled event loop (see `simulator.compiled`).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from simulator.compiled import inlined

Streams = NDArray[np.uint64]


@inlined
def uniform(streams: Streams, k: int) -> float:
    """Draw from [0, 1) of stream *k*: xoshiro256++ (Blackman and Vigna, 2019)."""
    s0, s1, s2, s3 = streams[k, 0], streams[k, 1], streams[k, 2], streams[k, 3]
    total = s0 + s3
    result = ((total << np.uint64(23)) | (total >> np.uint64(41))) + s0
    shifted = s1 << np.uint64(17)
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= shifted
    s3 = (s3 << np.uint64(45)) | (s3 >> np.uint64(19))
    streams[k, 0], streams[k, 1], streams[k, 2], streams[k, 3] = s0, s1, s2, s3
    return float(np.float64(result >> np.uint64(11)) * 2.0**-53)


@inlined
def normal(streams: Streams, k: int) -> float:
    """Draw from the standard normal distribution (Box and Muller)."""
    radius = math.sqrt(-2.0 * math.log1p(-uniform(streams, k)))
    return radius * math.cos(2.0 * math.pi * uniform(streams, k))
