"""What a kubelet says of a pod, as status patches, and what can become of a pod."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass

from tests.kube.rest import Json

READY_S = 0.2
CRASH_EVERY_S = 0.5
"""Between two crashes: ten seconds and more on a real node, which no test waits for."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a pod once it is on a node, and how soon."""

    start_s: float = 0.0
    """From Pending to Running."""
    ready_s: float | None = READY_S
    """From Running to Ready; None is never."""
    crashes: bool = False
    stop_s: float = 0.0
    """From the wish that it end to its end."""


HEALTHY = Fate()
NEVER_READY = Fate(ready_s=None)
CRASH_LOOP = Fate(ready_s=None, crashes=True)

Rule = Callable[[Json], Fate]


def environment(pod: Json) -> dict[str, str]:
    """Return the variables of a pod's containers, for rules."""
    containers = pod["spec"]["containers"]
    return {e["name"]: e.get("value", "") for c in containers for e in c.get("env", ())}


def running(pod: Json, address: str, since: str, *, ready: bool) -> Json:
    """Return the status of a pod whose containers run."""
    status = _status(pod, "Running", {"running": {"startedAt": since}}, ready=ready)
    return {**status, "podIP": address, "podIPs": [{"ip": address}], "startTime": since}


def crashed(pod: Json, times: int) -> Json:
    """Return the status of a pod whose containers ended for the n-th time and wait to be started again."""
    state = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off restarting failed container"}}
    ended = {"exitCode": 1, "reason": "Error", "startedAt": now(), "finishedAt": now()}
    return _status(pod, "Running", state, ready=False, restarts=times, last={"terminated": ended})


def lost() -> Json:
    """Return what the node controller says of a pod whose node it has not heard of for long."""
    return {"conditions": [condition("Ready", value=False)]}


def condition(name: str, *, value: bool | None) -> Json:
    """Return a condition of a pod or a node; None is unknown."""
    text = {True: "True", False: "False", None: "Unknown"}[value]
    return {"type": name, "status": text, "lastTransitionTime": now()}


def now() -> str:
    """Return the time as the API writes it."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _status(
    pod: Json, phase: str, state: Json, *, ready: bool, restarts: int = 0, last: Json | None = None
) -> Json:
    containers = [
        {
            "name": container["name"],
            "image": container["image"],
            "imageID": "",
            "ready": ready,
            "started": ready,
            "restartCount": restarts,
            "state": state,
            "lastState": last or {},
        }
        for container in pod["spec"]["containers"]
    ]
    conditions = [condition("Initialized", value=True)]
    conditions += [condition(name, value=ready) for name in ("ContainersReady", "Ready")]
    return {"phase": phase, "conditions": conditions, "containerStatuses": containers}
