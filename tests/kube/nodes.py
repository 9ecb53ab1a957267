"""Nodes as kubelets register and keep them: capacity, readiness, a Lease that is renewed."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from itertools import count

from tests.kube.pods import condition
from tests.kube.rest import Json, Rest

NODES = "/api/v1/nodes"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
LEASE_S = 40
HEARTBEAT_S = 5.0
"""A kubelet renews every ten seconds; a node that was silent for forty counts as lost."""
MOST_PODS = 5000
NUMBERS = count(1)


@dataclass(slots=True)
class Node:
    """One node."""

    name: str
    cores: float
    lost: bool = False

    @classmethod
    def registered(cls, rest: Rest, cores: float) -> Node:
        """Return a new node, ready."""
        node = cls(f"node-{next(NUMBERS)}", cores)
        labels = {"kubernetes.io/hostname": node.name, "kubernetes.io/os": "linux"}
        rest.post(NODES, {"metadata": {"name": node.name, "labels": labels}})
        node.report(rest, ready=True)
        rest.post(LEASES, {"metadata": {"name": node.name}, "spec": _lease(node.name)})
        return node

    def report(self, rest: Rest, *, ready: bool | None) -> None:
        """Say how the node is; None is what the node controller writes of one it does not hear of."""
        capacity = {"cpu": f"{round(self.cores * 1000)}m", "memory": "1Ti", "pods": str(MOST_PODS)}
        status = {
            "capacity": capacity,
            "allocatable": capacity,
            "conditions": [condition("Ready", value=ready)],
        }
        rest.patch(f"{NODES}/{self.name}/status", {"status": status}, "strategic")

    def renew(self, rest: Rest) -> None:
        """Say that the node lives."""
        rest.patch(f"{LEASES}/{self.name}", {"spec": _lease(self.name)})

    def remove(self, rest: Rest) -> None:
        """Take the node out of the cluster."""
        rest.delete(f"{NODES}/{self.name}")
        rest.delete(f"{LEASES}/{self.name}")


def _lease(holder: str) -> Json:
    time = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {"holderIdentity": holder, "leaseDurationSeconds": LEASE_S, "renewTime": time}
