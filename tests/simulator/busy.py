"""A stage that is never idle: what it serves in a window tells how many replicas served, and how fast.

A replica of the variant `fast` serves one item in an eighth of a second: 8 a second, 80 in ten. A thousand
requests arrive in the first second.
"""

from __future__ import annotations

from typing import Any

from simulator.faults import (
    Fault,
)
from simulator.twin import Twin
from tests.simulator.toys import EXACT, profile, twin_of_one, variant

FAST = variant("fast", profile=profile(b1=0.125), loadTime=5.0)
BACKLOG = [1000.0]


def busy(*faults: Fault, replicas: int = 1, spec: dict[str, Any] = FAST) -> Twin:
    return twin_of_one(spec, BACKLOG, replicas=replicas, options=EXACT, faults=faults)


def served(twin: Twin, from_s: float, to_s: float) -> float:
    """Items served in (from, to]."""
    twin.step(from_s)
    before = twin.scrape().items_served_total["only"]
    twin.step(to_s)
    return twin.scrape().items_served_total["only"] - before
