"""Plain statistics over one interval: what is out of the ordinary, and how sure that is.

Every test states its false-alarm rate where chance is involved; the rest are comparisons of counts.
Drift of service times and of accuracy needs more than one interval and is not judged here.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field

from core.belief import Belief
from core.configuration import Configuration
from core.observation import Observation
from core.pipeline import Pipeline
from core.values import Fraction, Frozen, Name, NonNegative, Number

FALSE_ALARM = 1e-3
"""Chance of reporting an SLO breach in an interval in which the pipeline does keep its SLO."""

FindingKind = Literal[
    "missing metrics",
    "stale metrics",
    "warming up",
    "slo breach",
    "load surge",
    "latency drift",
    "accuracy drift",
    "capacity loss",
    "forecast bias",
    "flapping",
    "re-profile",
]
SignalState = Literal["fresh", "stale", "missing", "idle"]
"""Measured now; measured, but too long ago; not measured; measured, and truly nothing going on."""


class Signal(Frozen):
    """One thing that is measured, and whether it can be trusted now."""

    name: Name
    """`load`, `latency`, `accuracy`, or `queue`, `ready`, `service` and the like with `[stage]`."""
    state: SignalState
    age_s: NonNegative | None = None
    """Since it was last measured; None where it never was."""


class Finding(Frozen):
    """One thing that is out of the ordinary."""

    kind: FindingKind
    subject: Name
    """The pipeline or the stage."""
    statement: Annotated[str, Field(min_length=1)]
    """One line with the figures."""
    false_alarm: Fraction | None = None
    """At most this likely where nothing is wrong; None where nothing is left to chance."""
    since_s: NonNegative | None = None
    """Since when, in seconds of the loop's clock; None for this interval alone."""
    figure: Number | None = None
    """By how much, in the unit the statement names."""
    low: Number | None = None
    high: Number | None = None
    """Interval of the figure."""


class Assessment(Frozen):
    """All that one interval says, with what was seen before it."""

    findings: tuple[Finding, ...] = ()
    belief: Belief = Belief()
    signals: tuple[Signal, ...] = ()

    @property
    def blind(self) -> bool:
        """Say whether a signal that sizing rests on is unknown: nothing may be scaled down then."""
        needed = ("load", "ready", "arrivals")
        return any(
            s.state in ("stale", "missing") and s.name.partition("[")[0] in needed for s in self.signals
        )


def assess(
    pipeline: Pipeline,
    observation: Observation,
    running: Configuration,
    *,
    decided_rps: float,
    settled: bool,
) -> tuple[Finding, ...]:
    """Return what is out of the ordinary in one interval.

    Args:
        pipeline: What serves.
        observation: The interval.
        running: What was last asked for.
        decided_rps: The load it was decided for, in requests per second.
        settled: Whether it has had the time to start (replicas still loading are not lost).
    """
    found = [_slo_breach(pipeline, observation), _load_surge(pipeline, observation, decided_rps)]
    if settled:
        found += [_capacity_loss(observation, running, stage.name) for stage in pipeline.stages]
    return tuple(finding for finding in found if finding is not None)


def breach_chance(share: float, requests: float, quantile: float) -> float:
    """Bound the chance that at most *share* of *requests* are in time where each is with *quantile*.

    Chernoff's bound exp(-n KL(share || quantile)), exact in the exponent (Cover and Thomas, Elements of
    Information Theory, 2nd ed., section 11.4), so the stated false-alarm rate holds for any n.
    """
    if share >= quantile:
        return 1.0
    divergence = (1 - share) * math.log((1 - share) / (1 - quantile))
    if share > 0:
        divergence += share * math.log(share / quantile)
    return math.exp(-requests * divergence)


def _slo_breach(pipeline: Pipeline, observation: Observation) -> Finding | None:
    if observation.in_time is None:
        return None
    slo = pipeline.slo
    chance = breach_chance(observation.in_time, observation.judged, slo.quantile)
    if chance > FALSE_ALARM:
        return None
    return Finding(
        kind="slo breach",
        subject=pipeline.name,
        statement=(
            f"{observation.in_time:.1%} of {observation.judged} requests were served within "
            f"{slo.latency_s:g} s, {slo.quantile:.4g} must be"
        ),
        false_alarm=chance,
    )


def _load_surge(pipeline: Pipeline, observation: Observation, decided_rps: float) -> Finding | None:
    known = [rate for rate in observation.loads_rps if rate is not None]
    if not known or max(known) <= decided_rps:
        return None
    return Finding(
        kind="load surge",
        subject=pipeline.name,
        statement=f"load reached {max(known):g} rps, the configuration was decided for {decided_rps:.4g}",
    )


def _capacity_loss(observation: Observation, running: Configuration, stage: str) -> Finding | None:
    seen = next((s for s in observation.stages if s.stage == stage), None)
    wanted = running[stage].replicas
    if seen is None or seen.ready is None or seen.ready >= wanted:
        return None
    return Finding(
        kind="capacity loss",
        subject=stage,
        statement=f"{seen.ready} of {wanted} replicas are ready",
    )
