"""A strict check of manifests by an API server that has none: what it does not know, it drops.

Kubernetes refuses unknown fields on demand since 1.25. Before, a field that the server's answer to a dry run
does not have any more was not known to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.kube.manifests import address
from tests.kube.plane import Plane
from tests.kube.rest import Json

OLDER: Mapping[tuple[str, str], tuple[tuple[int, int], str]] = {
    ("policy/v1", "PodDisruptionBudget"): ((1, 21), "policy/v1beta1"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"): ((1, 23), "autoscaling/v2beta2"),
}
"""Since when a kind is served so, and what it was before, with the same fields."""
NOT_KEPT = {("stringData",), ("spec", "publishNotReadyAddresses")}
"""Fields that exist and are not in an answer: only for writing, or left out where false."""


def dropped(plane: Plane, manifest: Json, namespace: str) -> list[str]:
    """Return the fields of a manifest that the server does not know, by a dry run.

    Raises:
        Refused: the server would not take it.
    """
    asked = _served(plane, {**manifest, "metadata": {**manifest["metadata"]}})
    if "namespace" in asked["metadata"]:
        asked["metadata"]["namespace"] = namespace
    [answer] = plane.apply(asked, namespace, dry_run=True)
    return [".".join(map(str, way)) for way in lost(asked, answer) if way not in NOT_KEPT]


def lost(asked: Any, answer: Any, way: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:  # noqa: ANN401
    """Yield where *answer* lacks what was asked for; more is no loss, and quantities may be written anew."""
    if isinstance(asked, dict):
        for key, value in asked.items():
            # The server leaves out what is empty.
            if not isinstance(answer, dict) or (key not in answer and value not in ("", [], {}, None)):
                yield (*way, key)
            else:
                yield from lost(value, answer.get(key, value), (*way, key))
    elif isinstance(asked, list):
        if not isinstance(answer, list) or len(answer) < len(asked):
            yield way
            return
        for k, value in enumerate(asked):
            yield from lost(value, answer[k], (*way, k))


def known(plane: Plane, manifest: Json) -> bool:
    """Say whether the server serves the kind."""
    served = _served(plane, manifest)
    try:
        address(plane.rest, served["apiVersion"], served["kind"], "default")
    except LookupError:
        return False
    return True


def _served(plane: Plane, manifest: Json) -> Json:
    """Return the manifest in the version that this server has."""
    since, before = OLDER.get((manifest["apiVersion"], manifest["kind"]), ((0, 0), ""))
    return manifest if plane.binaries.version >= since else {**manifest, "apiVersion": before}
