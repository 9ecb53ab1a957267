"""What there is under deploy/ to build."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.deploy.kustomize import built

Json = dict[str, Any]

DEPLOY = Path(__file__).parents[2] / "deploy"
BASE, ACCESS = DEPLOY / "base", DEPLOY / "access"
OVERLAYS = sorted(path.parent.name for path in (DEPLOY / "overlays").glob("*/kustomization.yaml"))
COMPONENTS = sorted(path.parent.name for path in (DEPLOY / "components").glob("*/kustomization.yaml"))


def overlay(name: str) -> list[Json]:
    """Return the objects of an overlay."""
    return built(DEPLOY / "overlays" / name)


def with_components(folder: Path, resource: Path, *components: str) -> list[Json]:
    """Return a kustomization on *resource* with components, as a user would write one into *folder*."""
    write(folder, resource, *components)
    return built(folder)


def write(folder: Path, resource: Path, *components: str, namespace: str | None = None) -> Path:
    """Write such a kustomization."""
    lines = ["kind: Kustomization", "resources:", f"  - {_way(folder, resource)}"]
    if components:
        lines += ["components:", *(f"  - {_way(folder, DEPLOY / 'components' / c)}" for c in components)]
    if namespace is not None:
        lines.append(f"namespace: {namespace}")
    (folder / "kustomization.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def one(objects: list[Json], kind: str, name: str) -> Json:
    """Return the object of that kind and name."""
    [found] = [o for o in objects if o["kind"] == kind and o["metadata"]["name"] == name]
    return found


def _way(folder: Path, target: Path) -> str:
    """Return the relative path: kustomize takes no absolute ones."""
    up = [".."] * (len(folder.resolve().parts) - 1)
    return "/".join([*up, *target.resolve().parts[1:]])
