"""The users of a control plane, each a kubeconfig: a certificate of its authority, or a token in a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from tests.kube.certificates import Authority
from tests.kube.flags import Places
from tests.kube.rest import Json


def certified(places: Places, authority: Authority, user: str, groups: Sequence[str] = ()) -> Path:
    """Return the kubeconfig of a user in some groups, under the last part of the user's name."""
    pair = authority.client(user, groups)
    credentials = {"client-certificate": str(pair.certificate), "client-key": str(pair.key)}
    return written(places, user.rpartition(":")[2], credentials)


def with_token(places: Places, name: str, token: str) -> Path:
    """Return the kubeconfig of who holds a token; it is read from the file of that name and `.token`."""
    path = places.folder / f"{name}.token"
    path.write_text(token)
    return written(places, name, {"tokenFile": str(path)})


def written(places: Places, name: str, credentials: Json) -> Path:
    """Write a kubeconfig of the API server and some credentials."""
    path = places.kubeconfig(name)
    path.write_text(json.dumps(kubeconfig(places.url, places.authority, credentials), indent=1))
    return path


def kubeconfig(url: str, authority: Path | None, credentials: Json) -> Json:
    """Return a kubeconfig of one server and one user; no *authority* where it speaks no TLS."""
    cluster = {"server": url}
    if authority is not None:
        cluster["certificate-authority"] = str(authority)
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "plane", "cluster": cluster}],
        "users": [{"name": "user", "user": credentials}],
        "contexts": [{"name": "plane", "context": {"cluster": "plane", "user": "user"}}],
        "current-context": "plane",
    }
