"""A recorder misses nothing that anybody could have seen."""

from __future__ import annotations

import threading
from itertools import islice

import pytest

from tests.kube.faults import Cut
from tests.kube.objects import deployment
from tests.kube.plane import Plane
from tests.kube.proxy import fault_proxy
from tests.kube.rest import Json, Rest
from tests.kube.stream import Gone, changes, listed
from tests.kube.watcher import DEPLOYMENTS, Recorder, recording

CHANGES = 30


def test_every_version_is_kept_in_order(plane: Plane, namespace: str) -> None:
    plane.apply(deployment("before", replicas=0), namespace)

    with recording(plane, namespace) as recorder:
        for replicas in range(CHANGES):
            plane.apply(deployment("web", replicas=replicas % 2), namespace)
        plane.apply(deployment("web", replicas=0), namespace)
        delete(plane, namespace, "web")
        recorder.catch_up()

        versions = recorder.versions(name="web")
        first = recorder.versions()[0]

    assert (first.change, first.name) == ("ADDED", "before")
    assert [v.change for v in versions][:2] == ["ADDED", "MODIFIED"]
    assert versions[-1].change == "DELETED"
    assert [v.version for v in versions] == sorted(v.version for v in versions)
    assert {v.object["metadata"]["generation"] for v in versions} >= set(range(1, CHANGES + 1))


def test_states_are_all_objects_after_each_change(plane: Plane, namespace: str) -> None:
    with recording(plane, namespace) as recorder:
        plane.apply(deployment("a", replicas=0), namespace)
        plane.apply([deployment("b", replicas=0), deployment("a", replicas=1)], namespace)
        delete(plane, namespace, "b")
        recorder.catch_up()

    seen = [{name: each["spec"]["replicas"] for name, each in state.items()} for state in recorder.states()]
    order = [{"a": 0}, {"a": 0, "b": 0}, {"a": 1, "b": 0}, {"a": 1}]
    assert [state for state, last in zip(seen, [None, *seen], strict=False) if state != last] == order


def test_other_namespaces_are_none_of_its_business(plane: Plane, namespace: str) -> None:
    with plane.namespace() as other, recording(plane, namespace) as recorder:
        plane.apply(deployment("web", replicas=0), other)
        recorder.catch_up()

        assert recorder.versions() == []


@pytest.mark.slow  # the API server takes its time to start
def test_nothing_is_missed_while_the_api_server_is_away(plane: Plane, namespace: str) -> None:
    with recording(plane, namespace) as recorder:
        plane.apply(deployment("web", replicas=0), namespace)
        plane.stop_apiserver()
        plane.start_apiserver()
        for replicas in (1, 2, 3):
            plane.apply(deployment("web", replicas=replicas), namespace)
        recorder.catch_up()

        assert generations(recorder) == {1, 2, 3, 4}


def test_custom_resources_are_kept_too(plane: Plane, namespace: str) -> None:
    plane.apply(GAUGES)

    with recording(plane, namespace, (DEPLOYMENTS, GAUGES_OF)) as recorder:
        for size in (1, 2, 3):
            plane.apply(gauge(size), namespace)
        recorder.catch_up()

        assert [v.object["spec"]["size"] for v in recorder.versions(GAUGES_OF)] == [1, 2, 3]
        assert recorder.versions(DEPLOYMENTS) == []


def test_a_watch_that_breaks_off_goes_on_where_it_was(plane: Plane, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"

    with fault_proxy(plane, plane.admin_kubeconfig) as proxy:
        rest = Rest.of(proxy.kubeconfig)
        start = listed(rest, path).version
        proxy.on("GET", "/configmaps$", Cut(after=1))
        for name in ("a", "b", "c"):
            plane.rest.post(path, {"metadata": {"name": name}})

        found = list(islice(changes(rest, path, start, threading.Event()), 3))

    assert [event.name for event in found] == ["a", "b", "c"]
    assert len(proxy.asked("GET")) == 3, "a list and two watches"


def test_what_the_server_forgot_is_an_error_and_no_gap(plane: Plane, namespace: str) -> None:
    path = DEPLOYMENTS.format(namespace=namespace)
    start = listed(plane.rest, path).version
    for replicas in (0, 1):
        plane.apply(deployment("web", replicas=replicas), namespace)

    plane.forget_history()

    with pytest.raises(Gone):
        next(changes(plane.rest, path, start, threading.Event()))


def delete(plane: Plane, namespace: str, name: str) -> None:
    plane.rest.delete(f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}")


def generations(recorder: Recorder, name: str = "web") -> set[int]:
    return {v.object["metadata"]["generation"] for v in recorder.versions(name=name)}


GAUGES_OF = "/apis/tests.trimtab.dev/v1/namespaces/{namespace}/gauges"
SCHEMA = {
    "type": "object",
    "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}},
}
GAUGES = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "gauges.tests.trimtab.dev"},
    "spec": {
        "group": "tests.trimtab.dev",
        "scope": "Namespaced",
        "names": {"plural": "gauges", "singular": "gauge", "kind": "Gauge"},
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": SCHEMA}}],
    },
}


def gauge(size: int) -> Json:
    kind = {"apiVersion": "tests.trimtab.dev/v1", "kind": "Gauge"}
    return {**kind, "metadata": {"name": "one"}, "spec": {"size": size}}
