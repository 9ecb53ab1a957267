"""Folders of results that nobody measured: figures drawn from a seed, laid out as `trimtab evaluate` does."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Record = dict[str, object]

PROVENANCE: Mapping[str, object] = {
    "git": "0123456789abcdef0123456789abcdef01234567",
    "dirty": False,
    "trimtab": "0.1.0",
    "python": "3.11.2",
    "numpy": "2.4.6",
    "pulp": "3.3.0",
    "highspy": "1.11.0",
    "machine": "A processor of nobody's",
    "cores": 2,
    "started": "2025-01-02T03:04:05+00:00",
    "scenario_digest": "abc",
}
SECONDS = 300
QUALITY = {"oracle": (0.95, 5.0), "ilp": (0.94, 5.3), "ipa": (0.92, 6.4), "fa2-high": (0.95, 12.0)}
QUALITY |= {"infaas-low": (0.72, 3.1), "hpa": (0.90, 9.0)}
"""Effective accuracy and mean cores of each policy, before chance."""


def episode(scenario: str, policy: str, seed: int, **figures: object) -> Record:
    """Return one episode as a row; what is not given is plain."""
    pipeline, _, group = scenario.partition("/")
    plain: Record = {
        "suite": "paper",
        "scenario": scenario,
        "pipeline": pipeline,
        "group": group,
        "policy": policy,
        "seed": seed,
        "requests": 1000,
        "completed": 990,
        "dropped": 10,
        "slo_attainment": 0.995,
        "effective_accuracy": 0.9,
        "accuracy": 0.91,
        "core_seconds": 1500.0,
        "mean_cores": 5.0,
        "switches": 3,
        "replica_starts": 4,
        "p50_s": 0.1,
        "p95_s": 0.2,
        "p99_s": 0.3,
        "decisions": 30,
        "decision_mean_s": 0.004,
        "decision_p99_s": 0.009,
        "wall_s": 0.5,
        "score": 1.0,
        "slo_s": 0.5,
        "extra": "{}",
        **PROVENANCE,
    }
    unknown = set(figures) - set(plain)
    assert not unknown, f"no such column: {unknown}"
    return plain | figures


def scored(scenario: str, scores: Mapping[str, Sequence[float | None]], **figures: object) -> list[Record]:
    """Return an episode for each policy and score; the seeds are 0, 1, 2..."""
    return [
        episode(scenario, policy, seed, score=score, **figures)
        for policy, of_policy in scores.items()
        for seed, score in enumerate(of_policy)
    ]


def write(folder: Path, episodes: Iterable[Record], series: Mapping[str, object] | None = None) -> Path:
    """Write a folder of results and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(episodes)), folder / "episodes.parquet")
    if series is not None:
        pq.write_table(pa.table(series), folder / "series.parquet")
    return folder


def paper_like(
    folder: Path,
    *,
    pipelines: Sequence[str] = ("video", "nlp"),
    traces: Sequence[str] = ("bursty", "steady-low"),
    policies: Mapping[str, tuple[float, float]] = QUALITY,
    seeds: int = 5,
    seconds: int = SECONDS,
) -> Path:
    """Write a whole suite, made up: every policy on every trace, with the series of the first seed."""
    rng = np.random.default_rng(7)
    scenarios = [f"{pipeline}/{trace}" for pipeline in pipelines for trace in traces]
    episodes = [
        _drawn(rng, scenario, policy, seed, quality)
        for scenario in scenarios
        for policy, quality in policies.items()
        for seed in range(seeds)
    ]
    columns: dict[str, list[object]] = {}
    for scenario in scenarios:
        load_rps = _load_rps(rng, scenario, seconds)
        for policy, (_, cores) in policies.items():
            for name, values in _second_by_second(rng, scenario, policy, load_rps, cores).items():
                columns.setdefault(name, []).extend(values)
    return write(folder, episodes, columns)


def _drawn(
    rng: np.random.Generator, scenario: str, policy: str, seed: int, quality: tuple[float, float]
) -> Record:
    accuracy = float(np.clip(quality[0] + rng.normal(0, 0.006), 0, 1))
    cores = quality[1] * (1.4 if "nlp" in scenario else 1.0) * float(rng.normal(1, 0.03))
    attainment = float(np.clip(accuracy / 0.95, 0, 1))
    return episode(
        scenario,
        policy,
        seed,
        effective_accuracy=accuracy,
        slo_attainment=attainment,
        mean_cores=cores,
        score=10 * accuracy - 0.2 * cores,
        switches=int(rng.integers(0, 30)),
        extra=json.dumps({"drawn": True}),
    )


def _load_rps(rng: np.random.Generator, scenario: str, seconds: int) -> Counts:
    time_s = np.arange(seconds)
    swing = 12 * np.exp(-(((time_s - seconds / 2) / 25) ** 2)) if "bursty" in scenario else 0.0
    return rng.poisson(14 + swing + 2 * np.sin(time_s / 30))


def _second_by_second(
    rng: np.random.Generator,
    scenario: str,
    policy: str,
    load_rps: Counts,
    cores: float,
) -> dict[str, list[object]]:
    seconds = load_rps.size
    busy = np.convolve(load_rps, np.ones(10) / 10, mode="same") / (4 * cores)
    latency_s = 0.18 + 0.2 * busy + rng.exponential(0.03, seconds)
    dropped = rng.poisson(np.maximum(0, busy - 1) * 3)
    return {
        "scenario": [scenario] * seconds,
        "policy": [policy] * seconds,
        "second": list(range(seconds)),
        "arrivals": load_rps.tolist(),
        "completed": (load_rps - np.minimum(dropped, load_rps)).tolist(),
        "dropped": dropped.tolist(),
        "late": rng.poisson(np.maximum(0, latency_s - 0.5) * 4).tolist(),
        "latency_s": [None if k % 97 == 0 else value for k, value in enumerate(latency_s.tolist())],
        "cores": np.ceil(cores * (0.6 + 0.6 * np.minimum(busy, 1.2))).tolist(),
        "queue": rng.poisson(busy).tolist(),
    }
