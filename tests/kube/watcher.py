"""Keeps every version of every object that anybody could have seen: for what must never have been visible."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.kube.plane import Plane
from tests.kube.rest import Json
from tests.kube.stream import Event, Listed, changes, listed
from tests.kube.waiting import wait_until

DEPLOYMENTS = "/apis/apps/v1/namespaces/{namespace}/deployments"
PIPELINES = "/apis/trimtab.dev/v1/namespaces/{namespace}/pipelines"
"""Not across a restart of the API server: its cache of custom resources begins with the present."""


@dataclass(slots=True)
class Recorder:
    """The versions of the objects of a namespace, by resource, in the server's order."""

    plane: Plane
    namespace: str
    _seen: dict[str, list[Event]] = field(default_factory=dict)
    _errors: list[Exception] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def versions(self, resource: str = DEPLOYMENTS, name: str | None = None) -> list[Event]:
        """Return the versions so far, of all objects or of one.

        Raises:
            Gone: the server forgot some before it told them, so that nothing can be said of all.
        """
        for error in self._errors:
            raise error
        return [event for event in tuple(self._seen[resource]) if name in {None, event.name}]

    def states(self, resource: str = DEPLOYMENTS) -> list[dict[str, Json]]:
        """Return what the objects together looked like after each change, by name."""
        states: list[dict[str, Json]] = [{}]
        for event in self.versions(resource):
            objects = {name: each for name, each in states[-1].items() if name != event.name}
            if event.change != "DELETED":
                objects[event.name] = event.object
            states.append(objects)
        return states[1:]

    def catch_up(self) -> None:
        """Wait until all is told that has happened."""
        for resource in self._seen:
            wait_until(lambda r=resource: self._is_complete(r), f"a watch tells all of {resource}")  # type: ignore[misc]

    def _is_complete(self, resource: str) -> bool:
        """Say whether what was told ends with what the server holds."""
        held = {e.name: e.version for e in listed(self.plane.rest, self._path(resource)).events}
        last = {e.name: e for e in self.versions(resource)}
        return held == {e.name: e.version for e in last.values() if e.change != "DELETED"}

    def _path(self, resource: str) -> str:
        return resource.format(namespace=self.namespace)

    def _start(self, resource: str) -> None:
        """List at once, so that nothing is missed from here on, and watch."""
        start = listed(self.plane.rest, self._path(resource))
        self._seen[resource] = list(start.events)
        threading.Thread(target=self._watch, args=(resource, start), daemon=True).start()

    def _watch(self, resource: str, start: Listed) -> None:
        try:
            for event in changes(self.plane.rest, self._path(resource), start.version, self._over):
                self._seen[resource].append(event)
        except Exception as error:  # noqa: BLE001 - told to who asks for the versions
            self._errors.append(error)

    def _stop(self) -> None:
        """Let the watches end when the server ends them: no test waits for that."""
        self._over.set()


@contextmanager
def recording(plane: Plane, namespace: str, resources: Sequence[str] = (DEPLOYMENTS,)) -> Iterator[Recorder]:
    """Record the versions of the objects of some resources, from now on."""
    recorder = Recorder(plane, namespace)
    try:
        for resource in resources:
            recorder._start(resource)
        yield recorder
    finally:
        recorder._stop()
