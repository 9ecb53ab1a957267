"""Files in the format of IPA's authors, with figures that fit in the head: nothing of theirs is in here.

Every stage has `tiny` (accuracy 40 %, one core, 20 rps one by one) and `huge` (80 %, four cores, 10 rps); the
first of `nlp` has only `huge`, like IPA's. Traces are forty seconds.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from evals.ipa import COLUMN, NAMES, TRACES

SECONDS = 40
LOADS = {"bursty": [6, 6, 18, 6], "steady-low": [4] * 4, "steady-high": [24] * 4, "fluctuating": [6, 12] * 2}
"""Requests per second in each ten seconds."""


def variant(name: str, pct: float, rank: float, cores: int, latency_s: float) -> dict[str, Any]:
    """Return a variant with one batch of one and one of four, which takes twice as long."""
    return {
        "name": name,
        "accuracy_positive_pct": pct,
        "rank_normalised": rank,
        "base_cpu": cores,
        "used_by_optimizer_batch_to_lat_thr_after_margins": {
            "1": [latency_s, 1 / latency_s],
            "4": [2 * latency_s, 2 / latency_s],
        },
        "something_else": [1, 2, 3],
    }


TINY, HUGE = variant("tiny", 40.0, 0.0, 1, 0.05), variant("huge", 80.0, 1.0, 4, 0.1)


def document(name: str, **changes: object) -> dict[str, Any]:
    """Return the content of a pipeline's file."""
    stages = [{"task": task, "node": "x", "variants": [TINY, HUGE]} for task in ("first", "second")]
    if name == "nlp":
        stages.insert(0, {"task": "zeroth", "node": "x", "variants": [HUGE]})
    found: dict[str, Any] = {
        "pipeline": name,
        "sla_paper_v1_table6_s": {"stages": [1.0, 2.0], "e2e": 3.0},
        "optimizer_config_ms14_ipa": {
            "alpha": 10,
            "beta": 0.5,
            "gamma": 1e-6,
            "batching_cap": 1,
            "predictor_margin": 20,
            "timeout": 1,
        },
        "stages": stages,
    }
    return found | changes


def written(folder: Path) -> Path:
    """Write all pipelines and traces, and return the folder."""
    for part in ("pipelines", "traces"):
        (folder / part).mkdir(parents=True)
    for name in NAMES:
        (folder / "pipelines" / f"{name}.json").write_text(json.dumps(document(name)))
    for pattern in TRACES:
        loads = [rps for rps in LOADS[pattern] for _ in range(10)]
        rows = [f"second,trace_index_s,raw_tweets_per_s,{COLUMN}"]
        rows += [f"{second},{100 + second},{8 * rps + 3},{rps}" for second, rps in enumerate(loads)]
        (folder / "traces" / f"{pattern}.csv").write_text("\n".join(rows) + "\n")
    return folder
