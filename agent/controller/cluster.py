"""One pipeline on Kubernetes as its loop sees it: what was read in this sweep, and its workloads."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import MetricsUnavailable
from core.observation import Observation, StageObservation
from core.verify import Approved
from tools.kubernetes.actuator import KubernetesActuator
from tools.kubernetes.seen import Progress
from tools.ports import Desired

Reading = Observation | MetricsUnavailable


@dataclass(slots=True)
class PipelineOnKubernetes:
    """Implements `Metrics` and `Actuator`."""

    actuator: KubernetesActuator
    reading: Reading | None = None
    """Of the present sweep; taken once."""

    def observe(self) -> Observation:
        """Return what this sweep read. Only replicas of what is wanted count as ready.

        Raises:
            MetricsUnavailable: it read nothing usable, or was taken already.
        """
        reading, self.reading = self.reading, None
        match reading:
            case None:
                raise MetricsUnavailable("nothing was read since the last turn")
            case MetricsUnavailable():
                raise reading
        progress = self.actuator.progress()
        stages = tuple(_with_ready(stage, progress.get(stage.stage)) for stage in reading.stages)
        return reading.model_copy(update={"stages": stages})

    def desired(self) -> Desired:
        """Return what was last asked for."""
        return self.actuator.desired()

    def dry_run(self, approved: Approved, load_rps: float) -> None:
        """Have the API server check the change; nothing changes."""
        self.actuator.dry_run(approved, load_rps)

    def apply(self, change: str, approved: Approved, load_rps: float) -> None:
        """Ask for an approved configuration."""
        self.actuator.apply(change, approved, load_rps)


def _with_ready(stage: StageObservation, progress: Progress | None) -> StageObservation:
    """Return the stage with at most as many ready replicas as there are ready pods of the new template.

    What Prometheus counts as ready may be pods of before, which serve until the new ones do.
    """
    if stage.ready is None or progress is None:
        return stage
    return stage.model_copy(update={"ready": min(stage.ready, progress.ready)})
