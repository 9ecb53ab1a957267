"""One controller acts at a time: leader election on a Lease, as client-go does it.

    lease = Lease(api, "trimtab", "trimtab", identity)
    every two seconds, in a thread:   lease.try_acquire()
    before every write:               lease.held
    on SIGTERM:                       lease.release()

Expiry is judged by this machine's monotonic clock alone: a record that somebody holds is free when it was
seen *unchanged* for its duration. The times written in it are for people, so clocks that are hours apart
make no two leaders. A holder stops believing in its own record `renew_s` after it last *sent* a renewal that
worked, which is before anybody else may take it:

    sent <= written <= seen unchanged since,   sent + renew_s < seen + duration_s

Every write names the version that it replaces, so of two candidates one gets a 409. A write that ended
without an answer counts as not done; the next attempt reads what is there.

Why not `kubernetes.leaderelection` of the client: its calls have no time-out, it trusts wall clocks, and it
cannot let go of a lease. Do not delete a Lease that is held: a candidate that starts at that moment never saw
it, takes it for the first time, and for `renew_s` there may be two.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from math import inf
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from core.errors import UsageError
from tools.kubernetes.api import Api, Json, Timeouts
from tools.kubernetes.errors import Conflict, KubernetesError, NotFound

logger = logging.getLogger(__name__)

DURATION_S = 15.0
"""client-go's."""
RENEW_S = 10.0
"""client-go's renew deadline."""
TIMEOUTS = Timeouts(connect_s=2.0, read_s=3.0)
"""Short, so that there is a second attempt before the deadline."""
PATH = "/apis/coordination.k8s.io/v1/namespaces/{}/leases"


class Lease:
    """A claim to be the one that acts. `try_acquire` and `release` are for one thread, `held` for all.

    Args:
        api: Its time-outs are not used; a lease has shorter ones.
        namespace: Of the Lease.
        name: Of the Lease.
        identity: Says to people who holds it; a random part is added, as a restarted pod is another holder.
        duration_s: How long others wait for a sign of life.
        renew_s: How long this one believes in its last one.
        clock: Monotonic, in seconds.
        unix: Wall clock, for what people read.

    Raises:
        UsageError: the deadlines would allow two holders.
    """

    def __init__(
        self,
        api: Api,
        namespace: str,
        name: str,
        identity: str,
        *,
        duration_s: float = DURATION_S,
        renew_s: float = RENEW_S,
        clock: Callable[[], float] = time.monotonic,
        unix: Callable[[], float] = time.time,
    ) -> None:
        if not 0 < renew_s < duration_s or duration_s < 1:
            raise UsageError(
                f"a lease of {duration_s:g} s cannot be renewed within {renew_s:g} s; less is needed"
            )
        self.holder = f"{identity}_{uuid4().hex[:8]}"
        self.problem = ""
        """Why the last attempt did not work, in one line; empty where it did."""
        self._api = replace(api, timeouts=TIMEOUTS)
        self._path = PATH.format(quote(namespace, safe=""))
        self._name = name
        self._duration_s, self._renew_s = duration_s, renew_s
        self._clock, self._unix = clock, unix
        self._lock = threading.Lock()
        self._released = False
        self._until_s = -inf
        self._seen: Json | None = None
        """The object, as it was last read or written."""
        self._expires_s = -inf
        """When somebody else's claim that was last seen is free to be taken."""

    @property
    def held(self) -> bool:
        """Say whether this one may act now."""
        return not self._released and self._clock() < self._until_s

    def try_acquire(self) -> bool:
        """Take the lease if it is free, renew it if it is ours; return `held`. Call it every 2 or 3 s.

        What goes wrong is in `problem` and, once, in the log.
        """
        with self._lock:
            if self._released:
                return False
            before = self.held
            try:
                self._attempt()
                self._says("")
            except KubernetesError as error:
                self._says(str(error))
            if before != self.held:
                logger.info("%s the lease %s", "took" if self.held else "lost", self._name)
            return self.held

    def release(self) -> None:
        """Stop acting, and let the next one start at once. Afterwards this one never acquires it again."""
        self._released = True
        with self._lock:
            if self._seen is None or _holder(self._seen) != self.holder:
                return
            try:
                # None takes the field away; a second, as client-go has it, as a duration must be positive.
                self._write({"holderIdentity": None, "leaseDurationSeconds": 1, "renewTime": self._now()})
            except KubernetesError as error:
                logger.warning("the lease could not be released, it runs out by itself: %s", error)

    def _attempt(self) -> None:
        if self.held and self._ours():
            try:
                self._renew()
                return
            except (Conflict, NotFound):
                logger.info("the lease %s was changed by somebody else", self._name)
        self._look()
        if self._seen is None:
            if not self._waits():
                self._create()
        elif self._ours():
            self._renew()
        else:
            self._until_s = -inf
            if not self._waits():
                self._take()

    def _look(self) -> None:
        """Read the lease; what it says counts from when the answer is here."""
        try:
            found: Json | None = self._api.get(f"{self._path}/{quote(self._name, safe='')}")
        except NotFound:
            found = None
        # One that was deleted is waited for all the same: whoever held it may not know yet.
        if found is not None and (self._seen is None or _spec(found) != _spec(self._seen)):
            self._expires_s = self._clock() + self._lasts_s(found)
        self._seen = found

    def _waits(self) -> bool:
        return self._clock() < self._expires_s

    def _lasts_s(self, found: Json) -> float:
        """Return how long a record is to be respected; one that nobody else holds is free at once."""
        if _holder(found) in ("", self.holder):
            return -inf
        said = _spec(found).get("leaseDurationSeconds")
        return max(self._duration_s, float(said) if isinstance(said, int) else 0.0)

    def _ours(self) -> bool:
        return self._seen is not None and _holder(self._seen) == self.holder

    def _create(self) -> None:
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._name},
            "spec": {**self._claim(), "leaseTransitions": 0},
        }
        sent_s = self._clock()
        self._holds(self._api.create(self._path, body), sent_s)

    def _take(self) -> None:
        transitions = _spec(self._seen or {}).get("leaseTransitions")
        changes = (transitions if isinstance(transitions, int) else 0) + 1
        sent_s = self._clock()
        self._holds(self._write({**self._claim(), "leaseTransitions": changes}), sent_s)

    def _renew(self) -> None:
        before, sent_s = self._version(), self._clock()
        found = self._write({"renewTime": self._now(), "leaseDurationSeconds": round(self._duration_s)})
        if found["metadata"]["resourceVersion"] == before:
            # The wall clock stands still: nothing changed, so nobody else can see a sign of life.
            return
        self._holds(found, sent_s)

    def _holds(self, found: Json, sent_s: float) -> None:
        self._seen, self._expires_s = found, -inf
        self._until_s = sent_s + self._renew_s

    def _claim(self) -> Json:
        now = self._now()
        return {
            "holderIdentity": self.holder,
            "leaseDurationSeconds": round(self._duration_s),
            "acquireTime": now,
            "renewTime": now,
        }

    def _write(self, spec: Json) -> Json:
        """Change what was seen, if it is still that."""
        body = {"metadata": {"resourceVersion": self._version()}, "spec": spec}
        return self._api.patch(f"{self._path}/{quote(self._name, safe='')}", body, "merge")

    def _version(self) -> Any:  # noqa: ANN401 - as the server gives it
        return (self._seen or {})["metadata"]["resourceVersion"]

    def _now(self) -> str:
        return datetime.fromtimestamp(self._unix(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def _says(self, problem: str) -> None:
        if problem and not self.problem:
            logger.warning("the lease cannot be had or kept: %s", problem)
        self.problem = problem


def _spec(found: Json) -> Json:
    return found.get("spec") or {}


def _holder(found: Json) -> str:
    return str(_spec(found).get("holderIdentity") or "")
