"""The supervisor: `python -m tools.local.supervisor FOLDER`. What a kubelet and its controllers are to pods.

Ten times a second it looks at what should run (`desired.json`), at what does, and takes the steps that are
due. It keeps the router's list of replicas, Prometheus' list of targets, and `state.json`. On SIGTERM it
drains everything and ends. What an earlier supervisor left running, it ends first.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import httpx2
import psutil

from core.errors import TrimtabError, UsageError
from pipelines.files import replaced
from pipelines.serving.contract import LiveSettings, RouterSettings
from tools.local import scraping
from tools.local.child import Child, free_port
from tools.local.fleet import StageProcesses
from tools.local.layout import ClusterState, Layout, ReplicaState
from tools.local.starting import start_server
from tools.waits import batch_waits_s

LOOK_S = 0.1
SAY_S = 0.5
"""How often `state.json` is written, where nothing changed."""
ROUTER, PROMETHEUS = "router", "prometheus"
PROMETHEUS_READY = "/-/ready"
ONE_BY_ONE = LiveSettings(batch=1, batch_wait_s=0.0)
"""How cases are answered: nobody is in a hurry."""


class Supervisor:
    """Keeps the processes of one local cluster."""

    def __init__(self, layout: Layout, client: httpx2.AsyncClient) -> None:
        """Read the specification and end what an earlier supervisor left.

        Raises:
            UsageError: the folder does not hold what it must.
        """
        self._layout = layout
        self._client = client
        self._spec = layout.read_spec()
        self._desired = layout.read_desired()
        before = layout.read_state()
        self._began_at = time.time() if before is None else before.began_at
        if before is not None:
            end(before.pids)
        self._problem = ""
        self._restarts = 0
        self._written: dict[Path, str] = {}
        self._said_s = 0.0
        self._stop = asyncio.Event()
        self._watches: set[asyncio.Task[None]] = set()
        self._router_port, self._prometheus_port = free_port(), free_port()
        self._stages = {
            stage.name: StageProcesses(stage.name, self._spec, layout, client, self._complain)
            for stage in self._spec.pipeline.stages
        }
        self._shadows = {
            stage.name: StageProcesses(stage.name, self._spec, layout, client, self._complain, shadow=True)
            for stage in self._spec.pipeline.stages
        }

    async def run(self) -> None:
        """Look and act until SIGTERM or SIGINT, then drain."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
        self._put(self._layout.endpoints, "{}")
        self._put(self._layout.shadows, "{}")
        self._put(self._layout.targets, scraping.targets(()))
        self._put(self._layout.prometheus, scraping.configuration(self._layout))
        self._start_router()
        self._start_prometheus()
        while not self._stop.is_set():
            self._look()
            try:
                await asyncio.wait_for(self._stop.wait(), LOOK_S)
            except TimeoutError:
                continue
        await self._drain()

    def _look(self) -> None:
        try:
            self._desired = self._layout.read_desired()
            examined = self._layout.read_shadows().variants
            for name, stage in self._shadows.items():
                stage.step(examined.get(name, ""), int(name in examined), ONE_BY_ONE)
        except UsageError as error:
            self._complain(str(error))
        pipeline, wanted = self._spec.pipeline, self._desired.configuration
        waits_s = batch_waits_s(pipeline, wanted, self._desired.load_rps)
        for name, stage in self._stages.items():
            setting = wanted[name]
            live = LiveSettings(batch=setting.batch, batch_wait_s=waits_s[name])
            stage.step(setting.variant, setting.replicas, live)
        if self._router.ended:
            self._ended(ROUTER)
            self._start_router()
        if self._prometheus.ended:
            self._ended(PROMETHEUS)
            self._start_prometheus()
        self._publish()

    def _publish(self) -> None:
        """Write what changed: the router's replicas first."""
        serving = [state for stage in self._stages.values() for state in stage.states()]
        shadows = [state for stage in self._shadows.values() for state in stage.states()]
        replicas = [*serving, *shadows]
        self._put(self._layout.endpoints, self._ready(serving))
        self._put(self._layout.shadows, self._ready(shadows))
        scraped = [self._router.address, *(r.address for r in serving if r.phase != "starting")]
        self._put(self._layout.targets, scraping.targets(scraped))
        state = ClusterState(
            pid=os.getpid(),
            began_at=self._began_at,
            seen_at=0.0,
            router=self._router.address,
            router_ready=self._router.ready,
            prometheus_url=f"http://{self._prometheus.address}",
            change=self._desired.change,
            replicas=tuple(replicas),
            restarts=self._restarts + sum(stage.restarts for stage in self._stages.values()),
            problem=self._problem,
            pids=(self._router.process.pid, self._prometheus.process.pid, *(r.pid for r in replicas)),
        )
        text, now_s = state.model_dump_json(), time.monotonic()
        if self._written.get(self._layout.state) != text or now_s - self._said_s > SAY_S:
            self._written[self._layout.state], self._said_s = text, now_s
            said = state.model_copy(update={"seen_at": time.time()})
            replaced(self._layout.state, said.model_dump_json(), sync="file")

    def _ready(self, replicas: Iterable[ReplicaState]) -> str:
        """Return the text of a router's file: who is ready, by stage."""
        found: dict[str, list[str]] = {name: [] for name in self._stages}
        for replica in replicas:
            if replica.phase == "ready":
                found[replica.stage].append(replica.address)
        return json.dumps(found)

    def _put(self, path: Path, text: str) -> None:
        if self._written.get(path) != text:
            replaced(path, text, sync="file")
            self._written[path] = text

    def _start_router(self) -> None:
        spec = self._spec
        settings = RouterSettings(
            pipeline=spec.pipeline.name,
            kit=spec.kit,
            slo_s=spec.pipeline.slo.latency_s,
            port=self._router_port,
            endpoints=str(self._layout.endpoints),
            expires_after=spec.expires_after,
            labels=spec.labels,
            shadows=str(self._layout.shadows),
            drain_delay_s=0.0,
        )
        self._router = start_server(spec, settings, self._layout, ROUTER)
        self._watching(self._router)

    def _start_prometheus(self) -> None:
        address = f"127.0.0.1:{self._prometheus_port}"
        self._prometheus = Child.start(
            PROMETHEUS,
            scraping.command(str(self._spec.prometheus), self._layout, address),
            {},
            address=address,
            ready_path=PROMETHEUS_READY,
            log=self._layout.log(PROMETHEUS),
        )
        self._watching(self._prometheus)

    def _watching(self, child: Child) -> None:
        task = asyncio.get_running_loop().create_task(child.watch(self._client), name=child.name)
        self._watches.add(task)
        task.add_done_callback(self._watches.discard)

    def _ended(self, name: str) -> None:
        self._restarts += 1
        self._complain(f"{name} ended by itself; see {self._layout.log(name)}")

    def _complain(self, problem: str) -> None:
        if problem != self._problem:
            self._problem = problem
            sys.stderr.write(f"{problem}\n")
            sys.stderr.flush()

    async def _drain(self) -> None:
        """End the door first, so that nothing comes in, then the stages in order, then Prometheus."""
        await self._router.stop()
        for stage in (*self._stages.values(), *self._shadows.values()):
            await stage.stop()
        await self._prometheus.stop()
        self._layout.state.unlink(missing_ok=True)


def end(pids: Iterable[int]) -> None:
    """End processes that an earlier supervisor left; what is no process of a local cluster is let be."""
    left = []
    for pid in pids:
        try:
            process = psutil.Process(pid)
            if any(
                "pipelines.serving" in word or "--storage.tsdb.path" in word for word in process.cmdline()
            ):
                process.kill()
                left.append(process)
        except psutil.Error:
            continue  # gone already, or not ours
    psutil.wait_procs(left, timeout=5)


async def _supervise(folder: Path) -> None:
    async with httpx2.AsyncClient() as client:
        await Supervisor(Layout(folder), client).run()


def main() -> None:
    """Supervise the folder named on the command line."""
    (folder,) = sys.argv[1:]
    try:
        asyncio.run(_supervise(Path(folder)))
    except (TrimtabError, OSError) as error:
        sys.stderr.write(f"trimtab local: {error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
