"""Server-side apply of any manifest, found through discovery as kubectl does it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from ruamel.yaml import YAML

from tests.kube.rest import FIELD_MANAGER, Json, Rest

Manifests = Path | Json | Iterable[Json]
ESTABLISHED_LIMIT_S = 30.0


def apply(
    rest: Rest,
    manifests: Manifests,
    namespace: str = "default",
    *,
    dry_run: bool = False,
    manager: str = FIELD_MANAGER,
) -> list[Json]:
    """Apply a YAML file, an object or several, and return what the server made of them.

    *namespace* is for objects that name none. Field errors are refused where the server can (1.25 on).
    A new custom resource is waited for.
    """
    return [_applied(rest, each, namespace, dry_run=dry_run, manager=manager) for each in _objects(manifests)]


def address(rest: Rest, api_version: str, kind: str, namespace: str) -> str:
    """Return the path of the objects of a kind, in *namespace* where they are namespaced."""
    group = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    for resource in rest.get(group)["resources"]:
        if resource["kind"] == kind and "/" not in resource["name"]:
            middle = f"/namespaces/{namespace}" if resource["namespaced"] else ""
            return f"{group}{middle}/{resource['name']}"
    raise LookupError(f"the API server has no {kind} in {api_version}")


def _applied(rest: Rest, manifest: Json, namespace: str, *, dry_run: bool, manager: str) -> Json:
    metadata = manifest["metadata"]
    path = address(rest, manifest["apiVersion"], manifest["kind"], metadata.get("namespace", namespace))
    query = {"fieldManager": manager, "force": "true", "fieldValidation": "Strict"}
    if dry_run:
        query["dryRun"] = "All"
    answer = rest.patch(f"{path}/{metadata['name']}", manifest, "apply", **query)
    if manifest["kind"] == "CustomResourceDefinition" and not dry_run:
        _wait_until_established(rest, f"{path}/{metadata['name']}")
    return answer


def _wait_until_established(rest: Rest, path: str) -> None:
    end_s = time.monotonic() + ESTABLISHED_LIMIT_S
    while not _established(rest, rest.get(path)):
        assert time.monotonic() < end_s, f"{path} is not served in time"
        time.sleep(0.05)


def _established(rest: Rest, definition: Json) -> bool:
    """Say whether each version is served: discovery comes a moment after the condition."""
    conditions = definition.get("status", {}).get("conditions") or ()
    if not any(c["type"] == "Established" and c["status"] == "True" for c in conditions):
        return False
    spec = definition["spec"]
    served = {f"{spec['group']}/{version['name']}" for version in spec["versions"] if version["served"]}
    for group_version in served:
        answer = rest.ask("GET", f"/apis/{group_version}", {})
        if answer.status != 200 or spec["names"]["plural"].encode() not in answer.data:
            return False
    return True


def _objects(manifests: Manifests) -> Iterator[Json]:
    match manifests:
        case Path():
            yield from (each for each in YAML(typ="safe").load_all(manifests) if each)
        case dict():
            yield manifests
        case _:
            yield from manifests
