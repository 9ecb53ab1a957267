"""As much of kustomize as deploy/ uses, for machines that have none; where there is one, a test compares.

Resources, components, `namespace`, patches (JSON 6902, strategic merge, `$patch: delete`) with a target, and
ConfigMaps from files. Anything else in a kustomization is refused: it would be left out in silence.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

Json = dict[str, Any]

KNOWN = {"apiVersion", "kind", "resources", "components", "namespace", "patches", "configMapGenerator"}
CLUSTER_SCOPED = {"Namespace", "CustomResourceDefinition"}
MERGE_KEYS: Mapping[str, str] = {
    "containers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
}
"""What tells the entries of a list apart in a strategic merge; other lists are replaced."""


def built(folder: Path) -> list[Json]:
    """Return the objects that a kustomization stands for, unordered."""
    return _accumulated(folder, [])


def load(path: Path) -> list[Json]:
    """Return the objects of a YAML file."""
    return [_plain(each) for each in YAML(typ="safe").load_all(path) if each]


def _accumulated(folder: Path, given: list[Json]) -> list[Json]:
    """Return *given* and what the kustomization of *folder* adds, changed as it says."""
    [kustomization] = load(folder / "kustomization.yaml")
    unknown = kustomization.keys() - KNOWN
    assert not unknown, f"{folder}: {unknown} is more of kustomize than the tests understand"
    objects = [*given]
    for name in kustomization.get("resources", ()):
        path = folder / name
        objects += _accumulated(path, []) if path.is_dir() else load(path)
    objects += [_config_map(folder, each) for each in kustomization.get("configMapGenerator", ())]
    for name in kustomization.get("components", ()):
        objects = _accumulated(folder / name, objects)
    for patch in kustomization.get("patches", ()):
        objects = _patched(objects, patch)
    if "namespace" in kustomization:
        objects = [_moved(each, kustomization["namespace"]) for each in objects]
    _refuse_doubles(objects)
    return objects


def _config_map(folder: Path, given: Json) -> Json:
    options = given["options"]
    assert options["disableNameSuffixHash"], f"{given['name']}: the tests understand plain names only"
    metadata = {"name": given["name"]}
    metadata |= {key: part[key] for part, key in ((given, "namespace"), (options, "labels")) if key in part}
    data = {Path(name).name: (folder / name).read_text(encoding="utf-8") for name in given["files"]}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def _moved(each: Json, namespace: str) -> Json:
    if each["kind"] in CLUSTER_SCOPED:
        return each
    return {**each, "metadata": {**each["metadata"], "namespace": namespace}}


def _refuse_doubles(objects: Iterable[Json]) -> None:
    seen = set()
    for each in objects:
        identity = (
            each["apiVersion"],
            each["kind"],
            each["metadata"].get("namespace"),
            each["metadata"]["name"],
        )
        assert identity not in seen, f"{identity} is there twice"
        seen.add(identity)


def _patched(objects: list[Json], patch: Json) -> list[Json]:
    target = patch["target"]
    hit = [each for each in objects if _meant(each, target)]
    assert hit, f"no object is meant by {target}"
    [change] = YAML(typ="safe").load_all(patch["patch"])
    if isinstance(change, dict) and change.get("$patch") == "delete":
        return [each for each in objects if each not in hit]
    return [_changed(each, change) if each in hit else each for each in objects]


def _meant(each: Json, target: Mapping[str, str]) -> bool:
    same = all(each[key] == target[key] for key in ("kind",) if key in target)
    return same and re.fullmatch(target.get("name", ".*"), each["metadata"]["name"]) is not None


def _changed(each: Json, change: object) -> Json:
    if isinstance(change, list):
        found = copy.deepcopy(each)
        for operation in change:
            _operate(found, operation)
        return found
    assert isinstance(change, dict)
    merged: Json = _merged(each, change, "")
    return merged


def _operate(document: Json, operation: Json) -> None:
    """Carry out one operation of RFC 6902."""
    *way, last = [step.replace("~1", "/").replace("~0", "~") for step in operation["path"].split("/")[1:]]
    parent: Any = document
    for step in way:
        parent = parent[int(step) if isinstance(parent, list) else step]
    place: Any = int(last) if isinstance(parent, list) and last != "-" else last
    match operation["op"]:
        case "add" if last == "-":
            parent.append(operation["value"])
        case "add" if isinstance(parent, list):
            parent.insert(place, operation["value"])
        case "add":
            parent[place] = operation["value"]
        case "replace":
            assert parent[place] is not None
            parent[place] = operation["value"]
        case "remove":
            del parent[place]
        case "test":
            assert parent[place] == operation["value"], f"{operation['path']} is {parent[place]!r}"
        case other:
            raise AssertionError(f"unknown operation {other!r}")


def _merged(before: Any, change: Any, key: str) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(before, dict) and isinstance(change, dict):
        found = dict(before)
        for name, value in change.items():
            found[name] = _merged(before.get(name), value, name)
        return found
    if isinstance(before, list) and isinstance(change, list) and key in MERGE_KEYS:
        by = MERGE_KEYS[key]
        named = {each[by]: each for each in before}
        for each in change:
            named[each[by]] = _merged(named.get(each[by]), each, "")
        return list(named.values())
    return copy.deepcopy(change)


def _plain(each: Any) -> Any:  # noqa: ANN401 - any YAML
    """Return YAML without shared parts: a patch of one object must not reach another."""
    return copy.deepcopy(each)
