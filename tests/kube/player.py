"""Plays the nodes of a control plane: pods that land on them run, get ready, crash and end, as rules say.

    with playing(plane, namespace, cores=(4, 4), rule=lambda pod: NEVER_READY) as player:
        player.lose_node()

Scheduling, controllers and evictions are the real ones: a pod that asks for more than is free stays Pending.
With one node alone a loss evicts nobody, as Kubernetes then suspects itself.
"""

from __future__ import annotations

import heapq
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count

from urllib3.exceptions import HTTPError

from tests.kube.nodes import HEARTBEAT_S, Node
from tests.kube.plane import Plane
from tests.kube.pods import CRASH_EVERY_S, HEALTHY, Fate, Rule, crashed, lost, now, running
from tests.kube.rest import Json, Refused, Rest, will_pass
from tests.kube.stream import Event, Gone, Listed, changes, listed

AGAIN_S = 0.2
"""After which what the API server could not take is tried again."""
LOOK_S = 0.5
"""How long the player sleeps at most, with nothing to do."""
PATIENCE_S = 30.0
NUMBERS = count(1)

Action = Callable[[], None]


@dataclass(slots=True)
class Played:
    """One pod on a node of ours."""

    pod: Json
    fate: Fate
    node: Node
    address: str
    since: str = field(default_factory=now)
    starts: int = 0
    crashes: int = 0
    ending: bool = False

    @property
    def uid(self) -> str:
        """What makes it another pod than the next of its name."""
        return str(self.pod["metadata"]["uid"])

    @property
    def path(self) -> str:
        """Where the API has it."""
        metadata = self.pod["metadata"]
        return f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"


@dataclass(slots=True)
class Player:
    """Some nodes and the pods on them. One thread does it all; the others leave it things to do."""

    rest: Rest
    path: str
    rule: Rule
    nodes: list[Node]
    _pods: dict[str, Played] = field(default_factory=dict)
    _asked: queue.SimpleQueue[Action] = field(default_factory=queue.SimpleQueue)
    _due: list[tuple[float, int, Action]] = field(default_factory=list)
    _order: Iterator[int] = field(default_factory=count)
    _errors: list[Exception] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def lose_node(self, number: int = 0) -> None:
        """Cut a node off: what the node controller would find after forty seconds, it finds now.

        Its pods are no longer ready; they move where there is another node, after `flags.TOLERATION_S`.
        """
        self._have(partial(self._lose, self.nodes[number]))

    def return_node(self, number: int = 0) -> None:
        """Bring a lost node back, with what still is on it."""
        self._have(partial(self._return, self.nodes[number]))

    def _have(self, action: Action) -> None:
        """Have something done, and return when it is."""
        done = threading.Event()

        def act() -> None:
            action()
            done.set()

        self._asked.put(act)
        assert done.wait(PATIENCE_S), "the API server takes nothing from the player"

    def _lose(self, node: Node) -> None:
        node.lost = True
        node.report(self.rest, ready=None)
        for played in self._on(node):
            self._try(partial(self._write, played, lost()))

    def _return(self, node: Node) -> None:
        node.renew(self.rest)
        node.report(self.rest, ready=True)
        node.lost = False
        for played in self._on(node):
            self._try(partial(self._run, played))
            self._see(Event("MODIFIED", played.pod))

    def _on(self, node: Node) -> list[Played]:
        return [played for played in self._pods.values() if played.node is node]

    def _see(self, event: Event) -> None:
        """Take note of what became of a pod."""
        pod, uid = event.object, event.object["metadata"]["uid"]
        node = next((n for n in self.nodes if n.name == pod["spec"].get("nodeName")), None)
        if event.change == "DELETED" or node is None:
            self._pods.pop(uid, None)
            return
        if uid not in self._pods:
            self._pods[uid] = played = Played(pod, self.rule(pod), node, _address(next(NUMBERS)))
            self._after(played.fate.start_s, partial(self._run, played))
        played = self._pods[uid]
        played.pod = pod
        if "deletionTimestamp" in pod["metadata"] and not played.ending and not node.lost:
            played.ending = True
            self._after(played.fate.stop_s, partial(self._end, played))

    def _see_all(self, found: Listed) -> None:
        there = {event.object["metadata"]["uid"] for event in found.events}
        self._pods = {uid: played for uid, played in self._pods.items() if uid in there}
        for event in found.events:
            self._see(event)

    def _run(self, played: Played) -> None:
        self._report(played, running(played.pod, played.address, played.since, ready=False))
        played.starts += 1
        if played.fate.crashes:
            self._after(CRASH_EVERY_S, partial(self._crash, played, played.starts))
        elif played.fate.ready_s is not None:
            self._after(played.fate.ready_s, partial(self._get_ready, played, played.starts))

    def _get_ready(self, played: Played, start: int) -> None:
        if played.starts == start:
            self._report(played, running(played.pod, played.address, played.since, ready=True))

    def _crash(self, played: Played, start: int) -> None:
        if played.starts == start and self._is_ours(played):
            self._report(played, crashed(played.pod, played.crashes + 1))
            played.crashes += 1
            self._after(CRASH_EVERY_S, partial(self._crash, played, start))

    def _end(self, played: Played) -> None:
        if not self._is_ours(played):
            played.ending = False
            return
        options = {"gracePeriodSeconds": 0, "preconditions": {"uid": played.uid}}
        self.rest.delete(played.path, options)

    def _report(self, played: Played, status: Json) -> None:
        if self._is_ours(played):
            self._write(played, status)

    def _write(self, played: Played, status: Json) -> None:
        self.rest.patch(f"{played.path}/status", {"status": status}, "strategic")

    def _is_ours(self, played: Played) -> bool:
        """Say whether the pod is still there, and its node not cut off."""
        return self._pods.get(played.uid) is played and not played.node.lost

    def _renew(self, node: Node) -> None:
        if not node.lost:
            node.renew(self.rest)
        self._after(HEARTBEAT_S, partial(self._renew, node))

    def _after(self, delay_s: float, action: Action) -> None:
        heapq.heappush(self._due, (time.monotonic() + delay_s, next(self._order), action))

    def _work(self) -> None:
        for node in self.nodes:
            self._renew(node)
        while not self._over.is_set():
            wait_s = self._due[0][0] - time.monotonic()
            try:
                action = self._asked.get(timeout=min(max(wait_s, 0), LOOK_S))
            except queue.Empty:
                if wait_s > 0:
                    continue
                action = heapq.heappop(self._due)[2]
            self._try(action)

    def _try(self, action: Action) -> None:
        """Act, and again later where that may help; a pod that is gone needs nothing more."""
        try:
            action()
        except (HTTPError, Refused) as error:
            status = error.status if isinstance(error, Refused) else None
            if will_pass(error) or status == 409:
                self._after(AGAIN_S, action)
            elif status != 404:
                self._errors.append(error)
        except Exception as error:  # noqa: BLE001 - a rule's; told at the end
            self._errors.append(error)

    def _watch(self) -> None:
        try:
            while not self._over.is_set():
                self._watch_on()
        except Exception as error:  # noqa: BLE001 - told at the end
            self._errors.append(error)

    def _watch_on(self) -> None:
        """Watch the pods, until too much was missed to go on from there."""
        try:
            found = listed(self.rest, self.path)
            self._asked.put(partial(self._see_all, found))
            for event in changes(self.rest, self.path, found.version, self._over):
                self._asked.put(partial(self._see, event))
        except (HTTPError, Refused, Gone) as error:
            if not (isinstance(error, Gone) or will_pass(error)):
                raise
            self._over.wait(AGAIN_S)


@contextmanager
def playing(
    plane: Plane,
    namespace: str | None = None,
    *,
    cores: float | Sequence[float] = 8,
    rule: Rule = lambda _: HEALTHY,
) -> Iterator[Player]:
    """Play nodes of so many cores for the pods of a namespace (None: of all), which fare as the rule says.

    At the end the nodes are gone, and anything that went wrong is raised.
    """
    path = "/api/v1/pods" if namespace is None else f"/api/v1/namespaces/{namespace}/pods"
    sizes = cores if isinstance(cores, Sequence) else (cores,)
    nodes = [Node.registered(plane.rest, size) for size in sizes]
    player = Player(plane.rest, path, rule, nodes)
    worker = threading.Thread(target=player._work, daemon=True)
    worker.start()
    # The watch ends when the server ends it, within seconds; no test waits for that.
    threading.Thread(target=player._watch, daemon=True).start()
    try:
        yield player
    finally:
        player._over.set()
        worker.join()
        for node in nodes:
            node.remove(plane.rest)
    for error in player._errors:
        raise error


def _address(number: int) -> str:
    """Return the n-th address for a pod; the API takes no loopback addresses for pods."""
    return f"10.{64 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
