"""Pipelines with all kinds of pasts in one real Prometheus, read by one sweep as in production.

Times are in seconds after the history's now; the sweep comes within a few seconds of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.errors import MetricsUnavailable
from core.observation import Observation
from tests.core.toys import LARGE, SMALL, configuration, pipeline, stage
from tests.tools.promql.history import ALWAYS, BEFORE_S, Adder, History, Level, Times
from tools.assess import Moment
from tools.assess.signals import Signals
from tools.prometheus import Prometheus
from tools.promql.asking import Watched
from tools.promql.source import PromqlSource

CHAIN = pipeline(stage("first", SMALL, LARGE), stage("second", SMALL, LARGE))
RUNNING = configuration(("first", "small", 1, 1), ("second", "small", 1, 1))
INTERVAL_S = 10.0
LOOP_S = 1000.0
"""Seconds the loops have run for."""
Past = Callable[[History, str], None]


class Pasts:
    """Pipelines by name; each is told by a function of its name."""

    def __init__(self) -> None:
        self._told: dict[str, Past] = {}

    def __call__(self, tell: Past) -> Past:
        """Add a pipeline with this past, named as the function."""
        self._told[tell.__name__] = tell
        return tell

    @contextmanager
    def world(self, folder: Path) -> Iterator[World]:
        """Start a Prometheus that has lived through all of them, and sweep once."""
        history = History()
        for name, tell in self._told.items():
            tell(history, name)
        with history.served(folder) as url:
            source = PromqlSource(Prometheus(url), scrape_s=5.0)
            began_at = time.time() - LOOP_S
            yield World(source.read([watched(name, began_at) for name in self._told]), source)


@dataclass(frozen=True, slots=True)
class World:
    """What one sweep found."""

    readings: dict[tuple[str, str], Observation | MetricsUnavailable]
    source: PromqlSource

    def seen(self, tell: Past) -> Observation:
        """Return what was measured of a pipeline."""
        found = self.readings["p", tell.__name__]
        assert isinstance(found, Observation), found
        return found

    def refused(self, tell: Past) -> str:
        """Return why nothing was measured of it."""
        found = self.readings["p", tell.__name__]
        assert isinstance(found, MetricsUnavailable), found
        return str(found)


def watched(name: str, began_at: float, *, namespace: str = "p", **overrides: str) -> Watched:
    """Return a pipeline of that name to be watched."""
    named = CHAIN.model_copy(update={"name": name})
    return Watched((namespace, name), named, INTERVAL_S, began_at, overrides)


def signals(observation: Observation | None, *, earlier: Observation | None = None) -> dict[str, str]:
    """Return the state of each signal, where *earlier* was seen an interval before."""
    kept = Signals(CHAIN)
    if earlier is not None:
        kept.learn(_moment(earlier, LOOP_S))
    moment = _moment(observation, LOOP_S + INTERVAL_S)
    kept.learn(moment)
    return {signal.name: signal.state for signal in kept.states(moment)}


def _moment(observation: Observation | None, time_s: float) -> Moment:
    return Moment(
        time_s=time_s,
        observation=observation,
        forecast=None,
        running=RUNNING,
        decided_rps=6.0,
        settled=True,
    )


def both(
    history: History,
    name: str,
    *,
    rate: float = 6.0,
    queue: float = 2.0,
    ready: float = 1.0,
    times: Times = ALWAYS,
) -> None:
    """Write a replica of each stage."""
    for of_stage in ("first", "second"):
        history.replica(
            of_stage,
            "small",
            rate=rate,
            queue=queue,
            ready=ready,
            times=times,
            pipeline=name,
            instance=f"{name}-{of_stage}",
        )


def counters(history: History, name: str, instance: str = "router", times: Times = ALWAYS) -> Adder:
    """Return what writes counters of one process of a pipeline, one by one."""

    def add(metric: str, level: Level, **labels: str) -> None:
        history.add(metric, level, {"pipeline": name, "instance": instance, **labels}, times)

    return add


def restarting(rate: float, *, at: float) -> Level:
    """Return a counter that began anew at a time."""
    return lambda t: rate * (t + BEFORE_S) if t < at else rate * (t - at)
