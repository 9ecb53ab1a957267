"""Judges what was ever visible of a pipeline's Deployments, from raw objects and the store alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from core.configuration import Configuration, StageConfiguration
from core.pipeline import Pipeline
from tests.kube.stream import Event
from tools.store import DecisionStore

Json = dict[str, Any]
INITIAL = "initial"
FIELDS = ("variant", "batch", "replicas", "cpu", "wait")


@dataclass(frozen=True, slots=True)
class Told:
    """What one version of a Deployment says."""

    name: str
    version: int
    variant: str
    batch: int
    replicas: int
    cpu: str
    wait: str
    change: str
    """Without the mark of the store's life."""
    asked: Json | None
    paused: bool
    adopted: bool

    @classmethod
    def of(cls, event: Event) -> Told:
        meta, spec = event.object["metadata"], event.object["spec"]
        notes = {k.removeprefix("trimtab.dev/"): v for k, v in (meta.get("annotations") or {}).items()}
        container = next(c for c in spec["template"]["spec"]["containers"] if c["name"] == "server")
        env = {e["name"].removeprefix("TRIMTAB_"): e.get("value", "") for e in container["env"]}
        return cls(
            name=event.name,
            version=event.version,
            variant=env["VARIANT"],
            batch=int(env["BATCH"]),
            replicas=int(spec["replicas"]),
            cpu=container["resources"]["requests"]["cpu"],
            wait=env["BATCH_WAIT_S"],
            change=notes.get("change", INITIAL).split(".")[0],
            asked=json.loads(notes["asked"]) if "asked" in notes else None,
            paused=notes.get("paused") == "true",
            adopted="adopt" in notes and notes["adopt"] == notes.get("change"),
        )

    @property
    def spec(self) -> tuple[object, ...]:
        """What runs, of what Trimtab may set."""
        return tuple(getattr(self, name) for name in FIELDS)

    @property
    def running(self) -> tuple[str, int, int]:
        return self.variant, self.batch, self.replicas

    @property
    def edited(self) -> bool:
        """Whether it says something else than Trimtab asked for."""
        if self.asked is None:
            return False
        stage = self.asked["stage"]
        return self.running != (stage["variant"], stage["batch"], self.asked["replicas"])


@dataclass(slots=True)
class Judge:
    """Judges one pipeline. `complaints` is empty where all was well."""

    pipeline: Pipeline
    start: Configuration
    intents: Mapping[str, Configuration]
    """Everything that was ever approved, by decision."""
    hands: set[int] = field(default_factory=set)
    """Versions that a person wrote."""
    quiet: Sequence[tuple[int, int]] = ()
    """From and until which version Trimtab had no say over it."""

    def complaints(self, events: Sequence[Event]) -> list[str]:
        """Return what is wrong with the versions of its Deployments, in the server's order."""
        ours = [Told.of(e) for e in events if e.name in self._stages()]
        by_name = {name: [t for t in ours if t.name == name] for name in self._stages()}
        found = [text for each in by_name.values() for text in self._of_one(each)]
        return found + list(self._cores(ours))

    def _stages(self) -> dict[str, str]:
        return {f"{self.pipeline.name}-{stage.name}": stage.name for stage in self.pipeline.stages}

    def _of_one(self, versions: Sequence[Told]) -> Iterator[str]:
        before: dict[str, tuple[str, int, int]] = {}
        """What ran when a change was first written: what it may be put back to."""
        for was, now in pairwise(versions):
            if now.version in self.hands or (now.spec, now.asked, now.change) == (
                was.spec,
                was.asked,
                was.change,
            ):
                continue
            where = f"{now.name} at {now.version}: {was.change} {was.spec} -> {now.change} {now.spec}"
            put_back = now.change != was.change and now.running == before.get(was.change)
            if now.change in before and now.change != was.change and not put_back:
                yield f"{where}: was applied twice"
            if now.change != was.change and not put_back:
                before.setdefault(now.change, was.running)
            yield from self._allowed(was, now, where, put_back=put_back)

    def _allowed(self, was: Told, now: Told, where: str, *, put_back: bool) -> Iterator[str]:
        if was.paused:
            yield f"{where}: it was paused"
        if was.edited and not was.adopted:
            yield f"{where}: an edit by hand was written over"
        if any(since < now.version <= until for since, until in self.quiet):
            yield f"{where}: somebody else had a say over it"
        if now.edited:
            yield f"{where}: says other than what was asked for"
        if put_back:
            return
        if now.change not in self.intents:
            yield f"{where}: is in no record"
            return
        target = self.intents[now.change][self._stages()[now.name]]
        yield from _on_the_way(was, now, target, where)

    def _cores(self, versions: Sequence[Told]) -> Iterator[str]:
        """Yield where all stages together have more cores than they may, by what Trimtab wrote."""
        now: dict[str, Told] = {}
        for told in versions:
            grown = told.name in now and self._cores_of(told) > self._cores_of(now[told.name])
            now[told.name] = told
            cores = sum(self._cores_of(each) for each in now.values())
            most = self.pipeline.limits.max_cores
            if most is not None and cores > most and grown and told.version not in self.hands:
                yield f"{told.name} at {told.version}: {cores:g} cores of at most {most:g}"
            bounds = self.pipeline.stage(self._stages()[told.name]).replicas
            if not bounds.min <= told.replicas <= bounds.max and told.version not in self.hands and grown:
                yield f"{told.name} at {told.version}: {told.replicas} replicas"

    def _cores_of(self, told: Told) -> float:
        return told.replicas * self.pipeline.stage(self._stages()[told.name]).variant(told.variant).cores


def _on_the_way(was: Told, now: Told, target: StageConfiguration, where: str) -> Iterator[str]:
    if (now.variant, now.batch) != (target.variant, target.batch):
        yield f"{where}: runs what nobody approved, {target.variant} at {target.batch}"
    if not target.replicas <= now.replicas <= max(was.replicas, target.replicas):
        yield f"{where}: has replicas that are not on the way to {target.replicas}"


def intents_of(path: Path) -> dict[str, Configuration]:
    """Return every configuration of a store that was approved and about to be applied, by decision."""
    store = DecisionStore(path, read_only=True)
    found = {i.decision: i.certificate.configuration for i in store.open_intents()}
    for decision in store.latest(store.count()):
        if decision.certificate is not None:
            found[decision.id] = decision.certificate.configuration
    store.close()
    return found
