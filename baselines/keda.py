"""KEDA on the rate of requests: an external metric and an `AverageValue` target, one ScaledObject per stage.

KEDA itself scales between 0 and 1 only; from 1 to N it hands the metric to an HPA, whose algorithm
(`baselines._hpa`) then decides, and whose stabilisation and limits hold:

    metric      requests per second that arrive at the stage, over the last interval
    target      share * throughput of one replica, per replica; share is 0.8 by default
    HPA         |1 - metric / (target * replicas)| <= 0.1: stay; else ceil(metric / target)
    to zero     only where a stage may have no replica: after `cooldownPeriod` in which the metric never
                exceeded `activationThreshold`
    from zero   to one, when it exceeds it again

Assumptions made to fit pipelines: variants and largest batches are those of the exact optimum at the
planned peak (`baselines._deployed`), and the target follows the batch in use; polling and sync are every
decision (10 s; KEDA's `pollingInterval` is 30 s, the HPA's sync 15 s); where the metric is missing nothing
changes (no `fallback` is configured); what a core limit leaves no room for is not granted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from baselines._deployed import autoscaled, deployed
from baselines._hpa import TOLERANCE, Bounds, Scaler, by_total
from baselines._room import room_of
from baselines.policy import Situation, register
from core.configuration import Configuration
from core.observation import Observation, StageObservation


@register("keda")
@dataclass(slots=True)
class RequestRate:
    """One ScaledObject per stage. Its state: the deployment, each HPA's memory, when work was last seen."""

    foresight: ClassVar[bool] = False
    share: float = 0.8
    """Of a replica's throughput, that each replica should get. The reference asks to stay at or below."""
    activation_rps: float = 0.0
    """Arrivals above which a stage is active (`activationThreshold`; KEDA's default)."""
    cooldown_s: float = 300.0
    """From the last time a stage was active until it goes to zero (`cooldownPeriod`; KEDA's default)."""
    tolerance: float = TOLERANCE
    """Relative deviation from the target that changes nothing."""
    deployment: Configuration | None = field(default=None, init=False)
    scalers: dict[str, Scaler] = field(default_factory=dict, init=False)
    active_s: dict[str, float] = field(default_factory=dict, init=False)
    """When each stage was last active, in seconds of the loop's clock."""

    def decide(self, situation: Situation) -> Configuration:
        """Return the deployment with the replicas that KEDA and the HPAs ask for.

        Raises:
            UsageError: nothing is feasible at the planned peak.
        """
        deployment = self.deployment = self.deployment or deployed(situation)
        running = situation.running or deployment
        room = room_of(situation)

        def replicas(seen: StageObservation, observation: Observation, current: int) -> int:
            if seen.arrivals_rps is None:
                return current
            stage = situation.pipeline.stage(seen.stage)
            variant = stage.variant(deployment[seen.stage].variant)
            target_rps = self.share * variant.at(running[seen.stage].batch).throughput_rps
            if stage.replicas.min == 0 and self._switches(seen, observation.time_s, current):
                return 0 if current else 1
            bounds = Bounds(room.least(stage), room.most(stage, variant))
            return self._scaled(seen, observation.time_s, current, target_rps, bounds)

        return autoscaled(situation, deployment, replicas)

    def _switches(self, seen: StageObservation, now_s: float, current: int) -> bool:
        """Say whether KEDA takes the stage to zero, or from it."""
        if (seen.arrivals_rps or 0.0) > self.activation_rps:
            self.active_s[seen.stage] = now_s
            return current == 0
        idle_s = now_s - self.active_s.setdefault(seen.stage, now_s)
        return current > 0 and idle_s > self.cooldown_s

    def _scaled(
        self, seen: StageObservation, now_s: float, current: int, target_rps: float, bounds: Bounds
    ) -> int:
        if current == 0:
            return 0  # an HPA does nothing at zero
        recommended = by_total(
            current=current, total=seen.arrivals_rps or 0.0, target=target_rps, tolerance=self.tolerance
        )
        scaler = self.scalers.setdefault(seen.stage, Scaler())
        return scaler.scaled(now_s=now_s, current=current, recommended=recommended, bounds=bounds)
