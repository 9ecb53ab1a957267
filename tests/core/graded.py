"""Instances in which accuracy costs cores, so that their frontiers are long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tests.core.brute import Instance
from tests.core.instances import case

ROOM = 2.0
"""How many times the drawn SLO; floors and budgets are lifted."""


def graded_case(seed: int) -> Instance:
    """Return instance *seed* with its accuracies dealt out in the order of what variants cost."""
    instance = case(seed)
    spec = dict(instance.spec)
    spec["slo"] = {"latency": spec["slo"]["latency"] * ROOM}
    spec["objective"] = {"alpha": 1.0}
    spec.pop("limits", None)
    ranks: dict[tuple[str, str], int] = {}
    for stage in spec["stages"]:
        accuracies = sorted(v["accuracy"] for v in stage["variants"])
        for k, variant in enumerate(sorted(stage["variants"], key=core_seconds)):
            variant["accuracy"] = accuracies[k]
            ranks[stage["name"], variant["name"]] = k
    if "accuracyTable" in spec:
        deal_rows(spec, ranks)
    return replace(instance, document={**instance.document, "spec": spec})


def core_seconds(variant: Mapping[str, Any]) -> float:
    """Return the least core-seconds that one item takes."""
    return float(variant["cores"] * min(p["latency"] / p["batch"] for p in variant["profile"]))


def deal_rows(spec: Mapping[str, Any], ranks: Mapping[tuple[str, str], int]) -> None:
    """Give dearer combinations the higher of the table's accuracies."""
    names = [stage["name"] for stage in spec["stages"]]
    accuracies = sorted(row["accuracy"] for row in spec["accuracyTable"])
    rows = sorted(
        spec["accuracyTable"],
        key=lambda row: sum(ranks[pair] for pair in zip(names, row["variants"], strict=True)),
    )
    for row, accuracy in zip(rows, accuracies, strict=True):
        row["accuracy"] = accuracy
