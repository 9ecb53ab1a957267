"""Random small instances for the oracle, and the way from one to the product's own values.

Limits are drawn around what some random configuration needs: they bind, conflict or are slack in turn.
Two in five instances use few round figures: many configurations then tie, and limits are met exactly.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from core.belief import AccuracyFactor, Belief, Evidence, LatencyFactor, ReplicaCap
from core.configuration import Configuration, StageConfiguration
from core.document import pipeline_from
from core.problem import Margins, Problem, VariantName
from tests.core.brute import Instance, Setting, accuracy_of, edges_of, figures, loads_of, waiting_order

Mode = Literal["product", "sum", "measured"]
Kind = Literal["weighted", "cost", "accuracy"]
MODES: tuple[Mode, ...] = ("product", "sum", "measured")
KINDS: tuple[Kind, ...] = ("weighted", "cost", "accuracy")

MOST_CONFIGURATIONS = 30_000
"""Enumerating more takes the oracle over a tenth of a second."""

EVIDENCE = Evidence(statement="measured", low=0.5, high=2.0, since_s=0.0)


def case(seed: int) -> Instance:
    """Return instance *seed*, walking through all modes and objectives."""
    mode, kind = list(itertools.product(MODES, KINDS))[seed % 9]
    return _Draw(seed, mode, kind).instance()


def problem_of(instance: Instance) -> Problem:
    """Return the instance as the product states it."""
    running = None if instance.running is None else configuration_of(instance.running)
    belief = Belief(
        latency=tuple(
            LatencyFactor(stage=s, variant=v, factor=f, evidence=EVIDENCE)
            for (s, v), f in instance.slower.items()
        ),
        accuracy=tuple(
            AccuracyFactor(stage=s, variant=v, factor=f, evidence=EVIDENCE)
            for (s, v), f in instance.accuracy_left.items()
        ),
        capacity=tuple(
            ReplicaCap(stage=s, replicas=n, evidence=EVIDENCE) for s, n in instance.replica_cap.items()
        ),
    )
    return Problem.of(
        pipeline_from(instance.document),
        instance.load_rps,
        margins=Margins(headroom=instance.headroom, wait_quantile=instance.wait_quantile),
        belief=belief,
        running=running,
        excluded=tuple(VariantName(stage=s, variant=v) for s, v in sorted(instance.excluded)),
    )


def configuration_of(settings: Mapping[str, Setting]) -> Configuration:
    """Return the settings as a configuration."""
    return Configuration(
        stages=tuple(
            StageConfiguration(stage=name, variant=s.variant, batch=s.batch, replicas=s.replicas)
            for name, s in settings.items()
        )
    )


def settings_of(configuration: Configuration) -> dict[str, Setting]:
    """Return a configuration in the oracle's terms."""
    return {s.stage: Setting(s.variant, s.batch, s.replicas) for s in configuration.stages}


def any_settings(instance: Instance, rng: random.Random) -> dict[str, Setting]:
    """Return settings that exist but need not be feasible: counts reach beyond the bounds."""
    settings = {}
    for stage in instance.stages:
        most = stage["replicas"]["max"]
        variant = rng.choice(stage["variants"])
        batches = [p["batch"] for p in variant["profile"]]
        allowed = [b for b in batches if stage.get("batches") is None or b in stage["batches"]]
        settings[stage["name"]] = Setting(variant["name"], rng.choice(allowed), rng.randint(0, most + 1))
    return settings


class _Draw:
    """One instance being drawn."""

    def __init__(self, seed: int, mode: Mode, kind: Kind) -> None:
        self.rng = random.Random(seed)
        self.mode, self.kind = mode, kind
        self.round = self.rng.random() < 0.4

    def instance(self) -> Instance:
        stages = self.stages()
        while self.size(stages) > MOST_CONFIGURATIONS:
            widest = max(stages, key=lambda s: s["replicas"]["max"] * len(s["variants"]))
            if widest["replicas"]["max"] > widest["replicas"]["min"] + 1:
                widest["replicas"]["max"] -= 1
            else:
                max(stages, key=lambda s: len(s["variants"]))["variants"].pop()
        for stage in stages:
            self.limit_batches(stage)
        spec: dict[str, Any] = {
            "slo": {"latency": 1.0},
            "accuracy": self.mode,
            "objective": {"alpha": 1.0},
            "stages": stages,
        }
        if self.mode == "measured":
            spec["accuracyTable"] = self.table(stages)
        document = {
            "apiVersion": "trimtab/v1",
            "kind": "Pipeline",
            "metadata": {"name": "toy"},
            "spec": spec,
        }
        return self.with_limits(self.with_circumstances(Instance(document, self.load())))

    def size(self, stages: list[dict[str, Any]]) -> int:
        size = 1
        for s in stages:
            counts = s["replicas"]["max"] - s["replicas"]["min"] + 1
            size *= counts * sum(len(v["profile"]) for v in s["variants"])
        return size

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def number(self, low: float, high: float, digits: int) -> float:
        """Return a number between the bounds, of few digits where the instance is a round one."""
        value = self.rng.uniform(low, high)
        return max(round(value, digits), 10.0**-digits) if self.round else value

    def load(self) -> float:
        if self.chance(0.03):
            return 0.0
        return float(self.rng.choice([2, 4, 5, 8, 10])) if self.round else self.rng.uniform(0.5, 25.0)

    def stages(self) -> list[dict[str, Any]]:
        count = self.rng.choice([1, 2, 2, 3, 3, 3, 4, 4])
        chain = self.chance(0.4)
        stages = []
        for k in range(count):
            stage = self.stage(k, most_variants=2 if count == 4 else 4 if count < 3 else 3)
            if not chain:
                stage["after"] = self.edges(k)
            stages.append(stage)
        if not chain and self.chance(0.5):
            self.rng.shuffle(stages)  # a file may list them in any order, once every edge is written out
        return stages

    def stage(self, k: int, *, most_variants: int) -> dict[str, Any]:
        least = self.rng.choice([0, 1, 1, 1, 2])
        names = self.rng.sample(["a", "b", "c", "d", "e"], self.rng.randint(1, most_variants))
        stage: dict[str, Any] = {
            "name": f"s{k}",
            "replicas": {"min": least, "max": least + self.rng.randint(2, 7)},
            "variants": [self.variant(name) for name in names],
        }
        if self.chance(0.2):
            stage["maxCores"] = self.number(2, 8, 0)
        return stage

    def limit_batches(self, stage: dict[str, Any]) -> None:
        """Allow only some of the measured batch sizes, at least one for each variant."""
        if self.chance(0.2):
            sizes = [{p["batch"] for p in v["profile"]} for v in stage["variants"]]
            stage["batches"] = sorted({min(s) for s in sizes} | ({1, 4} & set().union(*sizes)))

    def variant(self, name: str) -> dict[str, Any]:
        variant: dict[str, Any] = {
            "name": name,
            "accuracy": 0.0 if self.chance(0.06) else self.number(0.3, 1.0, 1),
            "cores": self.rng.choice([0.5, 1, 1, 2, 4]),
            "profile": self.profile(),
        }
        if self.chance(0.5):
            variant["loadTime"] = self.number(1, 20, 0)
        if self.chance(0.35):
            variant["fanOut"] = self.fan_out()
        return variant

    def fan_out(self) -> float:
        return self.rng.choice([0.0, 0.5, 1.0, 1.5, 2.0, 0.3 if self.round else self.rng.uniform(0.3, 2.0)])

    def profile(self) -> list[dict[str, float]]:
        one_s, shared, given = self.number(0.05, 0.4, 1), self.rng.uniform(0.1, 0.8), self.chance(0.5)
        points = []
        for batch in sorted(self.rng.sample([1, 2, 4, 8], self.rng.randint(1, 3))):
            latency_s = one_s * (shared + (1 - shared) * batch)
            latency_s = round(latency_s, 2) if self.round else latency_s
            point: dict[str, float] = {"batch": batch, "latency": latency_s}
            if given:
                rate = batch / latency_s * self.rng.uniform(0.9, 1.5)
                point["throughput"] = round(rate) + 1.0 if self.round else rate
            if self.chance(0.3):
                point["median"] = latency_s * self.rng.uniform(0.6, 1.05)
            points.append(point)
        self.rng.shuffle(points)
        return points

    def edges(self, k: int) -> list[Any]:
        parents = self.rng.sample(range(k), self.rng.randint(0, min(k, 3)))
        edges: list[Any] = []
        for p in parents:
            fans_out = self.chance(0.4)
            edges.append({"stage": f"s{p}", "fanOut": self.fan_out()} if fans_out else f"s{p}")
        return edges

    def table(self, stages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for names in itertools.product(*([v["name"] for v in s["variants"]] for s in stages)):
            if not rows or not self.chance(0.2):
                rows.append({"variants": list(names), "accuracy": self.number(0.2, 1.0, 1)})
        self.rng.shuffle(rows)
        return rows

    def with_circumstances(self, instance: Instance) -> Instance:
        """Add margins, beliefs, exclusions and a running configuration to some."""
        rng, pairs = self.rng, [(s["name"], v["name"]) for s in instance.stages for v in s["variants"]]
        changes: dict[str, Any] = {}
        if self.chance(0.3):
            changes["headroom"] = rng.choice([0.9, 1.1, 1.25])
        if self.chance(0.2):
            changes["wait_quantile"] = rng.choice([0.5, 0.9, 0.99])
        if self.chance(0.25):
            changes["slower"] = {pair: rng.uniform(0.8, 1.6) for pair in pairs if self.chance(0.5)}
        if self.chance(0.25):
            changes["accuracy_left"] = {pair: rng.uniform(0.5, 1.0) for pair in pairs if self.chance(0.5)}
        if self.chance(0.15):
            stage = rng.choice(instance.stages)
            changes["replica_cap"] = {stage["name"]: max(1, stage["replicas"]["max"] - 1)}
        if self.chance(0.15):
            changes["excluded"] = frozenset({rng.choice(pairs)})
        if self.chance(0.5):
            running = any_settings(instance, rng)
            if self.chance(0.1):
                running.pop(instance.stages[0]["name"])
            changes["running"] = running
        return replace(instance, **changes)

    def with_limits(self, instance: Instance) -> Instance:
        """Draw SLO, budget and floor around what one configuration needs."""
        settings = self.sufficient(instance)
        loads, edges = loads_of(instance, settings), edges_of(instance)
        ends: dict[str, float] = {}
        cores = 0.0
        for stage in waiting_order(instance):
            name = stage["name"]
            f = figures(instance, stage, settings[name], loads[name])
            finite_s = min(f.latency_s, 5.0)
            ends[name] = finite_s + max((ends[p] for p, _ in edges[name]), default=0.0)
            cores += f.cores
        accuracy = accuracy_of(instance, {n: s.variant for n, s in settings.items()}) or 0.5
        spec = dict(instance.spec)
        spec["slo"] = {"latency": max(ends.values()) * self.around(0.9, 4.0)}
        spec["objective"] = self.objective(cores, accuracy)
        if self.chance(0.35):
            spec["limits"] = {"maxCores": max(0.5, cores * self.around(0.8, 2.5))}
        return replace(instance, document={**instance.document, "spec": spec})

    def around(self, low: float, high: float) -> float:
        """Return a share of what is needed: exactly 1 in some round instances."""
        return 1.0 if self.round and self.chance(0.4) else self.rng.uniform(low, high)

    def sufficient(self, instance: Instance) -> dict[str, Setting]:
        """Return one configuration that carries the load if its bounds allow."""
        settings: dict[str, Setting] = {}
        drawn = any_settings(instance, self.rng)
        for stage in waiting_order(instance):
            name = stage["name"]
            most = stage["replicas"]["max"]
            settings = {**drawn, **settings}
            load_rps = instance.headroom * loads_of(instance, settings)[name]
            one = figures(instance, stage, drawn[name]._replace(replicas=1), load_rps).capacity_rps
            n = max(stage["replicas"]["min"], min(most, int(load_rps / one) + 1))
            settings[name] = drawn[name]._replace(replicas=n)
        return settings

    def objective(self, cores: float, accuracy: float) -> dict[str, Any]:
        floor = min(accuracy * self.around(0.6, 1.05), 4.0)
        if self.kind == "cost":
            return {"minimise": "cost", "minAccuracy": floor}
        if self.kind == "accuracy":
            cap = {"maxCores": max(0.5, cores * self.around(0.8, 2.0))} if self.chance(0.7) else {}
            return {"maximise": "accuracy", **cap}
        weighted: dict[str, Any] = {"alpha": self.number(0.5, 20, 0), "beta": self.number(0.02, 1.0, 1)}
        if self.chance(0.1):
            weighted["alpha"] = 0.0
        weighted["delta"] = self.rng.choice([0.0, 1e-6, 0.01])
        weighted["rho"] = self.rng.choice([0.0, 0.0, 0.02])
        return weighted | ({"minAccuracy": floor} if self.chance(0.25) else {})
