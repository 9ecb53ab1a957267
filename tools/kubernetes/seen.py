"""What a workload of a stage says: what it should run, who asked for that, and how far it has come."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from pydantic import ValidationError

from core.configuration import StageConfiguration
from core.values import Count, Frozen, NonNegative
from tools.kubernetes import names

Json = dict[str, Any]

SUFFIXES: Mapping[str, Decimal] = {"m": Decimal("0.001"), "k": Decimal(1000)}
"""Of quantities of cores; others do not occur."""
PARTS = ("replicas", "template")
"""Of a spec, as its owners are told apart."""


class Asked(Frozen):
    """What Trimtab asked of a workload last, as it wrote it down there."""

    stage: StageConfiguration
    cores: NonNegative
    """Of one replica."""
    wait_s: NonNegative
    """How long the first item of a partial batch waits."""
    replicas: Count
    """For now: on the way to fewer replicas, as many as before (`rollout`)."""

    @property
    def settled(self) -> bool:
        """Whether the workload was told the number that it is to have in the end."""
        return self.replicas == self.stage.replicas


@dataclass(frozen=True, slots=True)
class Spec:
    """What a workload is told to run, whoever told it. None is not said, or not readable."""

    variant: str | None
    batch: int | None
    replicas: int
    cores: float | None
    wait_s: float | None

    def serves(self, asked: Asked) -> bool:
        """Say whether the pods are those that were asked for; their number aside."""
        return (self.variant, self.batch) == (asked.stage.variant, asked.stage.batch) and (
            self.cores,
            self.wait_s,
        ) == (asked.cores, asked.wait_s)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the cluster has come with a spec."""

    complete: bool
    """Every replica runs the present template, is ready, and none is left of another."""
    ready: int
    """Pods of the present template that are ready, at least."""
    stuck: str = ""
    """Why it does not get on, in the cluster's words; empty while it does."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A workload at one version."""

    kind: str
    name: str
    stage: str
    version: str
    """`metadata.resourceVersion`: the optimistic lock."""
    generation: int
    spec: Spec
    progress: Progress
    asked: Asked | None = None
    """None where Trimtab never applied anything."""
    change: str | None = None
    load_rps: float | None = None
    paused: bool = False
    adopted: str | None = None
    """The change since which whatever others did may be overwritten; a person says so."""
    owners: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Who else wrote `replicas` and `template`, the newest first, each with the time."""

    @property
    def wanted(self) -> StageConfiguration | None:
        """What should run in the end: what was asked for, or else what the spec says."""
        if self.asked is not None and not self.edited:
            return self.asked.stage
        return _configuration(self.stage, self.spec)

    @property
    def edited(self) -> bool:
        """Whether somebody else changed what Trimtab asked for."""
        if self.asked is None:
            return False
        return not self.spec.serves(self.asked) or self.spec.replicas != self.asked.replicas

    @property
    def ours(self) -> bool:
        """Whether Trimtab may write: nobody else's change would be lost, or a person said that it may be."""
        return not self.edited or self.adopted == self.change


def deployment(found: Json) -> Seen | None:
    """Return what a Deployment says; None where it is not labelled as a stage."""
    meta, spec, status = found["metadata"], found["spec"], found.get("status") or {}
    labels, notes = meta.get("labels") or {}, meta.get("annotations") or {}
    stage = labels.get(names.STAGE)
    if names.PIPELINE not in labels or not stage:
        return None
    return Seen(
        kind="Deployment",
        name=meta["name"],
        stage=stage,
        version=meta["resourceVersion"],
        generation=meta.get("generation", 0),
        spec=_spec(spec),
        progress=_progress(meta, spec, status),
        **annotated(notes),
        owners=owners(meta),
    )


def annotated(notes: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields of `Seen` that annotations say."""
    return {
        "asked": _asked(notes.get(names.ASKED)),
        "change": notes.get(names.CHANGE),
        "load_rps": _number(notes.get(names.LOAD_RPS)),
        "paused": paused(notes),
        "adopted": notes.get(names.ADOPT),
    }


def paused(notes: Mapping[str, str]) -> bool:
    """Say whether annotations pause something; whatever is not clearly `false` does."""
    return notes.get(names.PAUSED, "false").strip().lower() not in {"false", "0", "no", ""}


def owners(meta: Json) -> dict[str, tuple[str, ...]]:
    """Return who else wrote the parts of an object's spec, the newest first."""
    entries = [m for m in meta.get("managedFields") or () if m.get("manager") != names.FIELD_MANAGER]
    entries.sort(key=lambda m: str(m.get("time", "")), reverse=True)
    return {
        part: tuple(
            f"{m.get('manager')} ({m.get('time', 'no time')})"
            for m in entries
            if f"f:{part}" in ((m.get("fieldsV1") or {}).get("f:spec") or {})
        )
        for part in PARTS
    }


def server_container(containers: list[Json]) -> Json:
    """Return the container that serves; an empty one where there is none."""
    return next((c for c in containers if c.get("name") == names.CONTAINER), {})


def container_says(container: Json, replicas: int) -> Spec:
    """Return what a container's environment and resources say."""
    env = dict(_plain_env(container))
    limits = (container.get("resources") or {}).get("requests") or {}
    batch = _number(env.get(names.BATCH_ENV))
    return Spec(
        variant=env.get(names.VARIANT_ENV),
        batch=int(batch) if batch is not None else None,
        replicas=replicas,
        cores=cores(limits.get("cpu")),
        wait_s=_number(env.get(names.BATCH_WAIT_ENV)),
    )


def cores(quantity: object) -> float | None:
    """Return a quantity of cores, such as `500m`; None where it is none."""
    text = str(quantity or "")
    factor = SUFFIXES.get(text[-1:], Decimal(1))
    try:
        return float(Decimal(text.removesuffix(text[-1]) if text[-1:] in SUFFIXES else text) * factor)
    except InvalidOperation:
        return None


def _spec(spec: Json) -> Spec:
    pod = spec["template"]["spec"]
    return container_says(server_container(pod.get("containers") or []), spec.get("replicas", 1))


def _progress(meta: Json, spec: Json, status: Json) -> Progress:
    wanted = spec.get("replicas", 1)
    counts = {status.get(key, 0) for key in ("replicas", "updatedReplicas", "readyReplicas")}
    seen = status.get("observedGeneration", 0) >= meta.get("generation", 0)
    stuck = [
        str(c.get("message") or c.get("reason"))
        for c in status.get("conditions") or ()
        if (c.get("type"), c.get("status")) in {("Progressing", "False"), ("ReplicaFailure", "True")}
    ]
    return Progress(
        complete=seen and counts == {wanted},
        ready=_new_and_ready(status) if seen else 0,
        stuck=stuck[0] if stuck else "",
    )


def _new_and_ready(status: Json) -> int:
    """Return how many pods of the new template are ready even if all those of the old one are."""
    old = status.get("replicas", 0) - status.get("updatedReplicas", 0)
    return int(max(0, status.get("readyReplicas", 0) - old))


def _configuration(stage: str, spec: Spec) -> StageConfiguration | None:
    if spec.variant is None or spec.batch is None:
        return None
    try:
        return StageConfiguration(stage=stage, variant=spec.variant, batch=spec.batch, replicas=spec.replicas)
    except ValidationError:
        return None


def _asked(text: str | None) -> Asked | None:
    """Return what the annotation says; what is unreadable was not written by us."""
    if text is None:
        return None
    try:
        return Asked.model_validate(json.loads(text))
    except (ValueError, ValidationError):
        return None


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _plain_env(container: Json) -> Iterator[tuple[str, str]]:
    for entry in container.get("env") or ():
        if "value" in entry:
            yield entry["name"], entry["value"]
