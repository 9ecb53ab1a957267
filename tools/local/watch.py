"""What a live run cost: the cores of all processes that exist, looked at once a second."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.pipeline import Pipeline
from tools.local.layout import ClusterState


@dataclass(slots=True)
class Watch:
    """Cores second by second, and the replicas that were ever started."""

    pipeline: Pipeline
    began_s: float
    """Of the cluster's clock: the zero of the run."""
    cores: list[float] = field(default_factory=list)
    _seen: set[int] = field(default_factory=set)
    _first: int | None = None

    def look(self, state: ClusterState, now_s: float) -> None:
        """Note what exists now, for every second up to now that nobody looked at."""
        present = sum(self.pipeline.stage(r.stage).variant(r.variant).cores for r in state.replicas)
        self._seen |= {r.pid for r in state.replicas}
        if self._first is None:
            self._first = len(self._seen)
        missing = int(now_s - self.began_s) - len(self.cores)
        self.cores += [present] * max(0, missing)

    @property
    def starts(self) -> int:
        """Cold starts since the first look."""
        return len(self._seen) - (self._first or 0)
