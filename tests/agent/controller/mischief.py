"""What befalls a controller and its cluster at random, from one seed: faults, hands, pauses, kills."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from tests.agent.controller.judge import Told
from tests.agent.controller.world import World
from tests.kube.faults import Answer, Cut, Delay, Fault, Request, Reset, Silence, busy, login_page
from tests.kube.stream import Event
from tests.tools.kubernetes.stages import configured
from tools.kubernetes.declared import CRD
from tools.kubernetes.hindrance import HPA
from tools.kubernetes.names import ADOPT, CHANGE, PAUSED

START = configured("small", 1, 1)
MOST = 8
"""Replicas of a stage."""
WRITE_FAULTS: tuple[Fault, ...] = (
    Answer(409),
    Answer(403),
    busy(1),
    Answer(500),
    Answer(503),
    Answer(401),
    Silence(forwarded=False),
    Silence(forwarded=True),
    Reset(forwarded=False),
    Reset(forwarded=True),
    Cut(),
    Delay(0.2),
    login_page(),
)
READ_FAULTS: tuple[Fault, ...] = (
    Answer(500),
    Answer(401),
    busy(1),
    Reset(forwarded=False),
    Reset(forwarded=True),
    Cut(),
    Delay(0.2),
    login_page(),
)
KINDS = {
    "write": 1.0,
    "dry": 0.2,
    "again": 0.4,
    "status": 1.0,
    "look": 0.1,
    "declared": 0.1,
    "autoscalers": 0.1,
}
"""How probably a fault waits for which kind of request; the last three cost a whole sweep."""
ENDS = 0.3
"""How probably a hold ends before a sweep."""
MOST_WAITING = 2


class Killed(BaseException):
    """The controller ends here, as a kill would end it."""


def kind_of(request: Request) -> str | None:
    """Return what a request of the controller is for."""
    match request.method, request.path.rpartition("/")[2]:
        case "PATCH", "status":
            return "status"
        case "PATCH", _ if "/deployments/" in request.path:
            return "dry" if "dryRun" in request.query else "write"
        case "GET", "deployments":
            return "again" if "=" in request.query.get("labelSelector", "") else "look"
        case "GET", "pipelines":
            return "declared"
        case "GET", "horizontalpodautoscalers":
            return "autoscalers"
    return None


@dataclass(slots=True)
class Hold:
    """What keeps Trimtab from a pipeline, and how that ends."""

    pipeline: str
    since: int
    end: Callable[[], None]


@dataclass(slots=True)
class Mischief:
    """The script of the proxy, and what people do between the sweeps."""

    random: Random
    world: World
    pipelines: tuple[str, ...]
    done: Counter[str] = field(default_factory=Counter)
    """What befell, by kind."""
    hands: set[int] = field(default_factory=set)
    holds: list[Hold] = field(default_factory=list)
    quiet: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    _waiting: dict[str, deque[Fault]] = field(default_factory=dict)
    _edits: int = 0
    _dies_before: int = 0
    _dies_after: int = 0
    _dead: bool = False
    _edited: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: Request) -> Fault | None:
        """Return what befalls a request."""
        with self._lock:
            if self._dead:
                return Reset(forwarded=False)
            kind = kind_of(request)
            if kind is None:
                return None
            if kind == "write" and self._dies_after:
                self._dies_after, self._dead = 0, True
                return Reset(forwarded=True)
            if kind == "write" and self._edits:
                self._edits = 0
                self._edit(request.path.rpartition("/")[2])
                return None
            waiting = self._waiting.get(kind)
            if not waiting:
                return None
            self.done[kind] += 1
            return waiting.popleft()

    def may_write(self) -> bool:
        """Answer for the lease, and end the controller where it is time."""
        if self._dies_before:
            self._dies_before = 0
            raise Killed
        return True

    def before_sweep(self) -> None:
        """Prepare what is to befall the next sweep."""
        for kind, share in KINDS.items():
            waiting = self._waiting.setdefault(kind, deque())
            if len(waiting) < MOST_WAITING and self.random.random() < share:
                faults = WRITE_FAULTS if kind in {"write", "dry", "status"} else READ_FAULTS
                waiting.append(self.random.choice(faults))
        acts = self._acts()
        (act,) = self.random.choices(list(acts), list(acts.values()))
        act()
        for hold in [h for h in self.holds if self.random.random() < ENDS]:
            self._ends(hold)

    def after_sweep(self) -> None:
        """Take note of what hands did in it, and start a controller that died anew."""
        with self._lock:
            dead, edited = self._dead, self._edited
            self._dead, self._edited = False, []
        if dead:
            self.done["killed after a write"] += 1
            self.world.starts_anew()
        for name in edited:
            self.done["edited in the last moment"] += 1
            self._holds_edit(name)

    def died(self) -> None:
        """Start a controller anew that was killed before a write."""
        self.done["killed before a write"] += 1
        self.world.starts_anew()

    def ends(self) -> None:
        """Let everything be as it should."""
        self._waiting.clear()
        self._edits = self._dies_before = self._dies_after = 0
        for hold in list(self.holds):
            self._ends(hold)

    def _acts(self) -> dict[Callable[[], None], float]:
        """Return what people and machines do, with how often they do."""
        return {
            self._edits_by_hand: 3,
            self._edits_late: 2,
            self._pauses: 2,
            self._pauses_declaration: 1,
            self._scales_by_hpa: 2,
            self._deletes_pods: 1,
            self._blinds: 0.5,
            self._kills: 0.5,
            self._kills_before_write: 1,
            self._kills_after_write: 1,
        }

    def _free(self) -> str | None:
        """Return a pipeline that nobody holds."""
        held = {hold.pipeline for hold in self.holds}
        free = [name for name in self.pipelines if name not in held]
        return self.random.choice(free) if len(free) > 1 else None

    def _hold(self, pipeline: str, what: str, end: Callable[[], None]) -> None:
        self.done[what] += 1
        self.holds.append(Hold(pipeline, self._version(), end))

    def _ends(self, hold: Hold) -> None:
        self.holds.remove(hold)
        self.quiet.setdefault(hold.pipeline, []).append((hold.since, self._version()))
        hold.end()

    def _version(self) -> int:
        """Return the cluster's present version."""
        return int(self.world.owner.api.get(self.world.owner.path)["metadata"]["resourceVersion"])

    def _told(self, name: str) -> Told:
        return Told.of(Event("MODIFIED", self.world.owner.deployment(name)))

    def _edit(self, name: str) -> None:
        """Change the number of replicas by hand."""
        replicas = self._told(name).replicas
        made = self.world.owner.edits(name, {"spec": {"replicas": replicas % MOST + 1}})
        self.hands.add(int(made["metadata"]["resourceVersion"]))
        self._edited.append(name)

    def _edits_by_hand(self) -> None:
        pipeline = self._free()
        if pipeline is not None:
            name = f"{pipeline}-{self.random.choice(('find', 'read'))}"
            self._edit(name)
            self._edited.clear()
            self.done["edited"] += 1
            self._holds_edit(name)

    def _holds_edit(self, name: str) -> None:
        """Hold a pipeline until an edit is undone or adopted; before the first change nobody can tell."""
        told = self._told(name)
        if told.edited and not told.adopted:
            end = self.random.choice((self._undoes, self._adopts))
            self.holds.append(Hold(name.rpartition("-")[0], self._version(), lambda: end(name)))

    def _undoes(self, name: str) -> None:
        asked = self._told(name).asked
        assert asked is not None
        made = self.world.owner.edits(name, {"spec": {"replicas": asked["replicas"]}})
        self.hands.add(int(made["metadata"]["resourceVersion"]))
        self.done["undone"] += 1

    def _adopts(self, name: str) -> None:
        change = self.world.owner.deployment(name)["metadata"]["annotations"][CHANGE]
        self.world.owner.annotates(name, ADOPT, change)
        self.done["adopted"] += 1

    def _pauses(self) -> None:
        pipeline = self._free()
        if pipeline is not None:
            name = f"{pipeline}-find"
            self.world.owner.annotates(name, PAUSED, "true")
            self._hold(pipeline, "paused", lambda: void(self.world.owner.annotates(name, PAUSED, None)))

    def _pauses_declaration(self) -> None:
        pipeline = self._free()
        if pipeline is not None:
            self._marks(pipeline, "true")
            self._hold(pipeline, "declaration paused", lambda: self._marks(pipeline, None))

    def _marks(self, pipeline: str, value: str | None) -> None:
        path = f"{CRD.format(self.world.namespace)}/{pipeline}"
        self.world.owner.api.patch(path, {"metadata": {"annotations": {PAUSED: value}}}, "merge")

    def _scales_by_hpa(self) -> None:
        pipeline = self._free()
        if pipeline is not None:
            path, name = HPA.format(self.world.namespace), f"{pipeline}-read"
            target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
            body = {
                "apiVersion": "autoscaling/v1",
                "kind": "HorizontalPodAutoscaler",
                "metadata": {"name": name},
                "spec": {"scaleTargetRef": target, "maxReplicas": MOST},
            }
            self.world.owner.posts(path, body)
            self._hold(pipeline, "autoscaled", lambda: self.world.owner.deletes(f"{path}/{name}"))

    def _deletes_pods(self) -> None:
        self.done["pods deleted"] += 1
        path = f"/api/v1/namespaces/{self.world.namespace}/pods"
        label = f"trimtab.dev/pipeline={self.random.choice(self.pipelines)}"
        self.world.plane.rest.delete(path, labelSelector=label)

    def _blinds(self) -> None:
        self.done["blind"] += 1
        self.world.source.blind.add(self.world.source.sweeps)

    def _kills(self) -> None:
        self.done["killed between"] += 1
        self.world.starts_anew()

    def _kills_before_write(self) -> None:
        self._dies_before = 1

    def _kills_after_write(self) -> None:
        self._dies_after = 1

    def _edits_late(self) -> None:
        self._edits = 1


def void(_: object) -> None:
    """Return nothing."""
