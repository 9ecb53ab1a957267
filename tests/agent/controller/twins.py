"""Traffic for pipelines on a real API server, without servers: the twin serves what the Deployments say.

Each sweep lets one interval pass in the twin, with the configuration that the workloads of the pipeline
carry at that moment, and gives what its scrapes show. So the world is the cluster's objects, and time is as
fast as the API server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from agent.controller.cluster import Reading
from core.configuration import Configuration
from core.errors import MetricsUnavailable
from core.pipeline import Pipeline
from simulator.scrape import Scrape
from simulator.twin import Twin
from tools.kubernetes.declared import Key
from tools.kubernetes.workloads import Workloads
from tools.observe import arrived, observed
from tools.promql.asking import Watched
from tools.waits import batch_waits_s


@dataclass(slots=True)
class TwinSource:
    """Implements the controller's `Source`, and its clock."""

    workloads: Workloads
    trace_rps: Sequence[float]
    seed: int = 0
    began: float = 1_800_000_000.0
    """Unix time of the trace's first second."""
    interval_s: int = 10
    blind: set[int] = field(default_factory=set)
    """Sweeps, counted from 0, in which Prometheus cannot be asked."""
    sweeps: int = 0
    notes: dict[Key, str] = field(default_factory=dict)
    _twins: dict[Key, Twin] = field(default_factory=dict)
    _running: dict[Key, Configuration] = field(default_factory=dict)

    def unix(self) -> float:
        """Return the unix time at the end of the last sweep."""
        return self.began + self.sweeps * self.interval_s

    def read(self, watched: Sequence[Watched]) -> Mapping[Key, Reading]:
        """Let an interval pass, and return what it showed."""
        self.sweeps += 1
        found = {each.key: self._passed(each) for each in watched}
        if self.sweeps - 1 in self.blind:
            return dict.fromkeys(found, MetricsUnavailable("Prometheus cannot be asked"))
        return found

    def _passed(self, each: Watched) -> Reading:
        if len(self.workloads.list(each.pipeline.name)) < len(each.pipeline.stages):
            return MetricsUnavailable("nothing of it runs")
        twin = self._twin(each.key, each.pipeline)
        scrapes: list[Scrape | None] = [_scraped(twin)]
        end_s = float(self.sweeps * self.interval_s)
        while twin.now_s < end_s:
            twin.step(twin.now_s + 1.0)
            scrapes.append(_scraped(twin))
        recent = scrapes[-self.interval_s - 1 :]
        first, last = recent[0], recent[-1]
        if first is None or last is None:
            return MetricsUnavailable("a scrape is missing")
        loads = [arrived(a, b) for a, b in pairwise(recent)]
        time_s = self.unix() - each.began_at
        return observed(each.pipeline, first, last, loads).model_copy(update={"time_s": max(0.0, time_s)})

    def _twin(self, key: Key, pipeline: Pipeline) -> Twin:
        """Return the pipeline's twin, told what its workloads say now."""
        says = self._says(pipeline)
        if key not in self._twins:
            self._twins[key] = Twin(
                pipeline,
                says,
                self.trace_rps,
                seed=self.seed,
                batch_wait_s=batch_waits_s(pipeline, says, max(1.0, self.trace_rps[0])),
            )
        elif says != self._running[key]:
            self._twins[key].apply(says, batch_waits_s(pipeline, says, max(1.0, self._now_rps())))
        self._running[key] = says
        return self._twins[key]

    def _now_rps(self) -> float:
        return self.trace_rps[min(len(self.trace_rps) - 1, self.sweeps * self.interval_s)]

    def _says(self, pipeline: Pipeline) -> Configuration:
        seen = {s.stage: s for s in self.workloads.list(pipeline.name)}
        settings = []
        for stage in pipeline.stages:
            wanted = seen[stage.name].wanted
            assert wanted is not None, f"{stage.name} says nothing"
            settings.append(wanted.model_copy(update={"replicas": seen[stage.name].spec.replicas}))
        return Configuration(stages=tuple(settings))


def _scraped(twin: Twin) -> Scrape | None:
    try:
        return twin.scrape()
    except MetricsUnavailable:
        return None
