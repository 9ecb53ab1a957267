"""The arithmetic of the Kubernetes HorizontalPodAutoscaler (autoscaling/v2), for one workload.

A sync has three steps, as in `pkg/controller/podautoscaler` (replica_calculator.go, horizontal.go):

    recommend   by usage  ratio = mean usage of the measured pods / target
                          |1 - ratio| <= tolerance: stay; else ceil(ratio * measured)
                          pods without metrics count as fully used when that scales in, as idle when it scales
                          out; pods not yet ready are left out, and count as idle when it scales out; should
                          these corrections turn the direction or end within the tolerance: stay
                by total  (external metric, `AverageValue`) ratio = total / (target * current)
                          |1 - ratio| <= tolerance: stay; else ceil(total / target)
    stabilise   the current count, moved up to the least and down to the greatest recommendation of the
                windows (out: 0 s, in: 300 s); the first sync leaves the current count as a recommendation
    limit       no policy allows more than `value` pods or per cent of the count at the start of its
                period; the policy that allows most counts; then the least and most replicas
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

TOLERANCE = 0.1
"""`--horizontal-pod-autoscaler-tolerance`."""

FULL_USAGE = 1.0
"""What a pod without metrics is taken to use of its request when the others say to scale in."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """`minReplicas` and `maxReplicas`."""

    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much may change within a period (`HPAScalingPolicy`)."""

    period_s: float
    pods: int = 0
    percent: float = 0.0
    """Of the count at the start of the period. One of the two is given."""


@dataclass(frozen=True, slots=True)
class Direction:
    """How to scale one way (`HPAScalingRules`); the allowance that permits most counts."""

    window_s: float
    allowances: tuple[Allowance, ...]


SCALE_OUT = Direction(0.0, (Allowance(period_s=15.0, pods=4), Allowance(period_s=15.0, percent=100.0)))
"""Kubernetes' defaults."""
SCALE_IN = Direction(300.0, (Allowance(period_s=15.0, percent=100.0),))
"""Kubernetes' defaults."""


def by_usage(
    *,
    current: int,
    usage: float,
    target: float,
    measured: int,
    unready: int = 0,
    missing: int = 0,
    tolerance: float = TOLERANCE,
) -> int:
    """Return the replicas recommended by a resource's usage, a share of what pods request.

    *usage* is the mean of the *measured* ready pods; *missing* ready pods have no metrics. Without any
    measured pod there is nothing to go by and *current* is returned.
    """
    if measured == 0:
        return current
    ratio = usage / target
    idle = unready if ratio > 1 else 0
    if not idle and not missing:
        return current if abs(1 - ratio) <= tolerance else math.ceil(ratio * measured)
    assumed = missing * FULL_USAGE if ratio < 1 else 0.0
    counted = measured + idle + missing
    corrected = (usage * measured + assumed) / counted / target
    turned = (ratio - 1) * (corrected - 1) < 0
    if turned or abs(1 - corrected) <= tolerance:
        return current
    replicas = math.ceil(corrected * counted)
    contrary = (corrected < 1 and replicas > current) or (corrected > 1 and replicas < current)
    return current if contrary else replicas


def by_total(*, current: int, total: float, target: float, tolerance: float = TOLERANCE) -> int:
    """Return the replicas recommended by a sum over all pods, where each should get *target* of it."""
    if current and abs(1 - total / (target * current)) <= tolerance:
        return current
    return math.ceil(total / target)


@dataclass(frozen=True, slots=True)
class _Event:
    time_s: float
    change: int
    """Replicas added; negative where they were removed."""


@dataclass(slots=True)
class Scaler:
    """One workload's memory: past recommendations, and what was scaled when."""

    out: Direction = SCALE_OUT
    into: Direction = SCALE_IN
    recommendations: list[tuple[float, int]] = field(default_factory=list)
    events: list[_Event] = field(default_factory=list)

    def scaled(self, *, now_s: float, current: int, recommended: int, bounds: Bounds) -> int:
        """Return the replicas to have from *now_s* on, and remember it as done."""
        if not bounds.least <= current <= bounds.most:
            return self._done(now_s, current, min(max(current, bounds.least), bounds.most))
        if not self.recommendations:
            self.recommendations.append((now_s, current))
        stable = self._stabilised(now_s, current, recommended)
        return self._done(now_s, current, self._limited(now_s, current, stable, bounds))

    def _stabilised(self, now_s: float, current: int, recommended: int) -> int:
        self.recommendations.append((now_s, recommended))
        up = min([recommended, *self._since(now_s - self.out.window_s)])
        down = max([recommended, *self._since(now_s - self.into.window_s)])
        longest_s = max(self.out.window_s, self.into.window_s)
        self.recommendations = [r for r in self.recommendations if r[0] > now_s - longest_s]
        return min(max(current, up), down)

    def _since(self, cutoff_s: float) -> list[int]:
        return [replicas for time_s, replicas in self.recommendations if time_s > cutoff_s]

    def _limited(self, now_s: float, current: int, wanted: int, bounds: Bounds) -> int:
        if wanted > current:
            allowed = max(_grown(a, self._at_start(now_s, current, a)) for a in self.out.allowances)
            return min(wanted, bounds.most, max(allowed, current))
        allowed = min(_shrunk(a, self._at_start(now_s, current, a)) for a in self.into.allowances)
        return max(wanted, bounds.least, min(allowed, current))

    def _at_start(self, now_s: float, current: int, allowance: Allowance) -> int:
        """Return the count at the start of the allowance's period."""
        return current - sum(e.change for e in self.events if e.time_s > now_s - allowance.period_s)

    def _done(self, now_s: float, current: int, replicas: int) -> int:
        longest_s = max(a.period_s for a in (*self.out.allowances, *self.into.allowances))
        self.events = [e for e in self.events if e.time_s > now_s - longest_s]
        if replicas != current:
            self.events.append(_Event(now_s, replicas - current))
        return replicas


def _grown(allowance: Allowance, start: int) -> int:
    return start + allowance.pods if allowance.pods else math.ceil(start * (1 + allowance.percent / 100))


def _shrunk(allowance: Allowance, start: int) -> int:
    return start - allowance.pods if allowance.pods else int(start * (1 - allowance.percent / 100))
