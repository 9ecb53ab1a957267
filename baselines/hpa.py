"""The Kubernetes HorizontalPodAutoscaler (autoscaling/v2) on CPU utilisation, one per stage.

The algorithm is that of Kubernetes, all three steps of it: see `baselines._hpa`.

    utilisation = sum over batches of the time each keeps its replica / (ready replicas * interval)
                  a batch of b keeps it for b / throughput(b), as profiled; between measured sizes on a line;
                  where no throughput was profiled, for the mean service time that was observed
    target      70 % by default

An HPA reads the CPU of a pod that serves, which is at its request when the pod can do no more. Service times
do not add up to that. Where the profiled throughput is less than b / service time, the twin's replica pauses
after each batch, and one that always has work would look idle for as long as it pauses: in some of IPA's
pipelines never above the tolerance, so that no burst was scaled out. A pause counts as busy, as the replica
cannot take another batch in it (assumption: a real one works in it, on what surrounds the model). Where the
throughput is more, a replica works on several batches at once, and each counts for its part.

Assumptions made to fit pipelines:
- variants and largest batches are those of the exact optimum at the planned peak (`baselines._deployed`):
  an HPA changes neither;
- a busy replica uses all the cores it requests and an idle one none, so the share of time that replicas
  are busy is their CPU utilisation. A batch counts in the interval in which it ends;
- a replica that is slower than profiled is not seen to be busier, where the profile has throughputs;
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
from core.observation import Observation, ServiceObservation, StageObservation
from core.pipeline import Stage, Variant


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
            used = utilisation(seen, stage, observation.interval_s)
            return self._replicas(seen, used, observation.time_s, current, bounds)

        return autoscaled(situation, deployment, replicas)

    def _replicas(
        self, seen: StageObservation, used: float | None, now_s: float, current: int, bounds: Bounds
    ) -> int:
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
        return scaler.scaled(now_s=now_s, current=current, recommended=recommended, bounds=bounds)


def utilisation(seen: StageObservation, stage: Stage, interval_s: float) -> float | None:
    """Return the share of the interval that ready replicas were busy; None where it is unknown."""
    if not seen.ready or seen.arrivals_rps is None or interval_s == 0:
        return None
    busy_s = sum(_busy_s(stage.variant(s.variant), s) for s in seen.services)
    return busy_s / (seen.ready * interval_s)


def _busy_s(variant: Variant, served: ServiceObservation) -> float:
    """Return for how long all the batches *served* kept their replicas, in seconds."""
    sizes = served.sizes or ((served.batch, served.batches),)
    return sum(batches * _kept_s(variant, size, served.mean_s) for size, batches in sizes)


def _kept_s(variant: Variant, size: int, mean_s: float) -> float:
    """Return for how long a batch of *size* keeps its replica: as profiled, else *mean_s* as observed.

    One smaller than any measured keeps it as long as the smallest measured.
    """
    point = variant.interpolated(max(size, min(variant.points)))
    if not _has_throughput(variant, point.batch):
        return mean_s
    return point.batch / point.throughput_rps


def _has_throughput(variant: Variant, size: int) -> bool:
    """Say whether a throughput was measured at *size*, or at a measured size next to it."""
    below, above = max(b for b in variant.points if b <= size), min(b for b in variant.points if b >= size)
    return any(variant.at(b).throughput is not None for b in (below, above))
