"""The oracle: every configuration of a small instance, worked out from the raw profiles.

It imports nothing of the product. Its input is a parsed pipeline file and the plain numbers that go with it;
its formulas are DESIGN section 2, in scalar arithmetic. The search goes stage by stage and turns back only
where a limit is already broken and nothing below could mend it (a stage that does not carry its load, a path
longer than the SLO, more cores than there are), so every feasible variant, batch and count is met.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any, NamedTuple

ROUNDING = 1e-9
"""Relative slack within which a limit counts as kept, as the product documents it."""


class Setting(NamedTuple):
    """What one stage runs."""

    variant: str
    batch: int
    replicas: int


@dataclass(frozen=True)
class Instance:
    """A pipeline file, a load in requests per second, and everything else that the answer depends on."""

    document: Mapping[str, Any]
    load_rps: float
    headroom: float = 1.0
    wait_quantile: float | None = None
    slower: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """Latency factor by stage and variant."""
    accuracy_left: Mapping[tuple[str, str], float] = field(default_factory=dict)
    replica_cap: Mapping[str, int] = field(default_factory=dict)
    running: Mapping[str, Setting] | None = None
    excluded: frozenset[tuple[str, str]] = frozenset()

    @property
    def spec(self) -> Mapping[str, Any]:
        spec: Mapping[str, Any] = self.document["spec"]
        return spec

    @property
    def stages(self) -> list[Mapping[str, Any]]:
        return list(self.spec["stages"])

    @property
    def floor(self) -> float:
        return float(self.spec["objective"].get("minAccuracy") or 0.0)

    @property
    def budget(self) -> float:
        """Cores the pipeline may use; infinite where nothing limits them."""
        granted = (self.spec.get("limits") or {}).get("maxCores")
        capped = self.spec["objective"].get("maxCores")
        return min((float(c) for c in (granted, capped) if c is not None), default=math.inf)


@dataclass(frozen=True)
class Candidate:
    """One configuration with what it is worth."""

    settings: Mapping[str, Setting]
    accuracy: float | None
    """None for variants that were never measured together."""
    cores: float
    latency_s: float
    stage_latency_s: tuple[float, ...]
    """Of each stage, in the order of waiting."""
    batches: int
    switching: float
    changes: int
    """Stages that are not as they run now."""


def edges_of(instance: Instance) -> dict[str, list[tuple[str, float]]]:
    """Return where each stage's items come from, with the edge's fan-out: absent means the stage above."""
    found: dict[str, list[tuple[str, float]]] = {}
    above = None
    for stage in instance.stages:
        after = stage.get("after")
        if after is None:
            after = [] if above is None else [above]
        found[stage["name"]] = [
            (e, 1.0) if isinstance(e, str) else (e["stage"], float(e.get("fanOut", 1.0))) for e in after
        ]
        above = stage["name"]
    return found


def waiting_order(instance: Instance) -> list[Mapping[str, Any]]:
    """Return the stages so that each comes after those it waits for."""
    edges = edges_of(instance)
    left, done, order = instance.stages, set[str](), []
    while left:
        ready = next(s for s in left if all(p in done for p, _ in edges[s["name"]]))
        left.remove(ready)
        done.add(ready["name"])
        order.append(ready)
    return order


def service_s(instance: Instance, stage: str, variant: Mapping[str, Any], point: Mapping[str, Any]) -> float:
    factor: float = instance.slower.get((stage, variant["name"]), 1.0)
    return float(point["latency"]) * factor


def one_replica_rps(
    instance: Instance, stage: str, variant: Mapping[str, Any], point: Mapping[str, Any]
) -> float:
    """Return what a single replica serves: as measured, else batch / latency; a slower one serves less."""
    measured = point.get("throughput")
    rate = point["batch"] / point["latency"] if measured is None else measured
    return float(rate) / instance.slower.get((stage, variant["name"]), 1.0)


def fill_s(batch: int, load_rps: float) -> float:
    if batch == 1:
        return 0.0
    return float(batch - 1) / load_rps if load_rps > 0 else math.inf


def wait_s(instance: Instance, point: Mapping[str, Any], rate_rps: float, n: int, load_rps: float) -> float:
    """Return the quantile of the queueing wait by Sakasegawa's and Allen-Cunneen's formulas."""
    q = instance.wait_quantile
    if q is None or load_rps == 0:
        return 0.0
    if n == 0 or load_rps >= n * rate_rps:
        return math.inf
    median = point.get("median")
    cs2 = 0.05
    if median is not None and median < point["latency"]:
        cs2 = math.exp((math.log(point["latency"] / median) / NormalDist().inv_cdf(0.99)) ** 2) - 1
    b = int(point["batch"])
    used = load_rps / (n * rate_rps)
    p_wait: float = used ** (math.sqrt(2 * (n + 1)) - 1)
    mean = (1 / b + cs2) / 2 * (b / rate_rps) / (n * (1 - used))
    return max(0.0, mean * math.log(p_wait / (1 - q)))


def replica_range(instance: Instance, stage: Mapping[str, Any]) -> tuple[int, int]:
    bounds = stage.get("replicas") or {}
    most = min(bounds.get("max", 100), instance.replica_cap.get(stage["name"], 10**9))
    return bounds.get("min", 1), most


def own_accuracy(instance: Instance, stage: str, variant: Mapping[str, Any]) -> float:
    left: float = instance.accuracy_left.get((stage, variant["name"]), 1.0)
    return float(variant["accuracy"]) * left


def accuracy_of(instance: Instance, names: Mapping[str, str]) -> float | None:
    """Return the pipeline accuracy of a choice of variants; None where it was never measured."""
    variants = {
        s["name"]: next(v for v in s["variants"] if v["name"] == names[s["name"]]) for s in instance.stages
    }
    mode = instance.spec.get("accuracy", "product")
    if mode == "measured":
        key = [names[s["name"]] for s in instance.stages]
        rows = [r["accuracy"] for r in instance.spec["accuracyTable"] if list(r["variants"]) == key]
        left = math.prod(instance.accuracy_left.get(pair, 1.0) for pair in names.items())
        return rows[0] * left if rows else None
    values = [own_accuracy(instance, name, v) for name, v in variants.items()]
    return math.fsum(values) if mode == "sum" else math.prod(values)


def objective(instance: Instance, candidate: Candidate) -> float:
    """Return the value in the problem's own terms; `sign` says which way is better."""
    goal = instance.spec["objective"]
    assert candidate.accuracy is not None
    if goal.get("minimise"):
        return candidate.cores
    if goal.get("maximise"):
        return candidate.accuracy
    gain: float = goal.get("alpha", 1.0) * candidate.accuracy - goal.get("beta", 0.01) * candidate.cores
    gain -= goal.get("delta", 0.0) * candidate.batches
    gain -= goal.get("rho", 0.0) * candidate.switching
    return gain


def sign(instance: Instance) -> int:
    """Return 1 where more is better, -1 where less is."""
    return -1 if instance.spec["objective"].get("minimise") else 1


def feasible(instance: Instance) -> list[Candidate]:
    """Return every configuration that keeps every limit."""
    measured = [c for c in _in_time(instance) if c.accuracy is not None]
    return [c for c in measured if c.accuracy is not None and _reaches(c.accuracy, instance.floor)]


def best(instance: Instance, candidates: list[Candidate]) -> float:
    """Return the best objective among *candidates*."""
    way = sign(instance)
    return way * max(way * objective(instance, c) for c in candidates)


def ties(instance: Instance, candidates: list[Candidate], within: float = 2e-8) -> list[Candidate]:
    """Return the optima that the tie rule prefers, up to their names.

    The rule: least cores, then fewest settings changed, then the higher accuracy.
    """
    top = best(instance, candidates)
    left = [c for c in candidates if abs(objective(instance, c) - top) <= within * max(1.0, abs(top))]
    least = min(c.cores for c in left)
    left = [c for c in left if c.cores <= least + 1e-9]
    fewest = min(c.changes for c in left)
    left = [c for c in left if c.changes == fewest]
    highest = max(c.accuracy or 0.0 for c in left)
    return [c for c in left if (c.accuracy or 0.0) >= highest - 1e-9]


def trade_offs(candidates: list[Candidate]) -> list[tuple[float, float]]:
    """Return (cores, accuracy) of every one among *candidates* that no other beats, cheapest first."""
    points = sorted({(c.cores, -(c.accuracy or 0.0)) for c in candidates})
    kept: list[tuple[float, float]] = []
    for cores, lost in points:
        if not kept or -lost > kept[-1][1]:
            kept.append((cores, -lost))
    return kept


def loads_of(instance: Instance, settings: Mapping[str, Setting]) -> dict[str, float]:
    """Return the items per second that reach each stage."""
    edges, loads = edges_of(instance), dict[str, float]()
    fan_out = {
        s["name"]: {v["name"]: float(v.get("fanOut", 1.0)) for v in s["variants"]} for s in instance.stages
    }
    for stage in waiting_order(instance):
        name = stage["name"]
        brought = [loads[p] * fan_out[p][settings[p].variant] * f for p, f in edges[name]]
        loads[name] = max(brought) if brought else instance.load_rps
    return loads


@dataclass(frozen=True)
class StageFigures:
    """What one stage does under one setting at one load."""

    latency_s: float
    capacity_rps: float
    cores: float
    switching: float


def figures(instance: Instance, stage: Mapping[str, Any], setting: Setting, load_rps: float) -> StageFigures:
    """Work out one stage."""
    name = stage["name"]
    variant = next(v for v in stage["variants"] if v["name"] == setting.variant)
    point = next(p for p in variant["profile"] if p["batch"] == setting.batch)
    rate_rps = one_replica_rps(instance, name, variant, point)
    latency_s = service_s(instance, name, variant, point) + fill_s(setting.batch, load_rps)
    latency_s += wait_s(instance, point, rate_rps, setting.replicas, load_rps)
    before = (instance.running or {}).get(name)
    warm = before.replicas if before is not None and before.variant == setting.variant else 0
    cold = 0 if instance.running is None else max(0, setting.replicas - warm)
    cores = setting.replicas * variant["cores"]
    return StageFigures(
        latency_s, setting.replicas * rate_rps, cores, cold * variant["cores"] * variant.get("loadTime", 0.0)
    )


def settings_of(instance: Instance, stage: Mapping[str, Any]) -> Iterator[Setting]:
    """Yield every setting within the stage's own limits, whatever the load."""
    least, most = replica_range(instance, stage)
    cap = stage.get("maxCores")
    for variant in stage["variants"]:
        if (stage["name"], variant["name"]) in instance.excluded:
            continue
        for point in variant["profile"]:
            if stage.get("batches") is not None and point["batch"] not in stage["batches"]:
                continue
            for n in range(least, most + 1):
                if cap is None or _within(n * variant["cores"], cap):
                    yield Setting(variant["name"], point["batch"], n)


def _in_time(instance: Instance) -> Iterator[Candidate]:
    """Yield every configuration that keeps all limits but the accuracy's."""
    order, edges = waiting_order(instance), edges_of(instance)
    slo_s = instance.spec["slo"]["latency"]
    offered = {s["name"]: list(settings_of(instance, s)) for s in order}
    fan_out = {s["name"]: {v["name"]: float(v.get("fanOut", 1.0)) for v in s["variants"]} for s in order}
    known: dict[tuple[str, float], list[tuple[Setting, StageFigures]]] = {}

    def able(stage: Mapping[str, Any], load_rps: float) -> list[tuple[Setting, StageFigures]]:
        key = (stage["name"], load_rps)
        if key not in known:
            rows = [(s, figures(instance, stage, s, load_rps)) for s in offered[stage["name"]]]
            needed = instance.headroom * load_rps
            known[key] = [(s, f) for s, f in rows if _reaches(f.capacity_rps, needed)]
        return known[key]

    def further(
        k: int,
        chosen: dict[str, tuple[Setting, StageFigures]],
        loads: dict[str, float],
        ends: dict[str, float],
    ) -> Iterator[Candidate]:
        if k == len(order):
            yield _candidate(instance, chosen, max(ends.values()))
            return
        name = order[k]["name"]
        brought = [loads[p] * fan_out[p][chosen[p][0].variant] * f for p, f in edges[name]]
        load_rps = max(brought) if brought else instance.load_rps
        start_s = max((ends[p] for p, _ in edges[name]), default=0.0)
        spent = sum(f.cores for _, f in chosen.values())
        for setting, f in able(order[k], load_rps):
            end_s = start_s + f.latency_s
            if _within(end_s, slo_s) and _within(spent + f.cores, instance.budget):
                yield from further(
                    k + 1,
                    {**chosen, name: (setting, f)},
                    {**loads, name: load_rps},
                    {**ends, name: end_s},
                )

    yield from further(0, {}, {}, {})


def _candidate(
    instance: Instance, chosen: Mapping[str, tuple[Setting, StageFigures]], latency_s: float
) -> Candidate:
    settings = {name: setting for name, (setting, _) in chosen.items()}
    running = instance.running
    changed = 0 if running is None else sum(running.get(n) != s for n, s in settings.items())
    return Candidate(
        settings=settings,
        accuracy=accuracy_of(instance, {n: s.variant for n, s in settings.items()}),
        cores=math.fsum(f.cores for _, f in chosen.values()),
        latency_s=latency_s,
        stage_latency_s=tuple(f.latency_s for _, f in chosen.values()),
        batches=sum(s.batch for s in settings.values()),
        switching=math.fsum(f.switching for _, f in chosen.values()),
        changes=changed,
    )


def _within(value: float, limit: float) -> bool:
    return value <= limit * (1 + ROUNDING)


def _reaches(value: float, least: float) -> bool:
    return value >= least * (1 - ROUNDING)
