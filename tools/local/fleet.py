"""The replicas of one stage on this machine: from what is wanted to processes, started and drained."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from core.pipeline import Variant
from pipelines.files import replaced
from pipelines.serving.contract import LiveSettings, ReplicaSettings
from tools.local.child import Child, free_port
from tools.local.layout import ClusterSpec, Layout, ReplicaPhase, ReplicaState
from tools.local.rollout import Replica, steps
from tools.local.starting import start_server

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0
"""Before a process that ended by itself is started again: doubled each time, as Kubernetes does."""
DRAIN_DELAY_S = 0.5
"""The router looks for replicas ten times a second."""


@dataclass(slots=True)
class _Member:
    id: int
    variant: str
    child: Child
    watching: asyncio.Task[None]
    leaving: asyncio.Task[None] | None = None

    @property
    def phase(self) -> ReplicaPhase:
        if self.leaving is not None:
            return "draining"
        return "ready" if self.child.ready else "starting"


@dataclass(slots=True)
class StageProcesses:
    """All processes of one stage."""

    stage: str
    spec: ClusterSpec
    layout: Layout
    client: httpx2.AsyncClient
    complain: Callable[[str], None]
    shadow: bool = False
    """Whether its replicas only answer cases."""
    restarts: int = 0
    _members: list[_Member] = field(default_factory=list)
    _started: int = 0
    _pause_s: float = FIRST_PAUSE_S
    _not_before_s: float = 0.0

    def step(self, variant: str, wanted: int, live: LiveSettings) -> None:
        """Take note of what ended, and start and drain what is due."""
        self._bury()
        self._configure(variant, live)
        due = steps(variant, wanted, [Replica(m.id, m.variant, m.phase) for m in self._members])
        if time.monotonic() >= self._not_before_s:
            for _ in range(due.start):
                self._start(variant, live)
        for member in self._members:
            if member.id in due.retire:
                self._retire(member)

    def states(self) -> Iterator[ReplicaState]:
        """Yield what every process does."""
        for member in self._members:
            yield ReplicaState(
                stage=self.stage,
                variant=member.variant,
                address=member.child.address,
                pid=member.child.process.pid,
                phase=member.phase,
                shadow=self.shadow,
            )

    async def stop(self) -> None:
        """Drain everything."""
        for member in self._members:
            self._retire(member)
        await asyncio.gather(*(m.leaving for m in self._members if m.leaving is not None))

    def _bury(self) -> None:
        for member in [m for m in self._members if m.child.ended]:
            self._members.remove(member)
            if member.leaving is None:
                self.restarts += 1
                how = (
                    "hung and was killed"
                    if member.child.hung
                    else f"ended ({member.child.process.returncode})"
                )
                log = self.layout.log(member.child.name)
                self.complain(f"{self.stage}: {member.variant} {how} by itself; see {log}")
                self._not_before_s = time.monotonic() + self._pause_s
                self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        if self._members and all(m.child.ready for m in self._members):
            self._pause_s = FIRST_PAUSE_S

    def _configure(self, variant: str, live: LiveSettings) -> None:
        path, text = self._config(variant), live.model_dump_json()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            replaced(path, text, sync="file")

    def _start(self, variant: str, live: LiveSettings) -> None:
        self._started += 1
        name = f"{self.stage}-{'shadow-' if self.shadow else ''}{self._started}"
        child = start_server(self.spec, self._settings(variant, live), self.layout, name)
        watching = asyncio.get_running_loop().create_task(child.watch(self.client), name=name)
        self._members.append(_Member(self._started, variant, child, watching))

    def _settings(self, variant: str, live: LiveSettings) -> ReplicaSettings:
        spec = self.spec
        return ReplicaSettings(
            pipeline=spec.pipeline.name,
            kit=spec.kit,
            stage=self.stage,
            variant=variant,
            slo_s=spec.pipeline.slo.latency_s,
            port=free_port(),
            models=spec.models,
            batch=live.batch,
            batch_wait_s=live.batch_wait_s,
            threads=_threads(spec.pipeline.stage(self.stage).variant(variant)),
            config=self._config(variant),
            drain_delay_s=DRAIN_DELAY_S,
        )

    def _config(self, variant: str) -> Path:
        return self.layout.config(f"shadow-{self.stage}" if self.shadow else self.stage, variant)

    def _retire(self, member: _Member) -> None:
        if member.leaving is None:
            member.leaving = asyncio.get_running_loop().create_task(member.child.stop())


def _threads(variant: Variant) -> int:
    """Return the threads of a replica: its cores, at least one."""
    return max(1, round(variant.cores))
