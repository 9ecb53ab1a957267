"""`trimtab export --running`: what is left behind is what Trimtab last had the cluster run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from core.document import document_of
from tests.agent.command import trimtab
from tests.kube.plane import Plane
from tests.tools.kubernetes.clusters import Toy
from tests.tools.kubernetes.stages import configured, toy

Json = dict[str, Any]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "toy.yaml"
    path.write_text(yaml.safe_dump(document_of(toy())))
    return path


def changed(plane: Plane, namespace: str) -> None:
    """Have the toy created, and changed by Trimtab to three large and two `read` replicas."""
    cluster = Toy(plane.admin_kubeconfig, namespace)
    cluster.applies("toy-1", configured("large", 3, 2), 12.0)
    for api in (cluster.owner.api, cluster.view.api):
        api.close()


def exported(file: Path, plane: Plane, namespace: str, kind: str, *more: object) -> list[Json]:
    cluster = ("--running", "--kubeconfig", plane.admin_kubeconfig, "--namespace", namespace)
    ended = trimtab("export", kind, file, *cluster, *more)
    assert (ended.status, ended.err) == (0, ""), ended
    return list(yaml.safe_load_all(ended.out))


def test_the_policy_is_what_was_applied_last_at_the_load_of_that_decision(
    plane: Plane, namespace: str, file: Path
) -> None:
    changed(plane, namespace)

    (find, _) = exported(file, plane, namespace, "keda")

    assert find["spec"]["triggers"][0]["metadata"]["threshold"] == "4.545"  # 5 requests/s over 1.1
    assert (
        "At 12/s that asks for 3; the configuration has 3"
        in find["metadata"]["annotations"]["trimtab.dev/exported"]
    )


def test_manifests_of_what_runs_are_those_that_would_be_created_now(
    plane: Plane, namespace: str, file: Path
) -> None:
    changed(plane, namespace)

    found = exported(file, plane, namespace, "manifests", "--kit", "id_card", "--load", 9)

    assert {f["metadata"]["name"]: f["spec"]["replicas"] for f in found if f["kind"] == "Deployment"} == {
        "toy-find": 3, "toy-read": 2, "toy-router": 1,
    }  # fmt: skip


def test_a_load_that_is_given_counts_and_not_that_of_the_decision(
    plane: Plane, namespace: str, file: Path
) -> None:
    changed(plane, namespace)

    (find, _) = exported(file, plane, namespace, "keda", "--load", 4)

    assert "At 4/s that asks for 1;" in find["metadata"]["annotations"]["trimtab.dev/exported"]


def test_a_pipeline_that_is_not_there_is_told_in_one_line(plane: Plane, namespace: str, file: Path) -> None:
    cluster = ("--running", "--kubeconfig", plane.admin_kubeconfig, "--namespace", namespace)

    assert "no workload is labelled" in trimtab("export", "hpa", file, *cluster).complaint(status=1)


def test_a_cluster_that_cannot_be_reached_is_told_in_one_line(file: Path, tmp_path: Path) -> None:
    missing = tmp_path / "none"

    assert str(missing) in trimtab("export", "hpa", file, "--running", "--kubeconfig", missing).complaint()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [((), "--load"), (("--load", "5", "--running", "--config", "now.json"), "--config")],
)
def test_what_is_to_be_exported_must_be_said_once(file: Path, arguments: tuple[str, ...], said: str) -> None:
    assert trimtab("export", "keda", file, *arguments).complaint().startswith(f"trimtab: {said}")
