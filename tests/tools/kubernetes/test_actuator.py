"""The actuator against a real API server: what it writes, and what it leaves alone."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from core.errors import ActuationFailed
from tests.kube.plane import Plane
from tests.tools.kubernetes.clusters import Toy
from tests.tools.kubernetes.stages import configured
from tools.kubernetes import names
from tools.kubernetes.api import connect
from tools.kubernetes.errors import Forbidden
from tools.kubernetes.hindrance import Hindered
from tools.kubernetes.names import ADOPT, PAUSED

HPA = "/apis/autoscaling/v1/namespaces/{}/horizontalpodautoscalers"


@pytest.fixture
def cluster(plane: Plane, namespace: str) -> Toy:
    return Toy(plane.admin_kubeconfig, namespace)


def test_what_was_created_by_hand_is_where_it_begins(cluster: Toy) -> None:
    desired = cluster.actuator.desired()

    assert (desired.change, desired.configuration) == ("initial", configured("small", 1, 1))
    assert desired.load_rps == pytest.approx(10)
    assert cluster.actuator.hindrance() is None


def test_a_change_is_what_the_deployments_say_and_what_is_read_back(cluster: Toy) -> None:
    cluster.applies("toy-1", configured("large", 3, 2), 12.0)

    desired = cluster.actuator.desired()
    assert (desired.change, desired.configuration) == ("toy-1", configured("large", 3, 2))
    assert desired.load_rps == 12.0
    assert (cluster.says("find"), cluster.says("read")) == (("large", 3), ("only", 2))


def test_only_its_own_fields_change(cluster: Toy) -> None:
    before = cluster.owner.deployment("toy-find")["spec"]["template"]["spec"]["containers"][0]

    cluster.applies("toy-1", configured("large", 3, 2), 12.0)

    after = cluster.owner.deployment("toy-find")["spec"]["template"]["spec"]["containers"][0]
    assert after["image"] == before["image"]
    assert {"name": "OWNERS_OWN", "value": "kept"} in after["env"]
    assert after["resources"]["requests"] == {"cpu": "2", "memory": "64Mi"}


def test_the_server_knows_which_fields_are_trimtabs(cluster: Toy) -> None:
    cluster.applies("toy-1", configured("large", 3, 2), 12.0)

    meta = cluster.owner.deployment("toy-find")["metadata"]
    ours = [m for m in meta["managedFields"] if m["manager"] == names.FIELD_MANAGER]
    assert [m["operation"] for m in ours] == ["Apply"]
    assert set(ours[0]["fieldsV1"]["f:spec"]) == {"f:replicas", "f:template"}
    assert set(ours[0]["fieldsV1"]["f:metadata"]["f:annotations"]) == {
        f"f:{key}" for key in (names.CHANGE, names.LOAD_RPS, names.ASKED)
    }


def test_a_dry_run_changes_nothing(cluster: Toy) -> None:
    before = cluster.owner.deployment("toy-find")

    cluster.actuator.dry_run(cluster.approved(configured("large", 3, 2), 12.0), 12.0)

    assert cluster.owner.deployment("toy-find") == before


def test_the_same_change_again_writes_nothing(cluster: Toy) -> None:
    cluster.applies("toy-1", configured("large", 3, 2), 12.0)
    before = [cluster.owner.deployment(f"toy-{s}")["spec"] for s in ("find", "read")]
    generations = [cluster.owner.deployment(f"toy-{s}")["metadata"]["generation"] for s in ("find", "read")]

    cluster.applies("toy-1", configured("large", 3, 2), 12.0)

    assert [cluster.owner.deployment(f"toy-{s}")["spec"] for s in ("find", "read")] == before
    assert [
        cluster.owner.deployment(f"toy-{s}")["metadata"]["generation"] for s in ("find", "read")
    ] == generations


def test_a_change_of_a_store_that_was_lost_is_not_taken_for_one_of_the_new_store(cluster: Toy) -> None:
    cluster.applies("toy-1", configured("large", 3, 2), 12.0)
    cluster.actuator.life = "1b1b"

    cluster.applies("toy-1", configured("small", 2, 2), 12.0)

    assert cluster.actuator.desired().configuration == configured("small", 2, 2)


def paused(cluster: Toy) -> None:
    cluster.owner.annotates("toy-read", PAUSED, "true")


def scaled_by_an_hpa(cluster: Toy) -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "toy-read"}
    body = {
        "apiVersion": "autoscaling/v1",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "readers"},
        "spec": {"scaleTargetRef": target, "maxReplicas": 3},
    }
    cluster.owner.posts(HPA.format(cluster.owner.namespace), body)


def scaled_by_hand(cluster: Toy) -> None:
    cluster.owner.edits("toy-read", {"spec": {"replicas": 7}})


def without_its_label(cluster: Toy) -> None:
    cluster.owner.edits("toy-read", {"metadata": {"labels": {names.PIPELINE: None}}})


@pytest.mark.parametrize(
    ("done", "kind", "says"),
    [
        pytest.param(paused, "Paused", "'toy-read' is paused by its annotation", id="paused"),
        pytest.param(
            scaled_by_an_hpa, "OwnedByAutoscaler", "scaled by HorizontalPodAutoscaler 'readers'", id="HPA"
        ),
        pytest.param(
            scaled_by_hand,
            "EditedByHand",
            r"since toy-1.* \(replicas 1 -> 7\), last by kubectl-edit",
            id="hand",
        ),
        pytest.param(without_its_label, "NotLabelled", "stage 'read': no workload is labelled", id="label"),
    ],
)
def test_what_somebody_else_has_a_say_over_is_left_alone_and_said(
    cluster: Toy, done: Callable[[Toy], None], kind: str, says: str
) -> None:
    cluster.applies("toy-1", configured("small", 1, 1), 5.0)
    done(cluster)
    before = [cluster.owner.deployment(f"toy-{s}")["spec"] for s in ("find", "read")]

    with pytest.raises(Hindered, match=says) as refused:
        cluster.applies("toy-2", configured("large", 3, 2), 12.0)
    with pytest.raises(Hindered):
        cluster.actuator.apply("toy-2", cluster.approved(configured("large", 3, 2), 12.0), 12.0)

    assert refused.value.hindrance.kind == kind
    assert [cluster.owner.deployment(f"toy-{s}")["spec"] for s in ("find", "read")] == before


def test_an_edit_is_given_back_by_the_annotation_that_the_refusal_names(cluster: Toy) -> None:
    cluster.applies("toy-1", configured("small", 1, 1), 5.0)
    scaled_by_hand(cluster)
    with pytest.raises(Hindered) as refused:
        cluster.applies("toy-2", configured("large", 3, 2), 12.0)
    named = re.search(rf"{ADOPT}=(\S+)", str(refused.value))
    assert named is not None

    cluster.owner.annotates("toy-read", ADOPT, named[1])
    cluster.applies("toy-3", configured("large", 3, 2), 12.0)
    scaled_by_hand(cluster)

    with pytest.raises(Hindered, match="since toy-3"):
        cluster.applies("toy-4", configured("small", 2, 2), 12.0)


def test_an_edit_that_was_undone_is_none(cluster: Toy) -> None:
    cluster.applies("toy-1", configured("small", 1, 1), 5.0)
    scaled_by_hand(cluster)
    cluster.owner.edits("toy-read", {"spec": {"replicas": 1}})

    cluster.applies("toy-2", configured("large", 3, 2), 12.0)

    assert cluster.says("read") == ("only", 2)


def test_a_process_that_may_not_act_any_more_writes_nothing(cluster: Toy) -> None:
    before = cluster.owner.deployment("toy-find")["spec"]
    cluster.actuator.may_write = lambda: False

    with pytest.raises(ActuationFailed, match="another controller acts now"):
        cluster.applies("toy-1", configured("large", 3, 2), 12.0)

    assert cluster.owner.deployment("toy-find")["spec"] == before


def test_rights_that_are_missing_are_named(plane: Plane, namespace: str) -> None:
    api = connect(plane.kubeconfig("nobody"))

    with pytest.raises(Forbidden, match=r"cannot list resource \"deployments\".*grant the verb"):
        api.all(f"/apis/apps/v1/namespaces/{namespace}/deployments")
