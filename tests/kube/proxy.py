"""A proxy before the API server that does as a script says: answers, waits, says nothing, breaks off.

    with fault_proxy(plane, plane.kubeconfig("jane")) as proxy:
        proxy.on("PATCH", r"/deployments/web$", Silence(forwarded=True))
        trimtab(proxy.kubeconfig)
    assert proxy.seen[-1].upstream == 200

It signs in with the credentials of a kubeconfig; a bearer token that a client sends is passed on instead.
"""

from __future__ import annotations

import json
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.kube import users
from tests.kube.faults import Fault, Request, Rule, Seen
from tests.kube.plane import Plane
from tests.kube.relay import LOOK_S, Court, Relay
from tests.kube.rest import Rest

CONNECTIONS = 64

Script = Callable[[Request], Fault | None]


@dataclass(slots=True)
class FaultProxy:
    """The proxy: its rules, and what it has seen. Thread-safe."""

    kubeconfig: Path
    """For the client."""
    script: Script | None = None
    """Asked where no rule has a fault."""
    _rules: list[Rule] = field(default_factory=list)
    _seen: list[Seen] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def seen(self) -> list[Seen]:
        """The requests so far whose outcome is decided, in that order."""
        with self._lock:
            return list(self._seen)

    def asked(self, method: str, path: str = "") -> list[Seen]:
        """Return the requests of a method whose path a regular expression is found in."""
        return [s for s in self.seen if s.request.method == method and re.search(path, s.request.path)]

    def on(self, method: str, path: str, fault: Fault, *, first: int = 1, times: int | None = 1) -> None:
        """Have a fault befall requests of a method whose path a regular expression is found in.

        It befalls the *first* of them, counting from now and from 1, and so many in all; None is for ever.
        """
        with self._lock:
            self._rules.append(Rule(fault, method, re.compile(path), first, times))

    def clear(self) -> None:
        """Forget all rules."""
        with self._lock:
            self._rules.clear()

    def _decide(self, request: Request) -> Fault | None:
        with self._lock:
            # All rules count, also where another strikes first.
            faults = [rule.fault for rule in self._rules if rule.strikes(request)]
            if faults:
                return faults[0]
            return self.script(request) if self.script else None

    def _record(self, seen: Seen) -> None:
        with self._lock:
            self._seen.append(seen)


@contextmanager
def fault_proxy(
    plane: Plane, kubeconfig: Path, script: Script | None = None, *, tls: bool = False
) -> Iterator[FaultProxy]:
    """Give a proxy before the API server that signs in as the user of a kubeconfig of the plane.

    A user who has a token keeps it: it is in the client's kubeconfig, and the client has to send it.
    """
    relay = Relay()
    name = f"proxy-{relay.server_port}"
    if tls:
        pair = plane.authority.server(name, ("127.0.0.1",))
        relay.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        relay.tls.load_cert_chain(pair.certificate, pair.key)
    proxy = FaultProxy(_for_client(plane, kubeconfig, name, relay.server_port, tls=tls), script)
    signed_in = Rest.of(kubeconfig, connections=CONNECTIONS)
    anonymous = Rest.of(users.written(plane.places, f"{name}-anonymous", {}), connections=CONNECTIONS)
    relay.court = court = Court(proxy._decide, proxy._record, signed_in, anonymous)
    threading.Thread(target=relay.serve_forever, args=(LOOK_S,), daemon=True).start()
    try:
        yield proxy
    finally:
        court.over.set()
        relay.shutdown()
        relay.server_close()
        signed_in.close()
        anonymous.close()


def _for_client(plane: Plane, kubeconfig: Path, name: str, port: int, *, tls: bool) -> Path:
    user = json.loads(kubeconfig.read_text())["users"][0]["user"]
    credentials = {key: value for key, value in user.items() if key == "tokenFile"}
    url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    path = plane.places.kubeconfig(name)
    path.write_text(json.dumps(users.kubeconfig(url, plane.authority.path if tls else None, credentials)))
    return path
