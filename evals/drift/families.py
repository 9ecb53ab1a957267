"""The families of the drift suite, each from a seed: when, how much and which variant are drawn.

A draw in which the trouble would not change what is best (by `truth.MATTERS`, once it has come about) is
drawn again: an episode in which nothing has to be noticed measures nothing. The draws are the family's own,
so a new family changes no other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Literal
from zlib import crc32

import numpy as np

from core.calendar import Event
from core.errors import UsageError
from core.pipeline import Measurement, Pipeline, Stage
from evals.drift import traces, troubles
from evals.drift.case import DriftCase, Happening
from evals.drift.scene import SECONDS, Scene, scene
from evals.drift.troubles import Trouble
from evals.drift.truth import matters
from simulator.faults import MetricOutage
from simulator.workload import bursty

Group = Literal["steady", "crowd", "wrong"]
"""Nothing is wrong; a crowd comes; something is wrong."""
Builder = Callable[[Scene, np.random.Generator], DriftCase]

MOST_DRAWS = 200
"""Draws before a family is taken to be built wrongly."""
BURST = 2.5
"""Highest load of a bursty episode, in base loads."""
CROWD = (1.6, 2.2)
"""Times the load when a crowd is there."""
CROWD_S = (180.0, 300.0)
OUTAGE_S = (90.0, 180.0)
"""How long the metrics are away."""
OPTIMISM = (1.6, 2.2)
"""How many times slower than profiled the machines of a wrong profile are."""
BIAS = (0.6, 0.75)
"""Share of the honest forecast that a biased one gives."""

_BUILDERS: dict[str, tuple[Group, Builder]] = {}


def names(group: Group | None = None) -> tuple[str, ...]:
    """Return the names of all families, or of one group."""
    return tuple(name for name, (of, _) in _BUILDERS.items() if group in (None, of))


def group_of(family: str) -> Group:
    """Return the group a family belongs to.

    Raises:
        UsageError: there is no such family.
    """
    return _found(family)[0]


@cache
def case(family: str, seed: int) -> DriftCase:
    """Return the family's case for *seed*, the same each time.

    Raises:
        UsageError: there is no such family.
    """
    group, build = _found(family)
    rng = np.random.default_rng([crc32(family.encode()), seed])
    for _ in range(MOST_DRAWS):
        drawn = replace(build(scene(rng), rng), family=family, seed=seed)
        if group != "wrong" or matters(drawn, _full_s(drawn)):
            return drawn
    raise UsageError(f"family {family!r}: {MOST_DRAWS} draws changed nothing; make its trouble larger")


def _family(name: str, group: Group) -> Callable[[Builder], Builder]:
    def keep(build: Builder) -> Builder:
        _BUILDERS[name] = (group, build)
        return build

    return keep


def _found(family: str) -> tuple[Group, Builder]:
    if family not in _BUILDERS:
        raise UsageError(f"no drift family called {family!r}. Known: {', '.join(_BUILDERS)}")
    return _BUILDERS[family]


def _full_s(drawn: DriftCase) -> float:
    """Return a time at which all that goes wrong has come about; the end of an outage of metrics."""
    outages_s = [f.end_s for f in drawn.faults if isinstance(f, MetricOutage) and f.end_s is not None]
    if outages_s:
        return max(outages_s) - 1.0
    begun_s = [h.start_s for h in drawn.truth]
    ramps_s = [getattr(f, "ramp_s", 0.0) for f in drawn.faults]
    return max(begun_s) + max(ramps_s, default=0.0) + 1.0


@_family("stationary", "steady")
def _stationary(on: Scene, rng: np.random.Generator) -> DriftCase:
    return _plain(on, _steady(on))


@_family("bursty", "steady")
def _bursty(on: Scene, rng: np.random.Generator) -> DriftCase:
    trace = bursty(
        SECONDS, base_rps=on.base_rps / 2, peak_rps=BURST * on.base_rps / 2, seed=int(rng.integers(2**31))
    )
    return _plain(on, trace)


@_family("diurnal", "steady")
def _diurnal(on: Scene, rng: np.random.Generator) -> DriftCase:
    return _plain(on, traces.diurnal(SECONDS, base_rps=on.base_rps, phase=on.phase))


@_family("announced crowd", "crowd")
def _announced(on: Scene, rng: np.random.Generator) -> DriftCase:
    drawn = _flash(on, rng)
    came, factor = drawn.truth[0], _peak_factor(drawn)
    event = Event(
        id="crowd",
        pipeline=on.pipeline.name,
        start_s=came.start_s,
        end_s=came.end_s,
        load_factor=round(factor, 1),
        note="a campaign goes out",
        author="evals",
        entered_s=0.0,
    )
    told = replace(came, what="announced crowd")
    return replace(drawn, events=(event,), truth=(told,))


@_family("unannounced crowd", "crowd")
def _flash(on: Scene, rng: np.random.Generator) -> DriftCase:
    end_s, factor = on.onset_s + float(rng.uniform(*CROWD_S)), float(rng.uniform(*CROWD))
    trace = traces.crowd(_steady(on), start_s=on.onset_s, end_s=end_s, factor=factor)
    came = Happening(what="flash crowd", subject=on.pipeline.name, start_s=on.onset_s, end_s=end_s)
    return replace(_plain(on, trace), truth=(came,))


def _by_trouble(draw: Callable[[Scene, np.random.Generator], Trouble]) -> Builder:
    """Return the family of a steady load on which one trouble falls."""
    return lambda on, rng: _troubled(on, draw(on, rng))


_family("slow latency drift", "wrong")(_by_trouble(troubles.slow_drift))
_family("noisy neighbour", "wrong")(_by_trouble(troubles.noisy_neighbour))
_family("accuracy drift", "wrong")(_by_trouble(troubles.accuracy_drift))
_family("input drift", "wrong")(_by_trouble(troubles.input_drift))
_family("lost node", "wrong")(_by_trouble(troubles.lost_node))
_family("crash loop", "wrong")(_by_trouble(troubles.crash_loop))


@_family("wrong profile", "wrong")
def _misjudged(on: Scene, rng: np.random.Generator) -> DriftCase:
    """Let the main stage have been profiled on faster machines than it serves on."""
    profile = _sped_up(on.pipeline, on.main, float(rng.uniform(*OPTIMISM)))
    slow = Happening(what="latency drift", subject=on.main.name, start_s=0.0, end_s=SECONDS)
    return replace(_plain(on, _steady(on)), profile=profile, truth=(slow,))


@_family("metrics outage", "wrong")
def _blind(on: Scene, rng: np.random.Generator) -> DriftCase:
    """Let nothing be measured while the load rises."""
    end_s = on.onset_s + float(rng.uniform(*OUTAGE_S))
    dark = Happening(what="metrics outage", subject=on.pipeline.name, start_s=on.onset_s, end_s=end_s)
    trace = traces.diurnal(SECONDS, base_rps=on.base_rps, phase=-np.pi / 2)
    faults = (MetricOutage(start_s=on.onset_s, end_s=end_s),)
    return replace(_plain(on, trace), faults=faults, truth=(dark,))


@_family("forecast bias", "wrong")
def _hopeful(on: Scene, rng: np.random.Generator) -> DriftCase:
    """Let every forecast be too low by the same share."""
    low = Happening(what="forecast bias", subject=on.pipeline.name, start_s=0.0, end_s=SECONDS)
    return replace(_plain(on, _steady(on)), forecast_factor=float(rng.uniform(*BIAS)), truth=(low,))


@_family("two at once", "wrong")
def _both(on: Scene, rng: np.random.Generator) -> DriftCase:
    """Let two of the troubles with what serves begin within a minute of each other."""
    kinds = (troubles.noisy_neighbour, troubles.accuracy_drift, troubles.lost_node)
    first, second = rng.choice(len(kinds), size=2, replace=False)
    later = replace(on, onset_s=on.onset_s + float(rng.uniform(0, 60)))
    one, other = kinds[first](on, rng), kinds[second](later, rng)
    return _troubled(on, Trouble(one.faults + other.faults, one.truth + other.truth))


def _plain(on: Scene, trace_rps: traces.Trace) -> DriftCase:
    return DriftCase(family="", seed=0, pipeline=on.pipeline, trace_rps=trace_rps)


def _troubled(on: Scene, trouble: Trouble) -> DriftCase:
    return replace(_plain(on, _steady(on)), faults=trouble.faults, truth=trouble.truth)


def _steady(on: Scene) -> traces.Trace:
    return traces.steady(SECONDS, base_rps=on.base_rps, phase=on.phase)


def _peak_factor(drawn: DriftCase) -> float:
    """Return how many times the load of just before a crowd is there at its height."""
    came = drawn.truth[0]
    before = drawn.trace_rps[int(came.start_s) - 1]
    return max(drawn.trace_rps[int(came.start_s) : int(came.end_s)]) / before


def _sped_up(pipeline: Pipeline, stage: Stage, factor: float) -> Pipeline:
    """Return the pipeline with one stage profiled as *factor* times as fast."""
    variants = tuple(
        v.model_copy(update={"profile": tuple(_faster(point, factor) for point in v.profile)})
        for v in stage.variants
    )
    fast = stage.model_copy(update={"variants": variants})
    stages = tuple(fast if s.name == stage.name else s for s in pipeline.stages)
    return pipeline.model_copy(update={"stages": stages})


def _faster(point: Measurement, factor: float) -> Measurement:
    return point.model_copy(
        update={
            "latency_s": point.latency_s / factor,
            "median_s": None if point.median_s is None else point.median_s / factor,
            "throughput": None if point.throughput is None else point.throughput * factor,
        }
    )
