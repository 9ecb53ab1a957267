"""The command lines of a control plane, by the version of the programs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.kube.binaries import APISERVER, MANAGER, SCHEDULER, Binaries
from tests.kube.certificates import Pair

ISSUER = "https://kubernetes.default.svc"
TOLERATION_S = 3
"""How long pods stay on a lost node; five minutes by default, which no test waits for."""
NO_INSECURE_PORT = (1, 22)
"""From this version on nothing is served without TLS, and there is no flag to say so."""


@dataclass(frozen=True, slots=True)
class Places:
    """Ports and files of a control plane."""

    folder: Path
    api_port: int
    etcd_port: int
    peer_port: int
    authority: Path
    server: Pair
    account_key: Path
    """Private key that signs service account tokens."""
    account_public: Path

    @property
    def url(self) -> str:
        """Where the API server is."""
        return f"https://127.0.0.1:{self.api_port}"

    def kubeconfig(self, user: str) -> Path:
        """Return the file of a user's kubeconfig."""
        return self.folder / f"{user}.kubeconfig"


def etcd(binaries: Binaries, places: Places) -> list[str]:
    """Return how etcd is started."""
    client, peer = f"http://127.0.0.1:{places.etcd_port}", f"http://127.0.0.1:{places.peer_port}"
    return [
        str(binaries.etcd),
        "--name=e0",
        f"--data-dir={places.folder / 'etcd'}",
        "--unsafe-no-fsync",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=e0={peer}",
    ]


def apiserver(binaries: Binaries, places: Places) -> list[str]:
    """Return how the API server is started.

    Deployments are watched in etcd itself and etcd keeps its history, so that a watch can be resumed after
    a restart: the cache of a new API server begins with its present.
    """
    return [
        str(binaries.folder / APISERVER),
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={places.api_port}",
        "--endpoint-reconciler-type=none",
        f"--etcd-servers=http://127.0.0.1:{places.etcd_port}",
        "--etcd-compaction-interval=0",
        "--watch-cache-sizes=deployments.apps#0",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--authorization-mode=RBAC",
        f"--client-ca-file={places.authority}",
        f"--tls-cert-file={places.server.certificate}",
        f"--tls-private-key-file={places.server.key}",
        f"--service-account-issuer={ISSUER}",
        f"--service-account-key-file={places.account_public}",
        f"--service-account-signing-key-file={places.account_key}",
        f"--default-not-ready-toleration-seconds={TOLERATION_S}",
        f"--default-unreachable-toleration-seconds={TOLERATION_S}",
    ]


def manager(binaries: Binaries, places: Places) -> list[str]:
    """Return how the controller manager is started."""
    return [
        str(binaries.folder / MANAGER),
        f"--kubeconfig={places.kubeconfig(MANAGER)}",
        "--leader-elect=false",
        f"--service-account-private-key-file={places.account_key}",
        f"--root-ca-file={places.authority}",
        "--use-service-account-credentials=true",
        "--node-monitor-period=1s",
        *_serves_nothing(binaries.version),
    ]


def scheduler(binaries: Binaries, places: Places) -> list[str]:
    """Return how the scheduler is started."""
    return [
        str(binaries.folder / SCHEDULER),
        f"--kubeconfig={places.kubeconfig(SCHEDULER)}",
        "--leader-elect=false",
        *_serves_nothing(binaries.version),
    ]


def _serves_nothing(version: tuple[int, int]) -> list[str]:
    return ["--secure-port=0", *(["--port=0"] if version < NO_INSECURE_PORT else [])]
