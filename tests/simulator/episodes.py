"""Random episodes for property tests: pipelines of every shape, every fault, roll-outs, drop policies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from core.configuration import Configuration, StageConfiguration
from core.pipeline import Pipeline
from simulator.faults import (
    AccuracyDrift,
    CapacityLoss,
    Fault,
    LatencyDrift,
    MetricOutage,
    ReplicaCrash,
    Straggler,
)
from simulator.options import TwinOptions
from simulator.twin import Twin
from tests.simulator.toys import pipeline, stage, variant

FAULTS = (ReplicaCrash, Straggler, LatencyDrift, AccuracyDrift, MetricOutage, CapacityLoss)
"""Every fault there is."""

SHAPES: dict[str, dict[str, list[str]]] = {
    "one": {"a": []},
    "chain": {"a": [], "b": ["a"], "c": ["b"]},
    "fork": {"a": [], "b": ["a"], "c": ["a"]},
    "join of two sources": {"a": [], "b": [], "c": ["a", "b"]},
    "diamond": {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]},
    "diamond with a short cut": {"a": [], "b": ["a"], "c": ["a", "b"], "d": ["c", "a"]},
}
"""The predecessors of every stage."""

SIZES = (1, 2, 4)
MOST_REPLICAS = 4
FAN_OUTS = (0.0, 0.5, 1.0, 2.0, 2.5)
WHOLE_FAN_OUTS = (0.0, 1.0, 2.0)


@dataclass(frozen=True)
class Change:
    """A configuration asked for in the middle of an episode."""

    at_s: float
    configuration: Configuration
    waits_s: dict[str, float]


@dataclass(frozen=True)
class Plan:
    """Everything that makes up an episode; `run` makes a twin of it."""

    pipeline: Pipeline
    first: Change
    changes: tuple[Change, ...]
    faults: tuple[Fault, ...]
    options: TwinOptions
    trace_rps: tuple[float, ...]
    seed: int
    looks_s: tuple[float, ...]
    """When to look, in ascending order."""

    @property
    def recovers(self) -> bool:
        """Whether every stage will have replicas again once all faults with an end are over."""
        return all(s.replicas for s in self.last.stages) and not any(
            (isinstance(f, CapacityLoss) and f.end_s is None and f.replicas == 0)
            or (isinstance(f, ReplicaCrash) and not f.restarts and f.end_s is None)
            for f in self.faults
        )

    @property
    def last(self) -> Configuration:
        """What was asked for last."""
        return (self.first, *self.changes)[-1].configuration

    def start(self) -> Twin:
        """Return the twin at time 0."""
        return Twin(
            self.pipeline,
            self.first.configuration,
            self.trace_rps,
            seed=self.seed,
            batch_wait_s=self.first.waits_s,
            options=self.options,
            faults=self.faults,
        )


def moments(seconds: float) -> st.SearchStrategy[float]:
    """Moments of an episode; whole seconds are frequent, because there everything coincides."""
    return st.one_of(
        st.integers(0, int(seconds)).map(float),
        st.floats(0, seconds, allow_nan=False).map(lambda t: round(t, 3)),
    )


@st.composite
def plans(draw: st.DrawFn, *, lossless: bool = False, kinds: Sequence[type[Any]] = FAULTS) -> Plan:
    """Draw an episode; *lossless* ones drop nothing and have whole fan-outs."""
    spec = draw(pipelines(whole=lossless))
    seconds = draw(st.integers(2, 15))
    rates = draw(st.lists(st.sampled_from([0.0, 0.5, 3.0, 10.0, 40.0]), min_size=seconds, max_size=seconds))
    times = draw(st.lists(moments(seconds), max_size=3).map(sorted))
    changes = [draw(_change(spec, t)) for t in times]
    faults = draw(st.lists(st.sampled_from(kinds).flatmap(lambda kind: _fault(spec, kind)), max_size=4))
    return Plan(
        pipeline=spec,
        first=draw(_change(spec, 0.0)),
        changes=tuple(changes),
        faults=tuple(faults),
        options=draw(_options(spec, lossless=lossless)),
        trace_rps=tuple(rates),
        seed=draw(st.integers(0, 2**32)),
        looks_s=tuple(sorted(draw(st.lists(moments(seconds + 5), min_size=1, max_size=6)))),
    )


@st.composite
def pipelines(draw: st.DrawFn, *, whole: bool) -> Pipeline:
    """Draw a pipeline of one to four stages, each with two variants."""
    shape = SHAPES[draw(st.sampled_from(sorted(SHAPES)))]
    fan_outs = st.sampled_from(WHOLE_FAN_OUTS if whole else FAN_OUTS)
    mode = draw(st.sampled_from(["product", "sum", "measured"]))
    stages = [
        stage(
            name,
            draw(_variant("small", fan_outs)),
            draw(_variant("large", fan_outs)),
            after=[
                (source, draw(st.sampled_from([1.0, 1.0, 0.5, 2.0]) if not whole else fan_outs))
                for source in after
            ],
        )
        for name, after in shape.items()
    ]
    table = [{"variants": ["small"] * len(shape), "accuracy": 0.25}] if mode == "measured" else None
    return pipeline(*stages, accuracy=mode, accuracyTable=table)


@st.composite
def _variant(draw: st.DrawFn, name: str, fan_outs: st.SearchStrategy[float]) -> dict[str, Any]:
    base_s = draw(st.sampled_from([0.02, 0.1, 0.4]))
    paralleled = draw(st.sampled_from([None, 0.5, 1.0, 3.0]))
    points = []
    for size in SIZES:
        latency_s = base_s * (1 + size) / 2
        point = {"batch": size, "latency": latency_s}
        if paralleled is not None:
            point["throughput"] = paralleled * size / latency_s
        points.append(point)
    return variant(
        name,
        accuracy=draw(st.sampled_from([0.5, 0.9, 1.0])),
        cores=draw(st.sampled_from([1.0, 2.5])),
        loadTime=draw(st.sampled_from([0.0, 0.7, 4.0])),
        fanOut=draw(fan_outs),
        profile=points,
    )


@st.composite
def _change(draw: st.DrawFn, spec: Pipeline, at_s: float) -> Change:
    names = [s.name for s in spec.stages]
    settings_ = [
        StageConfiguration(
            stage=name,
            variant=draw(st.sampled_from(["small", "large"])),
            batch=draw(st.sampled_from(SIZES)),
            replicas=draw(st.integers(0, MOST_REPLICAS)),
        )
        for name in names
    ]
    waits_s = {name: draw(st.sampled_from([0.0, 0.03, 0.25])) for name in names}
    return Change(at_s, Configuration(stages=tuple(settings_)), waits_s)


@st.composite
def _fault(draw: st.DrawFn, spec: Pipeline, kind: type[Any]) -> Fault:
    start_s = draw(moments(15))
    end_s = draw(st.one_of(st.none(), st.sampled_from([0.4, 3.0, 6.0]).map(lambda span: start_s + span)))
    place: dict[str, Any] = {
        "stage": draw(st.sampled_from([s.name for s in spec.stages])),
        "start_s": start_s,
    }
    if kind is MetricOutage:
        return MetricOutage(start_s=start_s, end_s=end_s)
    if kind is ReplicaCrash:
        restarts = draw(st.booleans())
        dying = draw(st.integers(1, MOST_REPLICAS + 1))
        place |= {"variant": draw(st.sampled_from([None, "small", "large"])), "replicas": dying}
        return ReplicaCrash(**place, end_s=None if restarts else end_s, restarts=restarts)
    if kind is CapacityLoss:
        return CapacityLoss(**place, end_s=end_s, replicas=draw(st.integers(0, MOST_REPLICAS)))
    if kind is Straggler:
        return Straggler(
            **place,
            end_s=end_s,
            factor=draw(st.sampled_from([0.5, 3.0])),
            share=draw(st.sampled_from([0.3, 1.0])),
        )
    place |= {
        "variant": draw(st.sampled_from(["small", "large"])),
        "ramp_s": draw(st.sampled_from([0.0, 2.5])),
    }
    if kind is LatencyDrift:
        return LatencyDrift(**place, end_s=end_s, factor=draw(st.sampled_from([0.5, 2.0])))
    return AccuracyDrift(**place, end_s=end_s, factor=draw(st.sampled_from([0.0, 0.5, 1.0])))


@st.composite
def _options(draw: st.DrawFn, spec: Pipeline, *, lossless: bool) -> TwinOptions:
    service = draw(st.sampled_from(["lognormal", "deterministic", "exponential"]))
    if lossless:
        return TwinOptions(service=service, drop="none", labelled_share=1.0)
    limited = draw(st.lists(st.sampled_from([s.name for s in spec.stages]), unique=True))
    return TwinOptions(
        service=service,
        drop=draw(st.sampled_from(["expired", "none"])),
        expires_after=draw(st.sampled_from([0.1, 1.0, 3.0])),
        queue_limits={name: draw(st.integers(0, 12)) for name in limited},
        labelled_share=draw(st.sampled_from([0.0, 0.3, 1.0])),
    )
