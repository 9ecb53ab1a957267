"""Upper bounds of the histograms that whoever serves a pipeline keeps: the twin and the real servers alike.

Latencies are bounded relative to the SLO, so that the SLO itself is a bound and the share in time is exact.
"""

from __future__ import annotations

WAIT_BOUNDS = tuple(2.0 ** (k / 4) for k in range(-40, 17))
"""Bounds of waits and service times in SLOs: a thousandth to 16, four to each doubling."""

LATENCY_BOUNDS = (
    *(k / 20 for k in range(1, 40)),
    *(2.0 ** (k / 4) for k in range(4, 17)),
)
"""Bounds of the end-to-end latency in SLOs: every twentieth up to 2, then four to each doubling to 16."""
