"""All declared pipelines, once an interval: read the cluster, read the metrics, let each take its turn.

One that is broken never stops the others: what cannot be read is reported where it was declared, what fails
in its turn ends that turn, and one that still thinks (a language model takes its time) is left alone until
it has finished.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import Protocol

from agent.controller.cluster import Reading
from agent.controller.member import Member, Planners, Turn, open_member
from agent.controller.settings import ControllerSettings
from agent.controller.tracing import Tracer, Untraced
from core.errors import MetricsUnavailable, TrimtabError
from tools.kubernetes.api import Api
from tools.kubernetes.declared import Declarations, Declared, Key
from tools.kubernetes.errors import Forbidden, KubernetesError
from tools.kubernetes.kserve import InferenceServices
from tools.kubernetes.view import View
from tools.kubernetes.workloads import Deployments
from tools.promql.asking import Watched

logger = logging.getLogger(__name__)


class Source(Protocol):
    """What reads the metrics of all pipelines at once."""

    @property
    def notes(self) -> Mapping[Key, str]:
        """What the last reading found odd, and used all the same."""
        ...

    def read(self, watched: Sequence[Watched]) -> Mapping[Key, Reading]:
        """Return what was measured of each in the last interval, or why nothing usable was."""
        ...


class Listener(Protocol):
    """Who hears what came of the turns: status, events, metrics."""

    def turned(self, declared: Declared, turn: Turn) -> None:
        """Hear of one turn. Called from the threads that take them; it may not raise."""
        ...

    def gone(self, key: Key) -> None:
        """Hear that a pipeline is declared no more."""
        ...


@dataclass(slots=True)
class Fleet:
    """Not thread-safe: one thread sweeps."""

    api: Api
    declarations: Declarations
    source: Source
    settings: ControllerSettings
    planners: Planners
    listener: Listener
    may_write: Callable[[], bool]
    unix: Callable[[], float] = time.time
    tracer: Tracer = field(default_factory=Untraced)
    members: dict[Key, Member] = field(default_factory=dict)
    _views: dict[tuple[str, str], View] = field(default_factory=dict)
    """By namespace and kind of workload."""
    _busy: dict[Key, Future[None]] = field(default_factory=dict)
    _pool: ThreadPoolExecutor | None = None

    def sweep(self) -> None:
        """Let every pipeline take a turn, and wait for them, at most one interval.

        Raises:
            KubernetesError: the cluster could not be read: nothing was decided.
            UsageError: it does not know what pipelines are declared with.
        """
        seen = {namespace for namespace in self.settings.namespaces if self._looked_at(namespace)}
        working = self._working()
        due = {key: m for key, m in self.members.items() if key[0] in seen and key not in working}
        readings = self._read(due)
        for key, member in due.items():
            self._busy[key] = self._threads().submit(self._take, member, readings[key])
        wait(self._busy.values(), timeout=self.settings.loop.interval_s)
        self._working()

    def _looked_at(self, namespace: str) -> bool:
        """Read a namespace; say whether it could be. One that cannot is no reason to leave the others."""
        try:
            self._reconcile(namespace, self.declarations.list(namespace))
            for (where, _), view in self._views.items():
                if where == namespace:
                    view.refresh()
        except KubernetesError as error:
            if len(self.settings.namespaces) == 1 or not isinstance(error, Forbidden):
                raise
            logger.error("nothing is decided in this namespace: %s", error, extra={"namespace": namespace})
            return False
        return True

    def close(self) -> None:
        """Let the turns that are being taken end, and close all files."""
        if self._pool is not None:
            self._pool.shutdown(wait=True)
            self._pool = None
        self._busy.clear()
        for member in self.members.values():
            member.close()
        self.members.clear()

    def _read(self, due: Mapping[Key, Member]) -> Mapping[Key, Reading]:
        watched = [_watched(key, member, self.settings.loop.interval_s) for key, member in due.items()]
        try:
            found = self.source.read(watched) if watched else {}
        except MetricsUnavailable as error:
            return dict.fromkeys(due, error)
        nothing = MetricsUnavailable("the metrics source said nothing of it")
        return {key: found.get(key, nothing) for key in due}

    def _take(self, member: Member, reading: Reading) -> None:
        where = {"namespace": member.declared.namespace, "pipeline": member.pipeline.name}
        try:
            with self.tracer.turn(*member.declared.key) as span:
                turn = member.turn(reading)
                span.decided(turn.decision)
        except (
            Exception
        ) as error:  # a bug that one pipeline meets may not stop the others; it is logged whole
            logger.exception("a turn ended in an error of Trimtab's own", extra=where)
            turn = Turn("observe", problem=f"an error of Trimtab's own, {type(error).__name__}; see the log")
        turn = replace(turn, note=self.source.notes.get(member.declared.key, ""))
        if turn.problem:
            logger.error("no turn: %s", turn.problem, extra=where)
        self.listener.turned(member.declared, turn)

    def _working(self) -> set[Key]:
        """Return the pipelines whose turn is still going on."""
        for key in [key for key, future in self._busy.items() if future.done()]:
            self._busy.pop(key).result()
        return set(self._busy)

    def _threads(self) -> ThreadPoolExecutor:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.settings.workers, "turn")
        return self._pool

    def _reconcile(self, namespace: str, declared: Sequence[Declared]) -> None:
        """Open what is new or changed, close what is gone, report what cannot be read."""
        wanted = {d.key: d for d in _once(declared)}
        for key in [
            key for key in self.members if key not in wanted or key[0] not in self.settings.namespaces
        ]:
            self._drop(key)
        new = []
        for key, each in wanted.items():
            if key in self._busy:
                continue
            member = self.members.get(key)
            if member is not None and _same(member, each):
                member.declared = each
                continue
            self._drop(key)
            self._view(each)
            new.append(each)
        # Opening waits for the disk: with 200 pipelines one after the other would be a minute.
        for each, found in zip(new, self._threads().map(self._opened, new), strict=True):
            if found is not None:
                self.members[each.key] = found

    def _drop(self, key: Key) -> None:
        if key in self._busy:
            return
        member = self.members.pop(key, None)
        if member is not None:
            member.close()
            self.listener.gone(key)

    def _opened(self, declared: Declared) -> Member | None:
        """Return the member of a declaration; None where there can be none, which is reported."""
        if declared.pipeline is None:
            self.listener.turned(declared, Turn("observe", problem=declared.problem, invalid=True))
            return None
        try:
            return open_member(
                declared,
                declared.pipeline,
                self._view(declared),
                self.settings,
                self.planners,
                unix=self.unix,
                may_write=self.may_write,
            )
        except TrimtabError as error:
            self.listener.turned(declared, Turn("observe", problem=str(error)))
            return None

    def _view(self, declared: Declared) -> View:
        kind, namespace = declared.operation.workload, declared.namespace
        if (namespace, kind) not in self._views:
            workloads = InferenceServices if kind == "kserve" else Deployments
            self._views[namespace, kind] = View(self.api, namespace, workloads(self.api, namespace))
        return self._views[namespace, kind]


def _same(member: Member, declared: Declared) -> bool:
    """Say whether a declaration still describes the pipeline that is looked after, where it runs."""
    before = member.declared.operation.workload
    return member.pipeline == declared.pipeline and before == declared.operation.workload


def _watched(key: Key, member: Member, interval_s: int) -> Watched:
    return Watched(
        key=key,
        pipeline=member.pipeline,
        interval_s=float(interval_s),
        overrides=member.declared.operation.metrics,
        began_at=member.clock.birth.zero,
    )


def _once(declared: Sequence[Declared]) -> Iterator[Declared]:
    """Yield each pipeline's first declaration; a second one of the same name is told apart by none."""
    seen: set[Key] = set()
    for each in sorted(declared, key=lambda d: (d.key, d.name)):
        if each.key not in seen:
            seen.add(each.key)
            yield each
