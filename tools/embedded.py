"""The embedded cluster: the request-level twin behind the same ports as a real one.

It keeps its desired state in a file, as an API server would, so that a controller that was killed finds
on restart what was applied and under which change id. Time passes only when asked to.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from pydantic import ValidationError

from core.configuration import Configuration
from core.errors import ActuationFailed, MetricsUnavailable, UsageError
from core.observation import Observation
from core.pipeline import Pipeline
from core.verify import Approved
from pipelines.files import replaced
from simulator.faults import Fault
from simulator.scrape import Scrape
from simulator.twin import Twin
from tools.observe import arrived, observed
from tools.ports import Desired
from tools.waits import batch_waits_s


class EmbeddedCluster:
    """A twin with a memory. Implements `Metrics` and `Actuator`."""

    def __init__(
        self,
        pipeline: Pipeline,
        initial: Configuration,
        trace_rps: Sequence[float],
        *,
        initial_rps: float,
        seed: int,
        memory: Path,
        faults: Sequence[Fault] = (),
    ) -> None:
        """Start the cluster, at its remembered state where *memory* exists.

        Args:
            pipeline: What serves.
            initial: What runs at first, unless something else is remembered.
            trace_rps: Requests per second, one figure per second.
            initial_rps: The load that *initial* was decided for: it sets the batch waits.
            seed: Of everything random.
            memory: The file that keeps what was asked for.
            faults: What goes wrong, and when.

        Raises:
            UsageError: the memory cannot be read or belongs to another pipeline.
        """
        self.pipeline = pipeline
        self._memory = memory
        self._desired = self._remembered(initial, initial_rps)
        self.twin = Twin(
            pipeline,
            self._desired.configuration,
            trace_rps,
            seed=seed,
            batch_wait_s=self._waits(),
            faults=faults,
        )
        self._scrapes: list[Scrape | None] = [self._scraped()]

    def pass_time(self, seconds: int) -> None:
        """Let whole seconds pass, scraping each."""
        self._scrapes = self._scrapes[-1:]
        for _ in range(seconds):
            self.twin.step(self.twin.now_s + 1.0)
            self._scrapes.append(self._scraped())

    def observe(self) -> Observation:
        """Return what the scrapes of the last interval show.

        Raises:
            MetricsUnavailable: the first or the last of them is missing.
        """
        first, last = self._scrapes[0], self._scrapes[-1]
        if first is None or last is None:
            raise MetricsUnavailable(f"no metrics at {self.twin.now_s:g} s")
        return observed(self.pipeline, first, last, self.samples())

    def samples(self) -> list[float | None]:
        """Return the requests of each second of the last interval; None where a scrape is missing."""
        return [arrived(a, b) for a, b in pairwise(self._scrapes)]

    def desired(self) -> Desired:
        """Return what was last asked for."""
        return self._desired

    def dry_run(self, approved: Approved, load_rps: float) -> None:
        """Find out whether the memory can be written, the one thing that can refuse a change here.

        Raises:
            ActuationFailed: it cannot.
        """
        if not os.access(self._memory.parent, os.W_OK):
            raise ActuationFailed(f"{self._memory}: cannot be written; make the folder writable")

    def apply(self, change: str, approved: Approved, load_rps: float) -> None:
        """Remember the change durably, then begin the roll-out.

        Raises:
            ActuationFailed: it cannot be remembered; nothing has changed then.
        """
        wanted = Desired(change=change, configuration=approved.configuration, load_rps=load_rps)
        if wanted == self._desired:
            return
        self._remember(wanted)
        self._desired = wanted
        self.twin.apply(wanted.configuration, self._waits())

    def _waits(self) -> Mapping[str, float]:
        return batch_waits_s(self.pipeline, self._desired.configuration, self._desired.load_rps)

    def _remembered(self, initial: Configuration, load_rps: float) -> Desired:
        if not self._memory.exists():
            first = Desired(change="initial", configuration=initial.checked(self.pipeline), load_rps=load_rps)
            self._remember(first)
            return first
        try:
            found = Desired.model_validate_json(self._memory.read_bytes())
            found.configuration.checked(self.pipeline)
        except (OSError, ValidationError, UsageError) as error:
            raise UsageError(
                f"{self._memory}: not the state of pipeline {self.pipeline.name!r}; use another --data folder"
            ) from error
        return found

    def _remember(self, wanted: Desired) -> None:
        try:
            replaced(self._memory, wanted.model_dump_json(), sync="file")
        except OSError as error:
            raise ActuationFailed(f"{self._memory}: cannot be written: {error.strerror}") from error

    def _scraped(self) -> Scrape | None:
        try:
            return self.twin.scrape()
        except MetricsUnavailable:
            return None
