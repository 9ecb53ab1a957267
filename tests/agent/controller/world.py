"""A controller's fleet on a real API server, with the twin for traffic, and a listener that remembers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from agent.context import LoopSettings
from agent.controller.fleet import Fleet
from agent.controller.member import Turn
from agent.controller.settings import ControllerSettings
from agent.controller.status import status_of
from agent.planners import Planner, create
from core.configuration import Configuration
from core.decision import Mode
from core.document import document_of
from core.pace import Pace
from core.pipeline import Pipeline
from core.problem import Margins
from tests.agent.controller.twins import TwinSource
from tests.kube.plane import Plane
from tests.tools.kubernetes.clusters import Owner
from tests.tools.kubernetes.stages import configured, toy
from tools.kubernetes.api import Timeouts, connect
from tools.kubernetes.declared import CRD, Declared, Key, PipelineObjects
from tools.kubernetes.errors import KubernetesError
from tools.kubernetes.workloads import Deployments
from tools.presence import Presence, read_presence

Json = dict[str, Any]
ROOT = Path(__file__).parents[3]
CRD_FILE = ROOT / "deploy" / "base" / "crd.yaml"
NO_WAITING = LoopSettings(mode="auto", margins=Margins(headroom=1.2), pace=Pace(stabilisation_s=10.0))


@dataclass(slots=True)
class Heard:
    """Implements `Listener`: keeps the turns, and writes the status as the product does."""

    declarations: PipelineObjects
    turns: list[tuple[Key, Turn]] = field(default_factory=list)
    left: list[Key] = field(default_factory=list)
    untold: list[KubernetesError] = field(default_factory=list)
    """What kept a status from being written; the next turn's is written anew."""

    def turned(self, declared: Declared, turn: Turn) -> None:
        self.turns.append((declared.key, turn))
        try:
            self.declarations.report(declared, status_of(declared, turn, now=1_800_000_000))
        except KubernetesError as error:
            self.untold.append(error)

    def gone(self, key: Key) -> None:
        self.left.append(key)

    def of(self, name: str) -> list[Turn]:
        return [turn for (_, n), turn in self.turns if n == name]


class World:
    """One namespace with pipelines, and a controller for it."""

    def __init__(
        self,
        plane: Plane,
        namespace: str,
        data: Path,
        trace_rps: Sequence[float],
        *,
        kubeconfig: Path | None = None,
        mode: Mode = "auto",
        planner: Planner | None = None,
        loop: LoopSettings = NO_WAITING,
        seed: int = 0,
        timeouts: Timeouts | None = None,
        may_write: Callable[[], bool] = lambda: True,
    ) -> None:
        plane.apply(CRD_FILE)
        self.plane, self.namespace = plane, namespace
        self.owner = Owner(plane.admin_kubeconfig, namespace)
        self.api = connect(kubeconfig or plane.admin_kubeconfig, timeouts=timeouts)
        admin = connect(plane.admin_kubeconfig)
        self.source = TwinSource(Deployments(admin, namespace), trace_rps, seed=seed)
        self.settings = ControllerSettings(
            namespaces=(namespace,), data=data, mode=mode, loop=replace(loop, mode=mode)
        )
        self.planner = planner or create("rules")
        self.may_write = may_write
        self.heard = Heard(PipelineObjects(self.api))
        self.fleet = self._new()

    def starts_anew(self) -> None:
        """End the controller, whatever it was doing, and start another one on its folder."""
        self.fleet.close()
        self.heard.declarations = PipelineObjects(self.api)
        self.fleet = self._new()

    def presence(self, name: str = "toy") -> Presence:
        """Return what a pipeline's loop last said of itself."""
        found = read_presence(self.settings.folder(self.namespace, name))
        assert found is not None
        return found

    def _new(self) -> Fleet:
        return Fleet(
            self.api,
            self.heard.declarations,
            self.source,
            self.settings,
            lambda _: nullcontext(self.planner),
            self.heard,
            may_write=self.may_write,
            unix=self.source.unix,
        )

    def declares(
        self,
        pipeline: Pipeline | None = None,
        *,
        mode: Mode = "auto",
        start: Configuration | None = None,
        changes: Json | None = None,
    ) -> Pipeline:
        """Create a pipeline's object and its Deployments."""
        pipeline = pipeline or toy(max_cores=40)
        self.owner.creates(pipeline, start or configured("small", 1, 1))
        spec = {**document_of(pipeline)["spec"], "operation": {"mode": mode}, **(changes or {})}
        body = {
            "apiVersion": "trimtab.dev/v1",
            "kind": "Pipeline",
            "metadata": {"name": pipeline.name},
            "spec": spec,
        }
        self.owner.posts(CRD.format(self.namespace), body)
        return pipeline

    def object(self, name: str = "toy") -> Json:
        return self.owner.api.get(f"{CRD.format(self.namespace)}/{name}")

    def condition(self, kind: str, name: str = "toy") -> Json:
        found = self.object(name)["status"]["conditions"]
        return next(c for c in found if c["type"] == kind)

    def says(self, stage: str, name: str = "toy") -> tuple[str, int]:
        spec = self.owner.deployment(f"{name}-{stage}")["spec"]
        env = {e["name"]: e.get("value") for e in spec["template"]["spec"]["containers"][0]["env"]}
        return str(env["TRIMTAB_VARIANT"]), int(spec["replicas"])

    def rolls_out(self, limit_s: float = 4.0) -> None:
        """Wait, at most so long, until every Deployment is complete: the trace's time is compressed."""
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            found = Deployments(self.owner.api, self.namespace).all()
            if all(s.progress.complete for stages in found.values() for s in stages):
                return
            time.sleep(0.05)
