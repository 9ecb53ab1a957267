"""The small kustomize of the tests says what the real one says."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.deploy.folders import ACCESS, COMPONENTS, DEPLOY, OVERLAYS, Json, write
from tests.deploy.kustomize import built

ON_ACCESS = {"write", "kserve", "write-kserve"}
NOT_ALONE = {"write-kserve": ("kserve",)}
PROGRAMS = (("kustomize", "build"), ("kubectl", "kustomize"))


def really_built(folder: Path) -> list[Json]:
    """Return what the real kustomize makes of a folder; skip where there is none."""
    command = next((c for c in PROGRAMS if shutil.which(c[0])), None)
    if command is None:
        pytest.skip("neither kustomize nor kubectl is on the PATH to compare with")
    done = subprocess.run([*command, str(folder)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return [each for each in YAML(typ="safe").load_all(done.stdout) if each]


def in_order(objects: list[Json]) -> list[Json]:
    """Return objects, and the variables of containers, in an order that does not depend on who built them."""
    for each in objects:
        for container in each.get("spec", {}).get("template", {}).get("spec", {}).get("containers", ()):
            container["env"] = sorted(container.get("env", ()), key=lambda variable: str(variable["name"]))
    return sorted(
        objects, key=lambda o: (o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"])
    )


@pytest.mark.parametrize("name", OVERLAYS)
def test_overlays_are_built_as_kustomize_builds_them(name: str) -> None:
    folder = DEPLOY / "overlays" / name

    assert in_order(built(folder)) == in_order(really_built(folder))


@pytest.mark.parametrize("name", COMPONENTS)
def test_components_are_built_as_kustomize_builds_them(name: str, tmp_path: Path) -> None:
    resource = ACCESS if name in ON_ACCESS else DEPLOY / "overlays" / "observe"
    folder = write(tmp_path, resource, *NOT_ALONE.get(name, ()), name)

    assert in_order(built(folder)) == in_order(really_built(folder))


def test_another_namespace_is_given_access_by_an_overlay_of_four_lines(tmp_path: Path) -> None:
    folder = write(tmp_path, ACCESS, "write", namespace="shop")

    found = in_order(built(folder))

    assert [(o["kind"], o["metadata"]["namespace"]) for o in found] == [
        ("Role", "shop"),
        ("RoleBinding", "shop"),
    ]
    assert found[1]["subjects"] == [{"kind": "ServiceAccount", "name": "trimtab", "namespace": "trimtab"}]
    assert found == in_order(really_built(folder))


def test_what_is_not_understood_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("namePrefix: x-\n", encoding="utf-8")

    with pytest.raises(AssertionError, match="namePrefix"):
        built(tmp_path)


def test_a_patch_that_means_no_object_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text(
        "patches: [{target: {kind: Deployment, name: lost}, patch: '[]'}]\n", encoding="utf-8"
    )

    with pytest.raises(AssertionError, match="no object is meant"):
        built(tmp_path)
