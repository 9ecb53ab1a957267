"""What the controller exposes, and what a PromQL expression asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import get_args

from agent.controller.states import State
from agent.controller.telemetry import PREFIX, Telemetry

SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
METRIC = re.compile(rf"{PREFIX}[a-z_]+")
STATE = re.compile(r'state="([a-z]+)"')


def exposed() -> set[str]:
    """Return the names of the series that the controller can have."""
    return {
        f"{family.name}{suffix}"
        for family in Telemetry().registry.collect()
        for suffix in SUFFIXES[family.type]
    }


def unknown_in(expression: str) -> Iterator[str]:
    """Yield the metrics and states of an expression that the controller does not have."""
    yield from set(METRIC.findall(expression)) - exposed()
    yield from set(STATE.findall(expression)) - set(get_args(State))
