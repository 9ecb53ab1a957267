"""Small objects for tests."""

from __future__ import annotations

from collections.abc import Mapping

from tests.kube.rest import Json


def deployment(
    name: str,
    *,
    replicas: int = 1,
    cores: float = 1,
    variables: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
) -> Json:
    """Return a Deployment of one container called `server`, as stages of pipelines are."""
    selector = {"app": name}
    resources = {"cpu": f"{round(cores * 1000)}m"}
    container = {
        "name": "server",
        "image": "server:1",
        "env": [{"name": key, "value": value} for key, value in (variables or {}).items()],
        "resources": {"requests": resources, "limits": resources},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": {**selector, **(labels or {})}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": selector},
            "template": {"metadata": {"labels": selector}, "spec": {"containers": [container]}},
        },
    }


def service(name: str) -> Json:
    """Return a headless Service of the Deployment of that name.

    The protocol is said outright, as servers before 1.21 refuse to apply a port without it.
    """
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {
            "clusterIP": "None",
            "selector": {"app": name},
            "ports": [{"port": 8080, "protocol": "TCP"}],
        },
    }
