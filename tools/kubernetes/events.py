"""Kubernetes Events about a pipeline: what `kubectl describe` and `kubectl get events` show of its decisions.

    recorder = Recorder(api, telemetry.api_error)
    said = said_of(decision, rationale)
    if said is not None:
        recorder.say(About.of(declared), said)

Best effort: what cannot be written is counted and logged, and breaks no turn. What is said again within ten
minutes is the same event with a higher count, and each object has a budget of events (`eventbudget`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import quote
from uuid import uuid4

from core.assessment import FindingKind
from core.decision import Decision, Outcome
from tools.kubernetes.api import Api, Json
from tools.kubernetes.declared import Declared
from tools.kubernetes.errors import KubernetesError, NotFound
from tools.kubernetes.eventbudget import Budget, Written
from tools.kubernetes.names import FIELD_MANAGER, GROUP

logger = logging.getLogger(__name__)

Reason = Literal[
    "Applied",
    "Recommended",
    "Refused",
    "Degraded",
    "Failed",
    "Abandoned",
    "RolledBack",
    "SloBreached",
    "MetricsMissing",
    "MetricsStale",
    "InvalidSpec",
    "Paused",
    "EditedByHand",
    "OwnedByAutoscaler",
    "NotLabelled",
    "Forbidden",
    "NotApplied",
]
"""Closed: alerts and dashboards are written against them."""
NORMAL: frozenset[Reason] = frozenset({"Applied", "Recommended", "Paused"})
"""Type `Normal`; all others are warnings."""
LONGEST_MESSAGE = 1024
"""The API's own limit."""
LONGEST_NAME = 230
"""Of the object, in the event's name: what is added has 17 characters, and 253 are allowed."""
WRONG: Mapping[Outcome, Reason] = {"failed": "Failed", "abandoned": "Abandoned", "refused": "Refused"}
DONE: Mapping[Outcome, Reason] = {"applied": "Applied", "recommended": "Recommended"}
SEEN: Mapping[FindingKind, Reason] = {
    "missing metrics": "MetricsMissing",
    "stale metrics": "MetricsStale",
    "slo breach": "SloBreached",
}
"""Findings that are worth saying where nothing was done, worst first."""


@dataclass(frozen=True, slots=True)
class About:
    """The object an event is about: a Pipeline, a ConfigMap or a Deployment."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str

    @property
    def reference(self) -> Json:
        """The object reference of the API."""
        return {
            "apiVersion": self.api_version,
            "kind": self.kind,
            "namespace": self.namespace,
            "name": self.name,
            "uid": self.uid,
        }

    @classmethod
    def of(cls, declared: Declared) -> About:
        """Return the object that declares a pipeline."""
        version, kind = ("v1", "ConfigMap") if declared.source == "configmap" else (f"{GROUP}/v1", "Pipeline")
        return cls(version, kind, declared.namespace, declared.name, declared.uid)


@dataclass(frozen=True, slots=True)
class Said:
    """What an event says."""

    reason: Reason
    message: str

    @property
    def type(self) -> Literal["Normal", "Warning"]:
        """Of the event, as the API has it."""
        return "Normal" if self.reason in NORMAL else "Warning"


def said_of(decision: Decision, rationale: str) -> Said | None:
    """Return what a decision is worth saying; None for one that changes nothing and finds nothing wrong."""
    reason = _reason(decision)
    if reason is not None:
        return Said(reason, rationale)
    found = {finding.kind: finding.statement for finding in decision.findings}
    return next((Said(SEEN[kind], found[kind]) for kind in SEEN if kind in found), None)


def _reason(decision: Decision) -> Reason | None:
    """Return what was done or went wrong, the worse first; None where what runs was kept."""
    if decision.outcome in WRONG:
        return WRONG[decision.outcome]
    if decision.degraded:
        return "Degraded"
    # What failed its trial is quarantined in the turn that brings back what ran before.
    if decision.outcome == "applied" and any(q.since_s == decision.time_s for q in decision.quarantine):
        return "RolledBack"
    return DONE.get(decision.outcome)


def one_line(text: str) -> str:
    """Return text on one line, without control characters, as long as the API takes it."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return plain if len(plain) <= LONGEST_MESSAGE else f"{plain[: LONGEST_MESSAGE - 1]}…"


@dataclass(slots=True)
class Recorder:
    """Writes events. Thread-safe; of one object, one thread at a time."""

    api: Api
    failed: Callable[[str], object]
    """Told the name of the error's class for each event that could not be written."""
    instance: str = ""
    """The controller's identity, to tell the events of two."""
    clock: Callable[[], float] = time.monotonic
    unix: Callable[[], float] = time.time
    _budget: Budget = field(default_factory=Budget)

    def say(self, about: About, said: Said) -> bool:
        """Write an event, unless there were too many; return whether it is on the server. Never raises."""
        said, now_s = Said(said.reason, one_line(said.message)), self.clock()
        words = (said.reason, said.message)
        if not self._budget.takes(about.uid, now_s):
            logger.debug("an event too many: %s", said.message, extra=_where(about))
            return False
        try:
            written = self._write(about, said, self._budget.said(about.uid, words, now_s))
        except KubernetesError as error:
            self.failed(type(error).__name__)
            logger.warning("an event was not written: %s", error, extra=_where(about))
            return False
        self._budget.says(about.uid, words, written, now_s)
        return True

    def _write(self, about: About, said: Said, before: Written | None) -> Written:
        """Count an event up, or create it."""
        if before is not None:
            count = before.count + 1
            try:
                self.api.patch(before.path, {"count": count, "lastTimestamp": self._now()}, "merge")
            except NotFound:
                logger.debug("the event has expired on the server; a new one is written")
            else:
                return Written(before.path, count)
        path = f"/api/v1/namespaces/{quote(about.namespace, safe='')}/events"
        body = self._event(about, said)
        self.api.create(path, body)
        return Written(f"{path}/{quote(body['metadata']['name'], safe='')}", 1)

    def _event(self, about: About, said: Said) -> Json:
        now = self._now()
        name = f"{about.name[:LONGEST_NAME]}.{uuid4().hex[:16]}"
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": about.namespace},
            "involvedObject": about.reference,
            "type": said.type,
            "reason": said.reason,
            "message": said.message,
            "count": 1,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "source": {"component": FIELD_MANAGER},
            "reportingComponent": FIELD_MANAGER,
            "reportingInstance": self.instance,
        }

    def _now(self) -> str:
        return datetime.fromtimestamp(self.unix(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _where(about: About) -> dict[str, str]:
    return {"namespace": about.namespace, "object": f"{about.kind}/{about.name}"}
