"""A control plane on loopback, as controller-runtime's envtest: etcd, API server, controllers, scheduler.

The programs are real; there are no nodes (`player.py` plays them). Every user is a certificate of the plane's
own authority, or a token of a service account. The whole plane ends with the process that started it.
"""

from __future__ import annotations

import shutil
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import urllib3
from urllib3.exceptions import HTTPError

from tests.kube import flags, tokens, users
from tests.kube.binaries import APISERVER, ETCD, MANAGER, SCHEDULER, Binaries
from tests.kube.certificates import Authority
from tests.kube.manifests import Manifests, apply
from tests.kube.processes import Group
from tests.kube.rest import FIELD_MANAGER, Json, Refused, Rest
from tools.local.child import free_port

ADMIN = "admin"
START_LIMIT_S = 60.0
PULSE_S = 0.02
"""How long etcd runs between two pauses: enough for what has waited."""
TOKEN_S = 3600
NO_STORED_TOKENS = (1, 24)
"""From this version on an account has no token of its own."""
NUMBERS = count(1)


@dataclass(frozen=True, slots=True)
class Plane:
    """A control plane that runs."""

    binaries: Binaries
    places: flags.Places
    authority: Authority
    group: Group
    rest: Rest
    """The API server as its administrator sees it."""

    @property
    def url(self) -> str:
        """Where the API server is."""
        return self.places.url

    @property
    def admin_kubeconfig(self) -> Path:
        """The kubeconfig of one who may do everything."""
        return self.places.kubeconfig(ADMIN)

    def kubeconfig(self, user: str, groups: Sequence[str] = ()) -> Path:
        """Return the kubeconfig of a user, who may do what RBAC grants the name or the groups."""
        return users.certified(self.places, self.authority, user, groups)

    def token_kubeconfig(self, namespace: str, service_account: str, expires_s: float = TOKEN_S) -> Path:
        """Return the kubeconfig of a service account, made if need be; its token is in a file.

        It is `.with_suffix(".token")` of the kubeconfig; write another `token()` there to renew it.
        """
        name = f"{namespace}-{service_account}-{next(NUMBERS)}"
        return users.with_token(self.places, name, self.token(namespace, service_account, expires_s))

    def token(self, namespace: str, service_account: str, expires_s: float = TOKEN_S) -> str:
        """Return a token; with a negative expiry it is refused from the start.

        For ten seconds an API server remembers that a token was good, past its expiry too.
        """
        return tokens.token(self.rest, self.places.account_key, namespace, service_account, expires_s)

    def apply(
        self,
        manifests: Manifests,
        namespace: str = "default",
        *,
        dry_run: bool = False,
        manager: str = FIELD_MANAGER,
    ) -> list[Json]:
        """Apply a YAML file, an object or several server-side, as administrator; see `manifests.apply`."""
        return apply(self.rest, manifests, namespace, dry_run=dry_run, manager=manager)

    @contextmanager
    def namespace(self) -> Iterator[str]:
        """Give a new namespace; at the end its pods are gone, and the rest soon after."""
        name = f"test-{next(NUMBERS)}"
        self.rest.post("/api/v1/namespaces", {"metadata": {"name": name}})
        self._wait_until_pods_are_let_in(name)
        try:
            yield name
        finally:
            self.rest.delete(f"/api/v1/namespaces/{name}")
            self.rest.delete(f"/api/v1/namespaces/{name}/pods", gracePeriodSeconds="0")

    def stop_apiserver(self) -> None:
        """End the API server at once, as a crash would."""
        self.group.kill(APISERVER)

    def start_apiserver(self) -> None:
        """Start the API server, and return when it is ready.

        The controllers start anew, as they would where they have a lease to lose; else they would look for
        the server at ever longer intervals.
        """
        self.group.start(APISERVER, flags.apiserver(self.binaries, self.places))
        self.group.wait_until(APISERVER, lambda: self._answers("/readyz"), START_LIMIT_S)
        for name, flags_of in ((MANAGER, flags.manager), (SCHEDULER, flags.scheduler)):
            if self.group.runs(name):
                self.group.kill(name)
            self.group.start(name, flags_of(self.binaries, self.places))

    def restart_apiserver(self) -> None:
        """Crash the API server, and return when it is back."""
        self.stop_apiserver()
        self.start_apiserver()

    @contextmanager
    def etcd_latency(self, seconds: float) -> Iterator[None]:
        """Make each request to etcd wait up to *seconds*: it is paused, and runs for a moment between."""
        over = threading.Event()

        def pulse() -> None:
            while not over.is_set():
                self.group.send(ETCD, signal.SIGSTOP)
                over.wait(seconds)
                self.group.send(ETCD, signal.SIGCONT)
                over.wait(PULSE_S)

        thread = threading.Thread(target=pulse)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def forget_history(self) -> None:
        """Have etcd drop what was before now: a watch of Deployments from then is refused (410)."""
        now = self.rest.get("/api/v1/namespaces")["metadata"]["resourceVersion"]
        url = f"http://127.0.0.1:{self.places.etcd_port}/v3/kv/compaction"
        answer = urllib3.request("POST", url, json={"revision": now, "physical": True})
        assert answer.status == 200, answer.data

    def stop(self, *, keep_logs: bool) -> None:
        """End everything."""
        self.rest.close()
        self.group.stop()
        shutil.rmtree(self.places.folder / "etcd", ignore_errors=True)
        if not keep_logs:
            shutil.rmtree(self.places.folder)

    def _start(self) -> None:
        self.group.start(ETCD, flags.etcd(self.binaries, self.places))
        self.start_apiserver()
        self._wait_until_pods_are_let_in("default")

    def _answers(self, path: str) -> bool:
        try:
            return self.rest.ask("GET", path, {}).status == 200
        except HTTPError:
            return False

    def _wait_until_pods_are_let_in(self, namespace: str) -> None:
        """Wait for what every pod needs: the default account and, before 1.24, its token."""

        def let_in() -> bool:
            try:
                account = self.rest.get(f"/api/v1/namespaces/{namespace}/serviceaccounts/default")
            except Refused:
                return False
            return self.binaries.version >= NO_STORED_TOKENS or bool(account.get("secrets"))

        self.group.wait_until(MANAGER, let_in, START_LIMIT_S)


def start(binaries: Binaries, folder: Path) -> Plane:
    """Start a control plane whose state and logs are in *folder*; nothing is left where it cannot start."""
    authority = Authority.made(folder / "pki")
    places = flags.Places(
        folder=folder,
        api_port=free_port(),
        etcd_port=free_port(),
        peer_port=free_port(),
        authority=authority.path,
        server=authority.server("apiserver", ("127.0.0.1", "localhost", "10.96.0.1")),
        account_key=folder / "pki" / "accounts.key",
        account_public=folder / "pki" / "accounts.pub",
    )
    tokens.make_keys(places.account_key, places.account_public)
    for program in (MANAGER, SCHEDULER):
        users.certified(places, authority, f"system:{program}")
    admin = users.certified(places, authority, ADMIN, ["system:masters"])
    plane = Plane(binaries, places, authority, Group(folder), Rest.of(admin))
    try:
        plane._start()
    except BaseException:
        plane.stop(keep_logs=True)
        raise
    return plane
