"""The product's own code under the rights of deploy/: each part that needs the API server does its work."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.document import document_of
from core.errors import ActuationFailed
from tests.deploy.folders import BASE, DEPLOY, write
from tests.deploy.test_rights import OWN, account
from tests.kube.plane import Plane
from tests.tools.kubernetes.clusters import Toy
from tests.tools.kubernetes.stages import configured, toy
from tools.kubernetes.api import connect
from tools.kubernetes.declared import ConfigMaps, Declarations, PipelineObjects
from tools.kubernetes.events import About, Recorder, Said
from tools.kubernetes.lease import Lease

CONFIG_MAPS = "/api/v1/namespaces/{}/configmaps"
PIPELINES = "/apis/trimtab.dev/v1/namespaces/{}/pipelines"


@dataclass(frozen=True, slots=True)
class Place:
    """A control plane with two namespaces, and what the controller has in them."""

    plane: Plane
    folder: Path
    own: str
    pipelines: str

    def granted(self, *components: str) -> Path:
        """Grant the rights of `observe` and some components; return the kubeconfig of the account."""
        write(self.folder, DEPLOY / "overlays" / "observe", *components)
        account(self.plane, self.folder, self.own, self.pipelines)
        return self.plane.token_kubeconfig(self.own, OWN)


@pytest.fixture
def place(plane: Plane, tmp_path: Path) -> Iterator[Place]:
    plane.apply(BASE / "crd.yaml")
    with plane.namespace() as own, plane.namespace() as pipelines:
        yield Place(plane, tmp_path, own, pipelines)


def test_with_the_right_to_write_a_change_is_tried_applied_and_read_back(place: Place) -> None:
    cluster = Toy(place.plane.admin_kubeconfig, place.pipelines, product=place.granted("write"))

    cluster.applies("toy-1", configured("large", 3, 2), 12.0)

    assert cluster.actuator.desired().configuration == configured("large", 3, 2)
    assert cluster.says("find") == ("large", 3)


def test_in_observe_everything_is_read_and_a_change_is_refused_with_the_fix(place: Place) -> None:
    cluster = Toy(place.plane.admin_kubeconfig, place.pipelines, product=place.granted())

    assert cluster.actuator.desired().configuration == configured("small", 1, 1)
    assert cluster.actuator.hindrance() is None
    with pytest.raises(ActuationFailed, match="deploy/ has the Role"):
        cluster.applies("toy-1", configured("large", 3, 2), 12.0)
    assert cluster.says("find") == ("small", 1)


def test_pipeline_objects_are_read_and_reported_on(place: Place) -> None:
    body = {**document_of(toy()), "apiVersion": "trimtab.dev/v1"}
    place.plane.rest.post(PIPELINES.format(place.pipelines), body)

    _reports(PipelineObjects(connect(place.granted())), place.pipelines)


def test_configmaps_are_read_and_reported_on(place: Place) -> None:
    body = {
        "metadata": {"name": "toy", "labels": {"trimtab.dev/kind": "pipeline"}},
        "data": {"pipeline.yaml": json.dumps(document_of(toy()))},
    }
    place.plane.rest.post(CONFIG_MAPS.format(place.pipelines), body)

    _reports(ConfigMaps(connect(place.granted("configmaps"))), place.pipelines)


def test_events_are_written_and_counted_up(place: Place) -> None:
    failed: list[str] = []
    recorder = Recorder(connect(place.granted()), failed.append)
    about = About("trimtab.dev/v1", "Pipeline", place.pipelines, "toy", "0000")

    said = [recorder.say(about, Said("Applied", "the load rises")) for _ in range(2)]

    assert (said, failed) == ([True, True], [])
    [event] = place.plane.rest.items(f"/api/v1/namespaces/{place.pipelines}/events")
    assert event["count"] == 2


def test_the_lease_is_taken_renewed_and_released(place: Place) -> None:
    lease = Lease(connect(place.granted()), place.own, "trimtab", "a")

    held = [lease.try_acquire(), lease.try_acquire()]
    lease.release()

    assert held == [True, True]
    successor = Lease(connect(place.granted()), place.own, "trimtab", "b")
    assert successor.try_acquire(), successor.problem


def test_a_lease_of_another_name_is_out_of_reach(place: Place) -> None:
    lease = Lease(connect(place.granted()), place.own, "another", "a")

    assert not lease.try_acquire()
    assert "403" in lease.problem


def _reports(declarations: Declarations, namespace: str) -> None:
    """Read the one declaration of the toy, and report on it."""
    [declared] = declarations.list(namespace)
    assert declared.pipeline == toy(), declared.problem

    declarations.report(declared, {"outcome": "held"})

    [again] = declarations.list(namespace)
    assert again.status["outcome"] == "held"
