"""The Kubernetes HorizontalPodAutoscaler (autoscaling/v2) on CPU utilisation, one per stage.

The algorithm is that of Kubernetes, all three steps of it: see `baselines._hpa`.

    utilisation = sum over batches of their service time / (ready replicas * interval)
    target      70 % by default

Assumptions made to fit pipelines:
- variants and largest batches are those of the exact optimum at the planned peak (`baselines._deployed`):
  an HPA changes neither;
- a busy replica uses all the cores it requests and an idle one none, so the share of time that replicas
  are busy is their CPU utilisation. A batch counts in the interval in which it ends;
- the controller syncs at every decision, each 10 s, where Kubernetes' default is 15 s; windows and periods
  are kept in seconds of the loop's clock;
- all ready replicas of a stage are scraped together, so metrics are missing for all of them or none. Where
  they are missing the HPA stays, as Kubernetes does when it gets no metrics at all;
- replicas that were asked for and are not ready are "not yet ready" pods;
- what a core limit leaves no room for is not granted (`baselines._granted`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from baselines._deployed import autoscaled, deployed
from baselines._hpa import TOLERANCE, Bounds, Scaler, by_usage
from baselines._room import room_of
from baselines.policy import Situation, register
from core.configuration import Configuration
from core.observation import Observation, StageObservation


@register("hpa")
@dataclass(slots=True)
class HorizontalPodAutoscaler:
    """One HPA per stage. Its state is the deployment and each HPA's memory."""

    foresight: ClassVar[bool] = False
    target: float = 0.7
    """Utilisation to hold, a share of the cores requested (`averageUtilization`); a common choice."""
    tolerance: float = TOLERANCE
    """Relative deviation from the target that changes nothing (`--horizontal-pod-autoscaler-tolerance`)."""
    deployment: Configuration | None = field(default=None, init=False)
    scalers: dict[str, Scaler] = field(default_factory=dict, init=False)

    def decide(self, situation: Situation) -> Configuration:
        """Return the deployment with the replicas that the HPAs ask for.

        Raises:
            UsageError: nothing is feasible at the planned peak.
        """
        deployment = self.deployment = self.deployment or deployed(situation)
        room = room_of(situation)

        def replicas(seen: StageObservation, observation: Observation, current: int) -> int:
            stage = situation.pipeline.stage(seen.stage)
            variant = stage.variant(deployment[seen.stage].variant)
            bounds = Bounds(room.least(stage), room.most(stage, variant))
            return self._replicas(seen, observation, current, bounds)

        return autoscaled(situation, deployment, replicas)

    def _replicas(
        self, seen: StageObservation, observation: Observation, current: int, bounds: Bounds
    ) -> int:
        used = utilisation(seen, observation.interval_s)
        if used is None or seen.ready is None:
            return current
        ready = min(seen.ready, current)
        recommended = by_usage(
            current=current,
            usage=used,
            target=self.target,
            measured=ready,
            unready=current - ready,
            tolerance=self.tolerance,
        )
        scaler = self.scalers.setdefault(seen.stage, Scaler())
        return scaler.scaled(
            now_s=observation.time_s, current=current, recommended=recommended, bounds=bounds
        )


def utilisation(seen: StageObservation, interval_s: float) -> float | None:
    """Return the share of the interval that ready replicas were busy; None where it is unknown."""
    if not seen.ready or seen.arrivals_rps is None or interval_s == 0:
        return None
    return sum(s.batches * s.mean_s for s in seen.services) / (seen.ready * interval_s)
